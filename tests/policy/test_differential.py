"""Whatever a short way accepts, marshmallow accepts with an equal result; whatever marshmallow refuses, so do all."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.policy.differential import Pair
from tests.policy.made_schemas import declarations
from tests.schemas.samples import SAMPLES
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.typed import IS_THERE

COUNT: Final = 10_000
MADE: Final = 50
MADE_COUNT: Final = 1_000
FLAT_COUNT: Final = 1_000
SPECS: Final = Registry.scan("schemas").messages


def assert_asked_enough(seen: Counter[str], path: str) -> None:
    """A comparison in which nothing is accepted, or everything, shows nothing."""
    assert 0.05 * seen["texts"] < seen["accepted"] < 0.5 * seen["texts"]
    assert seen["compiled"] == seen["accepted"]
    is_typed = IS_THERE and not any([word in path for word in ("by marshmallow", "then")])
    assert is_typed == (seen["typed"] > 0.9 * seen["accepted"])


@pytest.mark.parametrize("type", SAMPLES)
def test_ways_agree_on_reference_schema(type: str) -> None:
    """On ten thousand mutants of a message, the two short ways in, and the way out."""
    seen = Pair(SPECS[type].message, SAMPLES[type]).compare(0, COUNT)

    assert COUNT == seen["texts"]
    assert_asked_enough(seen, SPECS[type].path)


@pytest.mark.parametrize("type", SAMPLES)
def test_ways_agree_on_flat_envelopes(type: str) -> None:
    """Where the fields stand beside the type, too."""
    seen = Pair(SPECS[type].message, SAMPLES[type], Envelope.flat("of")).compare(0, FLAT_COUNT)

    assert_asked_enough(seen, SPECS[type].path)


@settings(
    max_examples=MADE,
    phases=[Phase.generate],  # a seed and a text tell enough, and shrinking would take minutes
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(declarations(), st.booleans())
def test_ways_agree_on_schemas_made_up(declared: tuple[Any, Mapping[str, Any]], is_flat: bool) -> None:
    """On a thousand mutants for each of fifty schemas that nobody thought of."""
    message, sample = declared

    seen = Pair(message, sample, Envelope.flat() if is_flat else None).compare(0, MADE_COUNT)

    assert MADE_COUNT == seen["texts"]
