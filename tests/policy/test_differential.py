"""Whatever a short way accepts, marshmallow accepts with an equal result; whatever marshmallow refuses, so do all."""

from collections import Counter
from typing import Final

import pytest

from tests.policy.differential import Pair
from tests.schemas.samples import SAMPLES
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.registry import Registry

COUNT: Final = 10_000
SPECS: Final = Registry.scan("schemas").messages


@pytest.mark.parametrize("type", SAMPLES)
def test_ways_agree_on_reference_schema(type: str) -> None:
    """On ten thousand mutants of a message, both ways in and the way out."""
    seen = Pair(SPECS[type].message, SAMPLES[type]).compare(0, COUNT)

    assert COUNT == seen["texts"]
    print(type, SPECS[type].path, dict(seen))
