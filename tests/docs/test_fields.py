"""The reference of fields has every kind, and says of each what the code says."""

import pytest
from marshmallow import fields, validate

from tests.docs.field_probes import FIELDS, OURS, VALIDATORS, field_rows, refusal, validator_rows, way
from tests.docs.pages import DOCS

ALIASES = {"Bool", "Str", "Int", "URL"}
ABSTRACT = {"Mapping", "Number"}
NEVER = {kind for kind, (_, starting) in FIELDS.items() if not starting}


def test_fields_reference_leaves_no_kind_out() -> None:
    """Every field type of marshmallow's and of ours, and every validator."""
    validators = {
        name for name, kind in vars(validate).items() if isinstance(kind, type) and issubclass(kind, validate.Validator)
    }

    assert {*fields.__all__, *OURS} - ALIASES - ABSTRACT == set(FIELDS)
    assert validators - {"Validator"} == set(VALIDATORS)


@pytest.mark.requirement("R053")
@pytest.mark.parametrize("kind", FIELDS)
def test_fields_reference_starts_as_it_says(kind: str) -> None:
    """What is shown as it starts has no problem; what never does has one, with a remedy."""
    careless, starting = FIELDS[kind]

    assert "" == (refusal(starting) if starting else "")
    assert bool(starting) or "; " in refusal(careless)


@pytest.mark.parametrize("kind", VALIDATORS)
def test_fields_reference_validators_start(kind: str) -> None:
    """Each in a field that has all that it needs."""

    assert "" == refusal(VALIDATORS[kind])


def test_fields_reference_is_on_the_page() -> None:
    """Both tables, each made of all its rows; and every way that a row names is explained."""
    page = (DOCS / "fields.md").read_text(encoding="utf-8")

    assert ["fields", "validators"] == [name for name in ("fields", "validators") if f"{{truth}} {name}\n" in page]
    assert (len(FIELDS), len(VALIDATORS)) == (len(list(field_rows())), len(list(validator_rows())))
    ways = {way(starting).split(",")[0].split(":")[0] for _, starting in FIELDS.values() if starting}
    assert set() == {one for one in ways if f"`{one}`" not in page}


def test_fields_that_never_start() -> None:
    """What coerces, and what takes anything."""

    assert {"Float", "Decimal", "Boolean", "TimeDelta", "Raw", "Field", "Function", "Method"} == NEVER
