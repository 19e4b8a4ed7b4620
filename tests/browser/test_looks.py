"""What the page looks like to everybody: on a phone, in the dark, by keyboard, to a screen reader."""

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visitor, say, sign_in
from tests.browser.examining import settled
from tests.starter.running import Chat

Scheme = Literal["light", "dark"]
State = Callable[[Page], None]


def at_the_door(page: Page) -> None:
    """Nobody is signed in."""
    expect(page.get_by_role("button", name="ann")).to_be_visible()


def in_a_room(page: Page) -> None:
    """Lines, among them one that has no place to break."""
    sign_in(page, "ann")
    say(page, "hello")
    say(page, "x" * 400)
    expect(page.get_by_role("article").last).to_contain_text("xxx")


def in_an_empty_room(page: Page) -> None:
    """Nothing has been written since."""
    sign_in(page, "ann")
    page.get_by_role("button", name="# design").click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def as_a_reader(page: Page) -> None:
    """Some rooms are closed, and there is a notice."""
    sign_in(page, "eve")
    page.get_by_role("button", name="Try anyway").click()
    expect(page.locator("#notice")).not_to_be_empty()


def under_attack(page: Page) -> None:
    """The panel is open and has answers, good and bad."""
    sign_in(page, "bob")
    page.get_by_role("button", name="Attack yourself").click()
    page.get_by_role("button", name="Not JSON").click()
    expect(page.locator(".answer").first).to_have_attribute("data-right", "true")
    page.locator(".answer").nth(1).evaluate("(answer) => { answer.textContent = 'accepted'; }")


def after_the_end(page: Page) -> None:
    """The connection is over, and a dialog says so."""
    page.route("**/wssec/ticket", lambda route: route.fulfill(json={"ticket": "t", "expires_in": 30}))
    page.route_web_socket("**/ws/chat", lambda socket: socket.close(code=4409, reason="replaced"))
    page.get_by_role("button", name="ann").click()
    expect(page.get_by_role("dialog")).to_be_visible()


STATES = [at_the_door, in_a_room, in_an_empty_room, as_a_reader, under_attack, after_the_end]
every_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)


@every_state
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(chat: Chat, visit: Visitor, state: State, scheme: Scheme) -> None:
    """axe-core has nothing to say: contrast, names, roles, landmarks."""
    page = visit(chat.url, DESKTOP, scheme, is_examined=True)
    state(page)

    results = Axe().run(settled(page))

    assert [] == [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in results.response["violations"]]


@every_state
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=lambda size: str(size[0]))
def test_page_fits(chat: Chat, visit: Visitor, state: State, size: tuple[int, int]) -> None:
    """Nothing reaches beyond the right edge, neither of the page nor of a room's lines."""
    page = visit(chat.url, size)
    state(page)

    widths = settled(page).evaluate(
        "() => [document.documentElement, lines].map((one) => one.scrollWidth - one.clientWidth)"
    )

    assert [0, 0] == widths


def test_page_works_on_a_phone_by_touching_alone(chat: Chat, visit: Visitor) -> None:
    """Whatever is pressed there is at least 32 pixels high, and what one writes with is in sight."""
    page = visit(chat.url, PHONE)
    sign_in(page, "ann")

    heights = settled(page).evaluate("() => [...document.querySelectorAll('button')].map((one) => one.offsetHeight)")

    assert [] == [height for height in heights if 0 < height < 32]
    expect(page.get_by_role("button", name="Send")).to_be_in_viewport()


def test_page_works_by_keyboard_alone(chat: Chat, visit: Visitor) -> None:
    """Sign in, write, change the room and sign out without a pointer."""
    page = visit(chat.url)
    expect(page.get_by_role("button", name="ann")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Connected")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article").last).to_contain_text("by keyboard")
    page.get_by_role("button", name="# design").press("Enter")
    expect(page.get_by_role("heading", name="# design")).to_be_visible()
    page.get_by_role("button", name="Sign out").press("Enter")

    expect(page.get_by_role("button", name="ann")).to_be_focused()
