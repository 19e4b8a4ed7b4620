"""The ways that a message may take through its schema; whatever is refused must be refused on each of them.

`typed`: types decode the whole frame (msgspec); `compiled`: functions written for the schema read parsed JSON;
`marshmallow`: it does all of the work. A schema that a way cannot say takes the next one, as it does in service.
"""

from typing import Final

import pytest

from tornado_wssec.policy import typed
from tornado_wssec.policy.registry import Registry

WAYS: Final = ("typed", "compiled", "marshmallow")


def take(way: str, patch: pytest.MonkeyPatch) -> None:
    """Make every registry and endpoint of a test take this way at most."""
    assert typed.IS_THERE, "the tests come with msgspec; see the extra `dev`"
    assert way in WAYS
    if way != "typed":
        patch.setattr(typed.Decoder, "of", classmethod(lambda cls, accepted, envelope, limits: None))
    if way == "marshmallow":
        for make in (vars(Registry)["__init__"], vars(Registry)["scan"].__func__):
            patch.setitem(make.__kwdefaults__, "compiled", False)
