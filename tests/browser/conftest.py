"""A chat to look at, and people who look at it in a real Chromium."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.left_out import leave_out
from tests.starter.running import Chat, served

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
QUIET: Final = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: Final = (1280, 800)
PHONE: Final = (360, 740)
PATIENCE_MS: Final = 30_000

Visitor = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)  # what has to be in less than a second says so


@contextmanager
def launched() -> Iterator[Browser]:
    """The browser of this machine, with an empty profile."""
    path, arguments = how_to_launch()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def how_to_launch() -> tuple[str, list[str]]:
    """Where the browser of this machine is, and its arguments."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        leave_out("Chromium", "apt-get install chromium")
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium refuses root otherwise
    return path, [*QUIET, *sandbox]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all; each page of a test gets a profile of its own in it."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """One chat for the tests that end nobody's access."""
    with served(tmp_path_factory.mktemp("shared") / "demo") as running:
        yield running


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """Open pages of a server that outlasts the test."""
    with visiting(chromium) as open_page:
        yield open_page


@contextmanager
def visiting(chromium: Browser) -> Iterator[Visitor]:
    """Open pages as people do, each with a profile of its own; a console error on any of them fails the test.

    They are closed before their server ends, if it was entered first: a page of one that has gone looks for it.
    """
    said: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(
        url: str,
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        *,
        is_examined: bool = False,
        tolerated: str = "$^",
        has_touch: bool = False,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
            bypass_csp=is_examined,  # axe is a script that the page's policy refuses, as it should
            locale="en-GB",
            has_touch=has_touch,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.extend(_faults(message.type, message.text, tolerated)))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
    assert [] == said


def _faults(kind: str, text: str, tolerated: str) -> list[str]:
    return [text] if kind in ("error", "warning") and not re.match(tolerated, text) else []


def sign_in(page: Page, name: str) -> None:
    """Sign in, and wait until the socket is open."""
    page.get_by_role("button", name=re.compile(rf"^{name}\b")).click()
    expect(page.locator("#status")).to_have_text("Connected")


def say(page: Page, text: str) -> None:
    """Write a line in the room that is shown."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def stop_time(page: Page) -> None:
    """From now on the page's clock moves by `page.clock.run_for` alone: what is there for a second stays."""
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=2))
