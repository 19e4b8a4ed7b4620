"""Take the pictures of the trading desk and the dashboards anew: `python3 bootstrap.py tests.browser.portraits`."""

from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect

from examples.running.deployment import deployed
from tests.browser import test_dashboard as dashboards
from tests.browser import test_trading as trading
from tests.browser.conftest import launched
from tests.starter.running import ROOT

IMAGES: Final = ROOT / "docs" / "images"
DESKTOP: Final = ViewportSize(width=1280, height=900)
PHONE: Final = ViewportSize(width=390, height=760)
WHOLE_MS: Final = 9_000
"""Until the chart of a feed of twenty a second is filled."""


def main() -> None:
    """Let people use both, and take their pictures."""
    with launched() as browser:
        desk(browser)
        boards(browser)


def desk(browser: Browser) -> None:
    """Ann by day, Bob by night and while he cheats, Ann on her phone."""
    with deployed("trading") as stage:
        ann = trading.enter(visitor(browser, stage.url, DESKTOP, "light"), "ann")
        bob = trading.enter(visitor(browser, stage.url, DESKTOP, "dark"), "bob")
        phone = trading.enter(visitor(browser, stage.url, PHONE, "light"), "ann")
        ann.wait_for_timeout(WHOLE_MS)
        for page in (ann, bob):
            trading.order(page, quantity=250)
            expect(page.locator("#orders tr")).to_have_count(1)
            trading.order(page, quantity=400, limit="182.50")
            expect(page.locator("#orders tr")).to_have_count(2)
            trading.order(page, side="Sell", quantity=120)
            expect(page.locator("#orders tr")).to_have_count(3)
        bob.get_by_role("button", name="Try all").click()
        expect(bob.locator('.answer[data-right="true"]')).to_have_count(5)
        for page, name in ((ann, "trading-light"), (bob, "trading-dark"), (phone, "trading-phone")):
            page.mouse.move(640, 880)
            page.screenshot(path=IMAGES / f"{name}.png")


def boards(browser: Browser) -> None:
    """One customer by day, one by night who has looked at somebody else, one on a phone."""
    with deployed("dashboard") as stage:
        aurora = dashboards.enter(visitor(browser, stage.url, DESKTOP, "light"), "Aurora Foods")
        baltic = dashboards.enter(visitor(browser, stage.url, DESKTOP, "dark"), "Baltic Rail")
        cobalt = dashboards.enter(visitor(browser, stage.url, PHONE, "light"), "Cobalt Energy")
        baltic.get_by_role("button", name="Try all").click()
        expect(baltic.locator("#verdict")).to_contain_text("byte for byte")
        expect(aurora.locator("#chart-revenue .dot")).to_be_visible()
        for page, name in ((aurora, "dashboard-light"), (baltic, "dashboard-dark"), (cobalt, "dashboard-phone")):
            page.mouse.move(640, 5)
            page.screenshot(path=IMAGES / f"{name}.png")


def visitor(browser: Browser, url: str, size: ViewportSize, scheme: Literal["light", "dark"]) -> Page:
    """A page for somebody with this screen."""
    page = browser.new_page(
        viewport=size,
        color_scheme=scheme,
        device_scale_factor=2 if size is PHONE else 1,
        locale="en-GB",
        reduced_motion="reduce",
    )
    page.goto(url)
    return page


if __name__ == "__main__":
    main()
