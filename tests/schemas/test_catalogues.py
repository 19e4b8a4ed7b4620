"""The reference catalogues start, in strict mode, alone and together."""

import json
from typing import Any

import pytest

from tests.schemas.samples import SAMPLES
from tornado_wssec import InvalidMessage, Registry

CATALOGUES = ("chat", "dashboard", "devices", "market", "moderation", "support", "whiteboard")


@pytest.mark.parametrize("name", ["schemas", *(f"schemas.{name}" for name in CATALOGUES)])
def test_catalogue_has_no_problems(name: str) -> None:
    """What we show others how to declare is declared well."""
    registry = Registry.scan(name)

    assert [] == registry.problems()
    assert registry.messages
    assert registry.channels or name == "schemas.moderation"  # what moderators do is told in the rooms of the chat


def test_catalogues_are_found_by_the_name_of_their_package() -> None:
    """A scan of the package is a scan of each module in it."""

    assert {"chat.send", "chat.posted", "board.draw", "board.drawn"} <= Registry.scan("schemas").messages.keys()


def test_catalogues_say_what_their_messages_are() -> None:
    """Each class has a docstring of its own, from which exports are made."""
    specs = Registry.scan("schemas").messages.values()

    assert [] == [spec.type for spec in specs if not vars(spec.message)["__doc__"]]


@pytest.mark.parametrize("type", SAMPLES)
def test_catalogue_sample_is_loaded_and_written_as_it_came(type: str) -> None:
    """One meaning has one spelling: what is read of a message is written again as it was."""
    spec = Registry.scan("schemas").messages[type]
    sample = dict(SAMPLES[type])

    assert sample == json.loads(json.dumps(spec.dump(spec.load(sample))))


def test_catalogue_samples_leave_no_type_out() -> None:
    """Each type has its sample."""

    assert Registry.scan("schemas").messages.keys() == SAMPLES.keys()


@pytest.mark.parametrize(
    ("type", "change"),
    [
        ("moderation.act", {"measure": "MUTE"}),
        ("moderation.act", {"seconds": 0}),
        ("moderation.slow", {"seconds": 3_601}),
        ("moderation.pardon", {"measure": "kick"}),
        ("support.open", {"subject": ""}),
        ("support.say", {"text": "invoice\u202efdp.exe"}),
        ("support.say", {"author": "ann"}),
        ("support.answer", {"html": "<b>x</b>" * 1_001}),
        ("moderation.remove", {"lines": []}),
        ("moderation.remove", {"lines": ["x"]}),
        ("order.place", {"limit": None}),
        ("order.place", {"limit": "0"}),
        ("order.place", {"limit": 1.5}),
        ("order.place", {"limit": "1.0000001"}),
        ("order.place", {"side": "BUY"}),
        ("order.place", {"quantity": True}),
        ("order.place", {"time_in_force": "day"}),
        ("device.telemetry", {"position": {"at": [52.5]}}),
        ("device.telemetry", {"position": {"at": [91, 0]}}),
        ("device.telemetry", {"health": 1}),
        ("device.telemetry", {"upFor": -1}),
        ("device.telemetry", {"address": "256.1.1.1"}),
        ("device.enrol", {"kind": "camera"}),
        ("device.command", {"settings": {"Level": 1}}),
        ("device.command", {"settings": {"level": "1"}}),
        ("device.command", {"settings": {f"a{n}": 1 for n in range(17)}}),
        ("dashboard.ask", {"metrics": ["x"] * 17}),
        ("dashboard.ask", {"since": "2026-01-31"}),
        ("dashboard.watch", {"compare": 1}),
    ],
    ids=str,
)
def test_catalogue_refuses(type: str, change: dict[str, Any]) -> None:
    """Each field has its bounds, also in lists, dicts, tuples and nested objects."""
    spec = Registry.scan("schemas").messages[type]

    with pytest.raises(InvalidMessage):
        spec.load({**SAMPLES[type], **change})


def test_catalogues_sign_orders_and_coalesce_quotes() -> None:
    """Orders are signed; of quotes, figures and readings a slow reader gets the newest."""
    specs = Registry.scan("schemas").messages

    assert {"order.place", "order.cancel"} == {name for name, spec in specs.items() if spec.signed}
    assert {"market.quote", "device.reported", "dashboard.figures"} == {n for n, s in specs.items() if s.coalesce}
