"""What a guard starts with is told once at its start, and by `wssec check`, in the same words."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.kits import CHAT, chat_kit, in_loop
from tornado_wssec import Guard, Limits, Registry, Timeouts, WarnOnly, startup
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.cli.audit_lines import Level
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import Secret
from tornado_wssec.startup import report_of
from tornado_wssec.stores.url import shown_url
from tornado_wssec.testing.kit import HeldKeys
from tornado_wssec.wire import engine

DAY = 86_400.0
STARTED = ("store", "keys", "audit", "messages", "not at its default", "switched off")


def told(guard: Guard) -> dict[str, str]:
    """The report."""
    return dict(report_of(guard))


@in_loop
async def test_startup_is_told_once_and_as_check_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    """Line by line, before what happens when something fails; nothing is told again later."""
    with caplog.at_level(logging.INFO, logger="tornado_wssec.guard"):
        async with chat_kit(limits=Limits(connections=7)) as kit:
            kit.clock.advance(10 * DAY)
            kit.guard.tick(kit.clock.monotonic)
            logged = [record.getMessage().removeprefix("in force: ") for record in caplog.records]
        listed = [f"{one.where}: {one.what}" for one in audit(kit.app, kit.guard) if one.level is Level.IN_FORCE]

    assert STARTED == tuple(line.partition(":")[0] for line in logged[: len(STARTED)])
    assert [line.replace(", 0 days old", ", 10 days old") for line in logged] == [
        line for line in listed if not line.startswith("alerts:")
    ]
    assert "not at its default: Limits.connections 7, by default None" in logged


@pytest.mark.parametrize(
    ("is_there", "file", "what"),
    [
        (True, "engine.py", "in Python, decoded by msgspec"),
        (False, "engine.cpython-311-x86_64-linux-gnu.so", "compiled, decoded by json, without msgspec"),
    ],
)
def test_startup_tells_how_messages_are_handled(
    monkeypatch: pytest.MonkeyPatch, is_there: bool, file: str, what: str
) -> None:
    """Whether compiled, and by what they are decoded: the two things that make one installation slower than another."""
    monkeypatch.setattr(startup, "IS_THERE", is_there)
    monkeypatch.setattr(engine, "__file__", file)

    assert what == told(chat_kit().guard)["messages"]


@in_loop
async def test_startup_tells_of_the_keys() -> None:
    """How many there are in each state, and how old the one is that signs."""
    async with chat_kit() as kit:
        kit.keys.ring = kit.keys.ring.rotate(now=kit.clock.wall)
        await kit.advance(3 * DAY)

        assert "1 current, 1 retired (EdDSA, 3 days old)" == told(kit.guard)["keys"]


def test_startup_of_a_guard_that_has_not_started(tmp_path: Path) -> None:
    """As `wssec check` looks at one: the file of the keys is read, and a password stays in its URL."""
    parts: dict[str, Any] = {"registry": CHAT, "issuer": "i", "audience": "a"}
    store = "redis://:s3cr3t@redis.example.com:6380/2"
    guard = Guard.from_env({}, **parts, store=store, keys=str(tmp_path / "keys.json"))
    verifying = chat_kit(keys=HeldKeys(KeyRing())).guard

    assert "redis://redis.example.com:6380/2?prefix=wssec" == told(guard)["store"]
    assert told(guard)["keys"].startswith("cannot be read: ")
    assert "s3cr3t" not in str(told(guard))
    assert "memory://" == told(verifying)["store"]
    assert "none of its own: tokens are verified, and none is issued" == told(verifying)["keys"]


def test_startup_tells_of_the_audit(tmp_path: Path) -> None:
    """Where it goes, what becomes of what cannot be kept, and whether it names people."""
    folder, key = str(tmp_path), Secret("k" * 32)
    required = chat_kit(settings={"audit": folder, "audit_pseudonyms": key}, audit_is_required=True)

    assert "in the log alone" == told(chat_kit().guard)["audit"]
    assert f"in the log, and in {folder}, required, people under pseudonyms" == told(required.guard)["audit"]


def test_startup_tells_what_is_switched_off() -> None:
    """By the name of the switch; nothing is switched off by default."""
    bare = chat_kit(
        settings={"insecure": True}, framing="stock", trust_traceparent=True, timeouts=Timeouts(mirror_for_new=7.0)
    )
    lenient = chat_kit().guard
    lenient.registry = Registry(strict=False, compiled=False)
    switches = ("WSSEC_INSECURE", 'Guard(framing="stock")', "Guard(trust_traceparent=True)")

    assert "nothing" == told(chat_kit().guard)["switched off"]
    assert switches == tuple(part.split(" ")[0] for part in told(bare.guard)["switched off"].split("; "))
    assert 2 == told(lenient)["switched off"].count("Registry(")
    assert "Timeouts.mirror_for_new 7, by default 30" == told(bare.guard)["not at its default"]


def test_startup_tells_of_warn_only_while_it_lasts() -> None:
    """With the day; behind it nothing is let pass, and nothing is switched off."""
    kit = chat_kit()
    kit.guard.registry = Registry(warn_only=WarnOnly(until="2026-02-01"))
    during = told(kit.guard)["switched off"]
    kit.clock.advance(60 * DAY)

    assert "Registry(warn_only=…) lets pass until 2026-02-01 what does not fit a schema" == during
    assert "nothing" == told(kit.guard)["switched off"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////srv/wssec.db", "sqlite:////srv/wssec.db"),
        ("rediss://u:s3cr3t@a.example.com/1", "rediss://u@a.example.com:6379/1?prefix=wssec"),
        ("redis://s3cr3t@a.example.com", "a URL that cannot be read"),
        ("s3cr3t", "no URL of a store"),
        (None, "none is named"),
    ],
)
def test_startup_shows_no_password(url: str | None, expected: str) -> None:
    """Where it is not sure what is one, nothing of the URL is shown."""
    assert expected == shown_url(None if url is None else Secret(url))
