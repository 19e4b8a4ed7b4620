"""The page attacks itself, and every answer is the one that belongs there."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, sign_in
from tests.starter.running import Chat

ANSWERS = [
    "error malformed",
    "error malformed",
    "error malformed",
    "error unknown_type",
    "error invalid",
    "error invalid",
    "error invalid",
    "error permission_denied",
    "closed 1009 message too big",
    "closed 1003 binary is not declared",
    "closed 4429 rate limit",
    "refused before 101",
]
ALL_MS = 60_000


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_attacks_are_all_answered_as_they_must(chat: Chat, visit: Visitor, name: str) -> None:
    """Each hostile frame gets its refusal, whoever sends it, and the chat beside it stays connected."""
    page = visit(chat.url, tolerated="WebSocket connection to .* failed: HTTP Authentication failed")
    sign_in(page, name)
    page.get_by_role("button", name="Attack yourself").click()

    page.get_by_role("button", name="Send all").click()
    expect(page.locator(".answer").last).to_have_attribute("data-right", "true", timeout=ALL_MS)

    last = [" ".join(row.locator("span").last.all_inner_texts()) for row in page.locator(".answer").all()]
    assert ANSWERS == last
    assert len(ANSWERS) == page.locator('.answer[data-right="true"]').count()
    expect(page.locator("#status")).to_have_text("Connected")


def test_attacks_open_and_close_by_keyboard(chat: Chat, visit: Visitor) -> None:
    """The panel takes the focus when it opens, Escape closes it, and the focus goes back."""
    page = visit(chat.url)
    sign_in(page, "ann")
    toggle = page.get_by_role("button", name="Attack yourself")

    toggle.press("Enter")
    expect(page.get_by_role("button", name="Send all")).to_be_focused()
    page.keyboard.press("Escape")

    expect(toggle).to_be_focused()
    expect(toggle).to_have_attribute("aria-expanded", "false")
