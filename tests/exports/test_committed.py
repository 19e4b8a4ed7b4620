"""The exports that are committed are those of the catalogues as they stand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tornado_wssec import Registry
from tornado_wssec.exports.asyncapi import export_asyncapi
from tornado_wssec.exports.json_schema import export_json_schema
from tornado_wssec.exports.python_types import export_python
from tornado_wssec.exports.typescript import export_typescript

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "exports"


@pytest.mark.parametrize(
    ("name", "format", "export"),
    [
        ("schema.json", "json-schema", export_json_schema),
        ("asyncapi.json", "asyncapi", export_asyncapi),
        ("messages.ts", "typescript", export_typescript),
        ("messages.py", "python", export_python),
    ],
)
def test_committed_export_has_not_drifted(name: str, format: str, export: Callable[[Registry], str]) -> None:
    """Whoever changes a catalogue makes them anew, and sees in the difference what clients will see."""
    is_same = (FOLDER / name).read_text() == export(Registry.scan("schemas"))

    assert is_same, f"run: wssec schemas export schemas --format {format} -o schemas/exports/{name}"
