"""A message that may be handled, and the one way to make one.

Rules of this file:
1. Whoever calls `permit` has asked every question that `Pipeline.admit` asks; a test lists who does.
2. What was permitted does not change.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Self

from .identity import Identity
from .reserved import ASK_A_CHANNEL
from .specs import MessageSpec


class _Fields(NamedTuple):
    spec: MessageSpec
    id: str | None
    data: dict[str, Any]
    wire: Mapping[str, Any]
    identity: Identity
    signed_by: str | None


class Permitted(_Fields):
    """A message that may be handled. Only `authorise`, and what does its work in one go, makes one.

    Args:
        spec, id, data: as validated; bound fields are filled in.
        wire: the data as it came.
        identity: the one that was asked; a changed one must be asked again (R043).
        signed_by: thumbprint of the key that signed it; None: it came unsigned.
    """

    __slots__ = ()

    def __init__(self, *_: object, **__: object) -> None:
        """Make none.

        Raises:
            TypeError: always; `permit` does not get here.
        """
        raise TypeError("a Permitted message is made by policy.pipeline.authorise alone")

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # it makes none
        return cls(*iterable)

    @property
    def needs_standing(self) -> bool:
        """Whether it is let in by what the application may take back: a right, or the key that signed it."""
        return self.signed_by is not None or not self.spec.is_public or self.spec.message in ASK_A_CHANNEL


permit: Final[Callable[[type[Permitted], tuple[Any, ...]], Permitted]] = tuple.__new__
"""`permit(Permitted, fields)` makes one; a plain tuple, since one is made for each message."""
