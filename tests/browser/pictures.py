"""Take the pictures of the support desk and of the house anew: `python3 bootstrap.py tests.browser.pictures`."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect

from examples.devices.device import paired
from examples.running.deployment import deployed
from tests.browser import test_devices as devices
from tests.browser import test_support as support
from tests.browser.conftest import launched
from tests.starter.running import ROOT
from tornado_wssec.client import Stopped

IMAGES: Final = ROOT / "docs" / "images"
DESKTOP: Final = ViewportSize(width=1280, height=800)
PHONE: Final = ViewportSize(width=390, height=760)
POINTS_SECONDS: Final = 7.0
"""Until the curve of a thermostat that reports eight times a second is whole."""


def main() -> None:
    """Let people use both, and take their pictures."""
    with launched() as browser:
        desk(browser)
        house(browser)


def desk(browser: Browser) -> None:
    """Cleo by day, the supervisor by night, and Cleo on her phone."""
    with deployed("support") as stage:
        cleo = support.enter(visitor(browser, stage.url, DESKTOP, "light"), "cleo")
        sue = support.enter(visitor(browser, stage.url, DESKTOP, "dark"), "sue")
        mallory = support.enter(visitor(browser, stage.url, PHONE, "light"), "mallory")
        for subject in ("A refund for the broken lamp", "Where is my parcel?"):
            cleo.get_by_role("button", name="New case").click()
            support.open_case(cleo, subject)
        support.open_case(mallory, "<b>URGENT</b>")
        support.choose(sue, "Where is my parcel?")
        support.say(cleo, "Hello! It should have been here on Monday, and I cannot find out where it is.")
        answer(
            sue,
            "Good morning, Cleo. It is in Hamburg since this morning:",
            "it leaves tonight",
            "and is with you tomorrow",
        )
        expect(cleo.locator(".rich")).to_have_count(1)
        support.say(cleo, "Thank you! By the way, your page prints <img src=x onerror=alert(1)> quite nicely.")
        expect(sue.get_by_role("article")).to_have_count(3)
        for attempt in ("A script", "A name that is turned around", "A line that cannot be seen"):
            cleo.get_by_role("button", name=attempt).click()
        for attempt in ("An event handler", "A link that is a program"):
            sue.get_by_role("button", name=attempt).click()
        sue.get_by_role("button", name="Mute for 10 min").click()
        expect(cleo.get_by_role("log")).to_contain_text("You were muted")
        expect(sue.locator("#in-force")).to_contain_text("Mute")
        shoot(cleo, "support-light")
        shoot(sue, "support-dark")
        support.choose(sue, "<b>URGENT</b>")
        support.say(mallory, "<script>alert('BUY NOW')</script>")
        expect(sue.get_by_role("article")).to_have_count(1)
        answer(sue, "Hello Mallory, this is the desk for parcels. What can we do for you?")
        support.say(mallory, "javascript:alert(document.cookie)")
        sue.get_by_role("button", name="Ban for an hour").click()
        expect(mallory.locator("#left")).to_be_visible()
        shoot(mallory, "support-phone")


def answer(page: Page, text: str, *points: str) -> None:
    """Answer as an agent, with a list."""
    page.get_by_label("Answer", exact=True).click()
    page.keyboard.type(text)
    if points:
        page.get_by_role("button", name="List").click()
    for index, point in enumerate(points):
        page.keyboard.type(point)
        if index < len(points) - 1:
            page.keyboard.press("Enter")
    page.get_by_role("button", name="Send").click()


def house(browser: Browser) -> None:
    """Olivia by day and on her phone, her neighbour by night."""
    with deployed("devices") as stage, ThreadPoolExecutor(5) as beside:
        olivia = devices.enter(visitor(browser, stage.url, DESKTOP, "light"), "olivia")
        noah = devices.enter(visitor(browser, stage.url, DESKTOP, "dark"), "noah")
        loops: list[asyncio.AbstractEventLoop] = []
        for page, kind, label in (
            (olivia, "Lamp", "Desk lamp"),
            (olivia, "Thermostat", "Living room"),
            (olivia, "Lamp", "Porch"),
            (noah, "Thermostat", "Hall"),
            (noah, "Lamp", "Kitchen"),
        ):
            pairing = devices.add(page, kind, label)
            page.get_by_role("button", name="Done").click()
            if label != "Porch":
                beside.submit(run, pairing, loops)
                expect(devices.card(page, label)).to_contain_text("online")
        olivia.get_by_label("Desk lamp: on").check()
        noah.get_by_label("Kitchen: on").check()
        noah.get_by_label("Kitchen: brightness").fill("35")
        for _ in range(3):
            olivia.get_by_role("button", name="Warmer").click()
            expect(devices.card(olivia, "Living room").locator(".outcome")).to_have_text("Done")
        noah.get_by_label("Name of a device").fill(devices.card(olivia, "Desk lamp").locator("code").inner_text())
        noah.get_by_role("button", name="Switch it on").click()
        expect(noah.locator("#foreign-told")).not_to_be_empty()
        time.sleep(POINTS_SECONDS)
        phone = devices.enter(visitor(browser, stage.url, PHONE, "dark"), "olivia")
        expect(devices.card(phone, "Living room").locator(".target")).to_contain_text("21.5")
        shoot(phone, "devices-phone")
        shoot(noah, "devices-dark")
        shoot(olivia, "devices-light")
        for loop in loops:
            loop.call_soon_threadsafe(loop.stop)


def run(pairing: str, loops: list[asyncio.AbstractEventLoop]) -> None:
    """A device that reports often, in a thread of its own."""

    async def report() -> None:
        loops.append(asyncio.get_running_loop())
        with suppress(Stopped):
            await paired(json.loads(pairing), every=0.125, say=lambda text: None).run()

    with suppress(RuntimeError):  # its loop is stopped in the end
        asyncio.run(report())


def visitor(browser: Browser, url: str, size: ViewportSize, scheme: Literal["light", "dark"]) -> Page:
    """A page as somebody opens it."""
    page = browser.new_page(
        viewport=size,
        color_scheme=scheme,
        device_scale_factor=2 if size is PHONE else 1,
        locale="en-GB",
        reduced_motion="reduce",
    )
    page.goto(url)
    return page


def shoot(page: Page, name: str) -> None:
    """Take a picture of what is seen, with the pointer out of the way."""
    page.mouse.move(1, 1)
    page.evaluate("() => document.activeElement.blur()")
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
