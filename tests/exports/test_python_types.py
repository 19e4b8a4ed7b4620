"""The TypedDicts of the messages tell mypy what is in `data`."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

from tests.exports.variety import VARIETY
from tests.schemas.samples import SAMPLES
from tornado_wssec import Registry
from tornado_wssec.exports.python_types import export_python

ROOT = Path(__file__).resolve().parents[2]
USE = """
import datetime
import uuid
from messages import ChatPostedData, ChatSendData, DeviceTelemetryData, OrderPlaceData

def right(line: ChatSendData, order: OrderPlaceData, told: DeviceTelemetryData) -> ChatPostedData:
    moment: datetime.datetime = told["at"]
    number: uuid.UUID = order["order"]
    print(moment, number, order["time_in_force"] == "day", told.get("up_for"))
    return {"room": line["room"], "text": line["text"], "author": "ann"}

def wrong(line: ChatSendData, order: OrderPlaceData, told: DeviceTelemetryData) -> ChatPostedData:
    print(line["txet"])
    print(order["quantity"].upper())
    print(told["position"]["at"])
    if order["time_in_force"] == "never":
        print()
    return {"room": line["room"], "text": line["text"]}
"""
FAULTS = (
    'TypedDict "ChatSendData" has no key "txet"',
    '"int" has no attribute "upper"',
    'Value of type "Position | None" is not indexable',
    "Non-overlapping equality check",
    'Missing key "author" for TypedDict "ChatPostedData"',
)


def test_python_types_let_mypy_catch_a_wrong_key(tmp_path: Path) -> None:
    """A misspelt key, a value of another kind, what may be None, an impossible choice, a field left out."""
    (tmp_path / "messages.py").write_text(export_python(Registry.scan("schemas")))
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path / "cache")]
    environment = {"MYPYPATH": str(ROOT), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    command += ["--follow-imports", "silent", "use.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=300)
    told = [line for line in ran.stdout.splitlines() if ": error: " in line]

    assert len(FAULTS) == len(told), ran.stdout + ran.stderr
    assert [] == [fault for fault, line in zip(FAULTS, told, strict=True) if fault not in line]


def types_of(registry: Registry) -> dict[str, Any]:
    """What the module of a registry defines."""
    defined: dict[str, Any] = {"__name__": "made"}
    exec(export_python(registry), defined)  # noqa: S102  # it is what we have written
    return defined


def test_python_types_name_what_a_handler_gets() -> None:
    """The keys are those of loaded data, and those that are always there are required."""
    registry, defined = Registry.scan("schemas"), types_of(Registry.scan("schemas"))
    for type, sample in SAMPLES.items():
        name = "".join(word.capitalize() for word in type.split(".")) + "Data"
        loaded = registry.messages[type].load(sample)

        assert loaded.keys() <= defined[name].__annotations__.keys(), type
        assert defined[name].__required_keys__ <= loaded.keys(), type


def test_python_types_of_every_kind_of_field_are_classes() -> None:
    """The module runs: names of Python's, recursion, what is not known."""
    defined = types_of(VARIETY)
    hints = get_type_hints(defined["EveryThingData"], defined)

    assert {"exact", "one_way", "table"} <= hints.keys()
    assert "other_way" in defined["EveryThingEventData"].__annotations__
    assert (str, float) == (hints["name"], hints["real"])
    assert str(hints["odd"]).endswith("Any")
    assert {"title": str, "payload": bytes} == get_type_hints(defined["EveryPictureData"])
