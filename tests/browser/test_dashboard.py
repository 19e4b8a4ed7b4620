"""Customers' dashboards as their people use them: each with a key, one of them curious, one whose key is revoked."""

import asyncio
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, WebSocket, expect

from examples.dashboard.story import tell
from examples.running.deployment import deployed
from examples.running.stage import Stage
from examples.running.story import Outcome
from tests.browser.conftest import DESKTOP, PHONE, Visitor
from tests.browser.examining import settled
from tests.ports import free_port
from tests.starter.running import run

WITHIN_A_SECOND: Final = 1_000
ROWS: Final = 28
TRICKS: Final = 6


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One server for all; each test has a key of its own."""
    with deployed("dashboard", port=free_port()) as running:
        yield running


def enter(page: Page, customer: str) -> Page:
    """Take a key, show it, and wait until figures have come."""
    page.get_by_role("button", name=customer).click()
    expect(page.get_by_label("API key")).to_have_value(re.compile("^wssec_ak"))
    page.get_by_role("button", name="Open the dashboard").click()
    expect(page.locator("#status")).to_have_text("Connected")
    expect(page.locator("#chart-revenue .line")).to_be_visible()
    return page


def frames_of(page: Page) -> list[str]:
    """What comes to this page by any WebSocket from now on."""
    frames: list[str] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framereceived", lambda text: frames.append(str(text)))

    page.on("websocket", opened)
    return frames


def test_dashboard_story_ends_as_it_must(stage: Stage) -> None:
    """What `python3 examples dashboard` prints: every row of it."""

    async def told() -> list[Outcome]:
        return [outcome async for scene in tell(stage) for outcome in scene.outcomes]

    with ThreadPoolExecutor(1) as beside:  # the browser has an event loop of its own in this one
        outcomes = beside.submit(asyncio.run, told()).result()

    assert ROWS == len(outcomes)
    assert [] == [outcome for outcome in outcomes if not outcome.is_right]


@pytest.mark.requirement("S1")
def test_dashboard_shows_each_customer_its_own(stage: Stage, visit: Visitor) -> None:
    """Two look at once: every frame that comes names its own tenant alone, and the figures go on."""
    pages = {"aurora": (visit(stage.url), "Aurora Foods"), "baltic": (visit(stage.url), "Baltic Rail")}
    heard = {tenant: frames_of(page) for tenant, (page, _) in pages.items()}
    for page, customer in pages.values():
        enter(page, customer)
        chart = page.locator("#chart-revenue svg")
        expect(chart).not_to_have_attribute("aria-label", chart.get_attribute("aria-label") or "")
        expect(page.locator("#name")).to_have_text(customer)

    named = {tenant: set(re.findall(r'"tenant":"(\w+)"', "".join(frames))) for tenant, frames in heard.items()}
    assert {"aurora": {"aurora"}, "baltic": {"baltic"}} == named


@pytest.mark.requirement("R045", "R046", "S1")
def test_dashboard_lets_nobody_look_at_somebody_else(stage: Stage, visit: Visitor) -> None:
    """Each trick of the page gets the answer that it would get about nobody, and its own figures go on."""
    page = enter(visit(stage.url), "Baltic Rail")

    page.get_by_role("button", name="Try all").click()
    expect(page.locator("#verdict")).to_contain_text("byte for byte")

    assert ["refused: permission_denied"] * TRICKS == page.locator(".trick .answer").all_inner_texts()
    expect(page.locator("#verdict")).to_have_text(
        f"{TRICKS} of {TRICKS} refused, byte for byte as if there were no Aurora Foods."
    )
    expect(page.locator("#status")).to_have_text("Connected")


@pytest.mark.requirement("R023", "R080")
def test_dashboard_closes_with_its_key(stage: Stage, visit: Visitor) -> None:
    """The id that the page shows is what an operator revokes; within a second it is over, and the key opens nothing."""
    ended, other = enter(visit(stage.url), "Cobalt Energy"), enter(visit(stage.url), "Cobalt Energy")
    key = ended.locator("#key").inner_text()

    run(sys.executable, "-m", "tornado_wssec", "apikeys", "revoke", key, "--yes", env=dict(stage.env))

    told = ended.get_by_role("dialog", name="Your access was revoked")
    expect(told).to_be_visible(timeout=WITHIN_A_SECOND)
    expect(other.locator("#status")).to_have_text("Connected")
    told.get_by_role("button", name="Sign in again").click()
    expect(ended.get_by_label("API key")).to_have_value("")


def test_dashboard_refuses_a_wrong_key_kindly(stage: Stage, visit: Visitor) -> None:
    """Whatever is typed that is no key of a customer is told so, and nothing of it is kept."""
    page = visit(stage.url, tolerated="Failed to load resource")
    for wrong in ("wssec_ak0123456789abcdef_" + "A" * 43, "kéy", "<img src=x onerror=alert(1)>"):
        page.get_by_label("API key").fill(wrong)
        page.get_by_role("button", name="Open the dashboard").click()
        expect(page.get_by_role("alert")).to_have_text("This key opens nothing. It may have been revoked.")

    assert [0, 0, ""] == page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dashboard_page_is_accessible_and_fits(stage: Stage, visit: Visitor, scheme: Literal["light", "dark"]) -> None:
    """axe-core has nothing to say at the door and at the figures, and nothing reaches beyond either edge."""
    page = visit(stage.url, DESKTOP, scheme, is_examined=True)
    expect(page.get_by_role("button", name="Aurora Foods")).to_be_visible()
    found = [Axe().run(settled(page))]
    enter(page, "Aurora Foods")
    page.get_by_role("button", name="Try all").click()
    expect(page.locator("#verdict")).to_contain_text("byte for byte")
    found.append(Axe().run(settled(page)))
    widths = []
    for size in (DESKTOP, PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        widths.append(settled(page).evaluate("() => document.documentElement.scrollWidth"))

    assert [] == [f"{one['id']}: {one['nodes'][0]['target']}" for each in found for one in each.response["violations"]]
    assert [DESKTOP[0], PHONE[0]] == widths
