"""A house of devices as its owner uses it, with a neighbour, and devices that are programs of their own."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from examples.devices.story import tell
from examples.running.deployment import deployed
from examples.running.stage import Stage
from examples.running.story import Outcome
from tests.browser.conftest import PHONE, Visitor
from tests.browser.examining import examined
from tests.ports import free_port
from tests.starter.running import PATIENCE_SECONDS

WITHIN_A_SECOND: Final = 1_000


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One house for all."""
    with deployed("devices", port=free_port()) as running:
        yield running


def enter(page: Page, name: str) -> Page:
    """Sign in at the door, and wait until the socket is open."""
    page.get_by_role("button", name=re.compile(rf"^{name}\b")).click()
    expect(page.locator("#status")).to_have_text("Connected")
    return page


def add(page: Page, kind: str, label: str) -> str:
    """Add a device; what the page shows to be given to it."""
    page.get_by_role("button", name="Add a device").click()
    page.get_by_label(kind, exact=True).check()
    page.get_by_label("What do you call it?").fill(label)
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#pairing")).to_contain_text("key")
    return page.locator("#pairing").inner_text()


def card(page: Page, label: str) -> Locator:
    """What the page shows of one device."""
    return page.locator(".device").filter(has=page.get_by_role("heading", name=label, exact=True))


@contextmanager
def plugged_in(stage: Stage, pairing: str) -> Iterator["subprocess.Popen[str]"]:
    """A device of its own, until the block ends."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "examples.devices.device"]
    with subprocess.Popen(command, env=stage.env, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as device:
        try:
            if device.stdin:
                device.stdin.write(pairing)
                device.stdin.close()
                device.stdin = None  # or communicate() would flush it
            yield device
        finally:
            device.terminate()


@pytest.mark.requirement("R022", "R044", "R050", "R091", "S5")
def test_devices_story_ends_as_it_must(stage: Stage) -> None:
    """What `python3 examples devices` prints has no row that is wrong."""

    async def wrong() -> list[Outcome]:
        return [outcome async for scene in tell(stage) for outcome in scene.outcomes if not outcome.is_right]

    with ThreadPoolExecutor(1) as beside:  # the browser has an event loop of its own in this one
        assert [] == beside.submit(asyncio.run, wrong()).result()


@pytest.mark.requirement("R044", "R080", "S5")
def test_owner_commands_a_device_and_nobody_else_does(stage: Stage, visit: Visitor) -> None:
    """She adds a lamp, switches and removes it, which it is told; her neighbour is refused; all of it is accessible."""
    olivia = enter(visit(stage.url, is_examined=True), "olivia")
    noah = enter(visit(stage.url, PHONE, "dark", is_examined=True), "noah")
    seen = [*examined(olivia), *examined(noah)]
    pairing = add(olivia, "Lamp", "Desk")
    seen += examined(olivia)
    olivia.get_by_role("button", name="Done").click()
    desk = card(olivia, "Desk")
    expect(desk).to_contain_text("offline")
    with plugged_in(stage, pairing) as lamp:
        expect(desk).to_contain_text("online")
        olivia.get_by_label("Desk: on").check()
        expect(desk.locator(".outcome")).to_have_text("Done")
        expect(desk.locator(".value")).to_have_text("80 %")
        olivia.get_by_label("Desk: brightness").fill("40")
        expect(desk.locator(".value")).to_have_text("40 %")
        olivia.reload()
        expect(desk.locator(".value")).to_have_text("40 %")
        seen += examined(olivia)
        noah.get_by_label("Name of a device").fill(desk.locator("code").inner_text())
        for attempt in ("Switch it on", "Watch it", "Remove it"):
            noah.get_by_role("button", name=attempt).click()
            expect(noah.locator("#foreign-told")).to_have_text("Refused: permission_denied")
            noah.locator("#foreign-told").evaluate("(told) => { told.textContent = ''; }")
        expect(card(noah, "Desk")).to_have_count(0)
        add(noah, "Thermostat", "Hall <b>" + "x" * 31)
        noah.get_by_role("button", name="Done").click()
        seen += examined(noah)
        desk.get_by_role("button", name="Remove").click()
        olivia.get_by_role("dialog").get_by_role("button", name="Remove it").click()
        expect(desk).to_have_count(0, timeout=WITHIN_A_SECOND)
        said = lamp.communicate(timeout=PATIENCE_SECONDS)

    assert [] == seen
    assert (1, True) == (lamp.returncode, "no longer wanted here (revoked (4403)" in said[1])
