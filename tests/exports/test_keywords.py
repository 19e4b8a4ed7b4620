"""Each rule of a field is the keyword that JSON Schema has for it, and each name is free."""

import re
from typing import Any

import pytest

from tests.exports.variety import VARIETY
from tornado_wssec import PUBLIC, Message, Registry
from tornado_wssec.exports.asyncapi import asyncapi_of
from tornado_wssec.exports.expressions import as_python
from tornado_wssec.exports.json_schema import json_schema_of
from tornado_wssec.exports.python_types import export_python
from tornado_wssec.exports.typescript import export_typescript

DOCUMENT = json_schema_of(VARIETY)
FIELDS = DOCUMENT["$defs"]["in:every.thing"]["properties"]["data"]["properties"]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (FIELDS["exactly"], {"type": "string", "minLength": 3, "maxLength": 3}),
        (FIELDS["whole"], {"type": ["integer", "null"], "minimum": -5}),
        (FIELDS["own"], {"type": "integer", "enum": [1, 2, 3]}),
        (FIELDS["real"], {"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
        (FIELDS["span"], {"type": "number", "x-wssec-unit": "minutes", "minimum": 0, "maximum": 120}),
        (FIELDS["by_name"], {"enum": ["RED", "GREEN"]}),
        (FIELDS["by_value"], {"default": None, "enum": ["red", "green", None]}),
        (FIELDS["one_way"], {"type": "string", "enum": ["x", "y"], "not": {"enum": ["y"]}}),
        (FIELDS["even"], {"type": "integer", "multipleOf": 2, "x-wssec-field": "Even"}),
        (FIELDS["odd"], {"x-wssec-field": "Odd"}),
        (FIELDS["plucked"], {"type": "string", "const": "k"}),
        (FIELDS["one"], {"anyOf": [{"$ref": "#/$defs/object:Part"}, {"type": "null"}]}),
        (DOCUMENT["$defs"]["object:Part"]["properties"]["count"]["exclusiveMinimum"], 0),
        (FIELDS["flags"]["items"], {"type": "string", "maxLength": 3, "enum": ["a", "b"]}),
    ],
    ids=str,
)
def test_keyword_says_the_rule(node: Any, said: Any) -> None:
    """A length, a limit that counts or does not, a choice, null."""

    assert said == node


@pytest.mark.parametrize(
    ("name", "fit", "misfit"),
    [
        ("moment", "2026-12-31T23:59:59.5-01:30", "2026-01-32T00:00:00Z"),
        ("moment", "2026-01-31T00:00:00Z", "2026-13-01T00:00:00Z"),
        ("day", "2026-10-30", "2026-00-30"),
        ("money", "-1234.56", "12345.67"),
        ("money", "0.05", "0.005"),
        ("v4", "255.9.0.10", "256.9.0.10"),
    ],
)
def test_keyword_pattern_takes_one_spelling(name: str, fit: str, misfit: str) -> None:
    """Of what is no text any more once it has been read."""
    pattern = as_python(FIELDS[name]["pattern"])

    assert (True, False) == tuple(re.search(pattern, text) is not None for text in (fit, misfit))


def named(type_: str) -> type[Message]:
    """A message of this type."""
    return type("A", (Message,), {"Meta": type("Meta", (), {"type": type_, "permission": PUBLIC})})


def test_names_that_would_be_one_are_told_apart() -> None:
    """Types may differ in what no name can hold."""
    registry = Registry(named("a.b"), named("a-b"), named("a/b"), named("a:b"))
    keys = asyncapi_of(registry)["components"]["messages"]
    typescript, python = export_typescript(registry), export_python(registry)

    assert ["a.b", "a-b", "a/b", "a:b"] == [keys[key]["name"] for key in ("in.a.b", "in.a-b", "in.a-b-2", "in.a-b-3")]
    assert all([f"export interface AB{number} " in typescript for number in ("", 2, 3, 4)])
    assert 4 == len(set(re.findall(r"class (AB\w*)\(", python)))
