"""What strict mode would refuse can be exported as well: what cannot be said of it is named."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from tests.exports.node import asyncapi_verdict, compiled
from tests.exports.variety import LOOSE
from tornado_wssec.exports.asyncapi import export_asyncapi
from tornado_wssec.exports.comparison import compare
from tornado_wssec.exports.json_schema import exceptions_of, json_schema_of
from tornado_wssec.exports.python_types import export_python
from tornado_wssec.exports.typescript import export_typescript

DOCUMENT = json_schema_of(LOOSE)
REST = DOCUMENT["$defs"]["in:every.rest"]["properties"]["data"]["properties"]


def test_loose_schema_is_one() -> None:
    """It is valid, and equals itself."""
    Draft202012Validator.check_schema(DOCUMENT)

    assert [] == compare(DOCUMENT, json.loads(json.dumps(DOCUMENT)))


def test_loose_fields_are_named() -> None:
    """Other spellings, formats of the application's, validators over what is no text any more."""
    gaps = {(gap.path, gap.rule) for gap in exceptions_of(LOOSE)["in:every.rest"]}

    assert {
        ("loose", "other spellings of the same are taken, too"),
        ("when", "the format %Y"),
        ("always", "whatever comes stands for it"),
        ("sized", "Length(min=None, max=1, equal=None)"),
        ("none_of", "ContainsNoneOf(iterable=(2,))"),
        ("made", "code of String"),
    } <= gaps
    assert "chosen" in {path for path, _ in gaps}


def test_loose_validators_hold_together() -> None:
    """Of two lengths the narrower counts, and two expressions both do."""

    assert {"minItems": 2, "maxItems": 4} == {name: REST["bits"][name] for name in ("minItems", "maxItems")}
    assert [{"pattern": "^[ab]{1,2}$"}] == REST["twice"]["allOf"]


def test_loose_defaults_are_told_where_they_are_plain() -> None:
    """What a function makes, or what is no value of the field, is not."""

    assert [] == REST["fixed"]["default"]
    assert {"made", "odd_default"}.isdisjoint({name for name, node in REST.items() if "default" in node})


def test_loose_exports_are_well_formed(tmp_path: Path) -> None:
    """The parser of AsyncAPI, the compiler of TypeScript and Python itself take them."""
    (tmp_path / "loose.ts").write_text(export_typescript(LOOSE))
    python: dict[str, object] = {"__name__": "loose"}
    exec(export_python(LOOSE), python)  # noqa: S102  # it is what we have written

    assert {"parsed": True, "faults": []} == json.loads(asyncapi_verdict(export_asyncapi(LOOSE)))
    assert [] == compiled(tmp_path)
    assert {"T4thData", "EveryRestData", "EveryRestEventData", "EveryWholeData"} <= python.keys()
