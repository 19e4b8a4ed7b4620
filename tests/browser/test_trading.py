"""The trading desk as its people use it: two screens of one account, one of another, a watcher, and a cheat."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from examples.running.deployment import deployed
from examples.running.stage import Stage
from examples.running.story import Outcome
from examples.trading.story import tell
from tests.browser.conftest import DESKTOP, PHONE, Visitor
from tests.browser.examining import settled
from tests.ports import free_port
from tests.starter.running import run

WITHIN_A_SECOND: Final = 1_000
ROWS: Final = 24
KEPT: Final = """async () => {
  const answered = (asked) => new Promise((resolve) => (asked.onsuccess = ({ target }) => resolve(target.result)));
  const { key } = await import("/session.js");
  const database = await answered(indexedDB.open("tornado-wssec"));
  const store = database.transaction("signing-keys").objectStore("signing-keys");
  const { privateKey } = await answered(store.get("desk-ann"));
  const attempt = (format) => crypto.subtle.exportKey(format, privateKey).then(() => "read", () => "refused");
  const read = await Promise.all(["pkcs8", "jwk", "raw"].map(attempt));
  const elsewhere = [localStorage.length, sessionStorage.length, document.cookie];
  return [privateKey.extractable, "d" in key.jwk, ...read, ...elsewhere];
}"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One desk for all."""
    with deployed("trading", port=free_port()) as running:
        yield running


def enter(page: Page, name: str) -> Page:
    """Sign in at the door, and wait until quotes come."""
    page.get_by_role("button", name=name).click()
    expect(page.locator("#status")).to_have_text("Connected")
    expect(page.locator("#asks tr")).to_have_count(5)
    return page


def order(page: Page, *, side: str = "Buy", quantity: int = 10, limit: str | None = None) -> None:
    """Fill in the ticket, and send it."""
    page.get_by_role("radio", name=side).check()
    page.get_by_label("Quantity", exact=True).fill(str(quantity))
    page.get_by_role("radio", name="Market" if limit is None else "Limit").check()
    if limit is not None:
        page.get_by_label("Limit price").fill(limit)
        page.get_by_label("In force").select_option("gtc")
    page.get_by_role("button", name=f"{side} {quantity} NRDW").click()


def test_trading_story_ends_as_it_must(stage: Stage) -> None:
    """What `python3 examples trading` prints: every row of it."""

    async def told() -> list[Outcome]:
        return [outcome async for scene in tell(stage) for outcome in scene.outcomes]

    with ThreadPoolExecutor(1) as beside:  # the browser has an event loop of its own in this one
        outcomes = beside.submit(asyncio.run, told()).result()

    assert ROWS == len(outcomes)
    assert [] == [outcome for outcome in outcomes if not outcome.is_right]


@pytest.mark.requirement("S4")
def test_trading_orders_reach_the_screens_of_their_account_alone(stage: Stage, visit: Visitor) -> None:
    """Ann's order is on both of her screens, what waits is taken back from the other one; bob sees his own."""
    first, second, bob = (enter(visit(stage.url), name) for name in ("ann", "ann", "bob"))
    rows = [page.locator("#orders tr") for page in (first, second, bob)]
    before = [each.count() for each in rows]

    order(first, quantity=11)
    expect(first.locator("#told")).to_have_text("The desk has it: filled.")
    order(first, quantity=12, limit="1.00")
    expect(second.locator("#orders tr").first).to_contain_text("open")
    second.get_by_role("button", name="Cancel").first.click()
    expect(first.locator("#orders tr").first).to_contain_text("cancelled")
    order(bob, side="Sell", quantity=13)
    expect(bob.locator("#orders tr").first).to_contain_text("sell 13 nrdw")

    assert [before[0] + 2, before[1] + 2, before[2] + 1] == [each.count() for each in rows]
    assert 0 == first.locator("#orders tr", has_text="13 nrdw").count()


@pytest.mark.requirement("R062", "R065", "S4")
def test_trading_refuses_a_cheat_in_sight(stage: Stage, visit: Visitor) -> None:
    """Each attempt of the page gets the one answer that is right, and its key cannot be read out by any format."""
    ann = enter(visit(stage.url), "ann")

    ann.get_by_role("button", name="Try all").click()
    expect(ann.locator('.answer[data-right="true"]')).to_have_count(5)

    codes = ["signature_invalid", "replayed", "signature_invalid", "permission_denied", "permission_denied"]
    assert [f"refused: {code}" for code in codes] == ann.locator("#cheats .answer").all_inner_texts()
    assert [False, False, "refused", "refused", "refused", 0, 0, ""] == ann.evaluate(KEPT)
    expect(ann.locator("#status")).to_have_text("Connected")


def test_trading_lets_a_watcher_watch(stage: Stage, visit: Visitor) -> None:
    """Eve has every price, no ticket and no orders; what she sends nevertheless is refused."""
    eve = enter(visit(stage.url), "eve")
    eve.locator(".row", has_text="vega").click()
    expect(eve.get_by_role("heading", name="Vega Optics")).to_be_visible()
    expect(eve.get_by_text("You watch only")).to_be_visible()
    expect(eve.locator("#blotter")).to_be_hidden()

    eve.get_by_role("button", name="Try all").click()
    expect(eve.locator('.answer[data-right="true"]')).to_have_count(2)


def test_trading_tells_of_a_revocation_within_a_second(stage: Stage, visit: Visitor) -> None:
    """Every screen of the person ends and says why; the others go on."""
    ann, bob = enter(visit(stage.url), "ann"), enter(visit(stage.url), "bob")

    run(sys.executable, "-m", "tornado_wssec", "revoke", "subject", "bob", "--yes", env=dict(stage.env))

    expect(bob.get_by_role("dialog", name="Your access was revoked")).to_be_visible(timeout=WITHIN_A_SECOND)
    expect(ann.locator("#status")).to_have_text("Connected")
    bob.get_by_role("button", name="Sign in again").click()
    expect(bob.get_by_role("button", name="ann")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_trading_page_is_accessible_and_fits(stage: Stage, visit: Visitor, scheme: Literal["light", "dark"]) -> None:
    """axe-core has nothing to say at the door and at the desk, and nothing reaches beyond either edge."""
    page = visit(stage.url, DESKTOP, scheme, is_examined=True)
    expect(page.get_by_role("button", name="ann")).to_be_visible()
    found = [Axe().run(settled(page))]
    enter(page, "ann")
    order(page, quantity=1)
    order(page, quantity=2, limit="1.00")
    page.get_by_role("button", name="Try: Order without a signature").click()
    expect(page.locator('.answer[data-right="true"]')).to_have_count(1)
    found.append(Axe().run(settled(page)))
    widths = []
    for size in (DESKTOP, PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        widths.append(settled(page).evaluate("() => document.documentElement.scrollWidth"))

    assert [] == [f"{one['id']}: {one['nodes'][0]['target']}" for each in found for one in each.response["violations"]]
    assert [DESKTOP[0], PHONE[0]] == widths
