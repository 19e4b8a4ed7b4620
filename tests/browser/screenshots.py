"""Take the pictures in docs/images anew: `python3 bootstrap.py tests.browser.screenshots`."""

import asyncio
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect

from examples.running.deployment import deployed
from examples.running.stage import Stage
from tests.browser import pictures
from tests.browser.conftest import launched, say, sign_in
from tests.browser.sketch import sketch
from tests.ops.serving import served as served_operations
from tests.starter.running import ROOT, Chat, served

IMAGES: Final = ROOT / "docs" / "images"
MORNING: Final = datetime(2026, 5, 4, 9, 41, tzinfo=UTC)
DESKTOP: Final = ViewportSize(width=1280, height=800)
PHONE: Final = ViewportSize(width=390, height=760)
LOOKS: Final[tuple[tuple[str, ViewportSize, Literal["light", "dark"]], ...]] = (
    ("ops-light", ViewportSize(width=1280, height=900), "light"),
    ("ops-dark", ViewportSize(width=1280, height=900), "dark"),
    ("ops-phone", PHONE, "light"),
)


def main() -> None:
    """Let three people talk, and take their pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "demo") as chat, launched() as browser:
        ann = visitor(browser, chat, DESKTOP, dark=False)
        bob = visitor(browser, chat, DESKTOP, dark=True)
        eve = visitor(browser, chat, PHONE, dark=False)
        expect(ann.get_by_role("button", name="ann")).to_be_visible()
        ann.screenshot(path=IMAGES / "sign-in.png")
        for page, name in ((ann, "ann"), (bob, "bob"), (eve, "eve")):
            sign_in(page, name)
        talk(ann, bob, eve)
        ann.screenshot(path=IMAGES / "chat-light.png")
        eve.screenshot(path=IMAGES / "chat-phone.png")
        attack(bob)
        bob.screenshot(path=IMAGES / "chat-dark.png")
        chat.wssec("revoke", "subject", "eve")
        expect(eve.get_by_role("dialog")).to_be_visible()
        eve.screenshot(path=IMAGES / "revoked-phone.png")
        operations(browser)
        whiteboard(browser)
        pictures.desk(browser)
        pictures.house(browser)


def operations(browser: Browser) -> None:
    """Look at a server with ten thousand connections, by day, by night and on a phone."""
    with served_operations(10_000, "history") as server:
        for name, size, scheme in LOOKS:
            page = browser.new_page(
                viewport=size,
                color_scheme=scheme,
                device_scale_factor=2 if size is PHONE else 1,
                locale="en-GB",
                reduced_motion="reduce",
            )
            page.goto(server.url)
            page.get_by_label("Access token").fill(server.acts)
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator("#chart-connections canvas")).to_be_visible()
            page.get_by_label("Subject, tenant, address, session or endpoint").fill("acme")
            expect(page.locator("#matched")).to_contain_text("that match")
            page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
            if scheme == "dark":
                page.get_by_role("button", name="user-09996").click()
                expect(page.locator("#facts")).to_contain_text("Listens to")
                page.get_by_role("button", name="Revoke subject").click()
                expect(page.locator("#confirm-text")).to_contain_text("1 connection")
            page.screenshot(path=IMAGES / f"{name}.png")


def whiteboard(browser: Browser) -> None:
    """Two people have drawn something; one goes on, and a third one looks on by his phone."""
    with deployed("whiteboard") as stage:
        with ThreadPoolExecutor() as pool:  # there is an event loop in this thread already, the browser's
            pool.submit(asyncio.run, drawn(stage)).result()
        pages = {}
        looks: tuple[tuple[str, str, ViewportSize, Literal["light", "dark"]], ...] = (
            ("ann", "whiteboard-light", DESKTOP, "light"),
            ("bob", "whiteboard-dark", DESKTOP, "dark"),
            ("cleo", "whiteboard-phone", PHONE, "light"),
        )
        for name, _, size, scheme in looks:
            ratio = 2 if size is PHONE else 1
            page = browser.new_page(viewport=size, color_scheme=scheme, device_scale_factor=ratio, locale="en-GB")
            page.goto(stage.url)
            page.get_by_role("button", name=re.compile(f"^{name}")).click()
            expect(page.locator("#state")).to_have_text("Connected")
            pages[name] = page
        for page in pages.values():
            expect(page.locator("#count")).to_have_text("3 here")
        for name, x, y in (("ann", 0.78, 0.55), ("bob", 0.47, 0.56), ("cleo", 0.2, 0.52)):
            box = pages[name].locator("#paper").bounding_box()
            assert box is not None
            pages[name].mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        for name, file, _, _ in looks:
            expect(pages[name].locator(".cursor")).to_have_count(2)
            pages[name].wait_for_timeout(400)  # until they have got where they are shown
            pages[name].screenshot(path=IMAGES / f"{file}.png")


async def drawn(stage: Stage) -> None:
    """Let them draw by the Python client."""
    ann, bob = await stage.sign_in("ann"), await stage.sign_in("bob")
    path = "/ws/boards/roadmap"
    async with ann.connect(path) as anns, bob.connect(path) as bobs:
        for name, stroke in sketch():
            await {"ann": anns, "bob": bobs}[name].request("board.draw", stroke)
            await asyncio.sleep(0.04)  # thirty a second are allowed


def visitor(browser: Browser, chat: Chat, size: ViewportSize, *, dark: bool) -> Page:
    """A page that opens in the morning."""
    context = browser.new_context(
        viewport=size,
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if size is PHONE else 1,
        locale="en-GB",
        timezone_id="UTC",
    )
    page = context.new_page()
    page.clock.set_fixed_time(MORNING)
    page.goto(chat.url)
    return page


def talk(ann: Page, bob: Page, eve: Page) -> None:
    """Some lines of two people who work together, and one in another room."""
    lines = [
        (ann, "Morning! The release is tagged, I am rolling it out to the first node now."),
        (bob, "Great. I am watching the error rate."),
        (ann, "First node is green, and nobody was disconnected."),
        (ann, "The second one follows in five minutes, unless somebody objects."),
        (bob, "Not me."),
    ]
    for page, text in lines:
        say(page, text)
        for each in (ann, bob, eve):
            expect(each.get_by_text(text)).to_be_visible()
    ann.get_by_role("button", name="# incidents").click()
    say(ann, "All quiet.")
    expect(bob.locator(".count")).to_be_visible()
    ann.get_by_role("button", name="# lobby").click()
    ann.get_by_label("Message", exact=True).focus()


def attack(page: Page) -> None:
    """Send all that is hostile, and wait for the last answer."""
    page.get_by_role("button", name="Attack yourself").click()
    page.get_by_role("button", name="Send all").click()
    expect(page.locator(".answer").last).to_have_attribute("data-right", "true", timeout=60_000)
    page.mouse.move(640, 400)


if __name__ == "__main__":
    main()
