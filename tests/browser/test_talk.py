"""What people do with the page: sign in, talk, are refused, slowed down, renewed and revoked."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visitor, say, sign_in, stop_time, visiting
from tests.starter.running import Chat, kept_up, served, serving

WITHIN_A_SECOND = 1_000


def test_page_lets_two_people_talk(chat: Chat, visit: Visitor) -> None:
    """A line of one appears before the other, with its author; another room counts it as new."""
    ann, bob = visit(chat.url), visit(chat.url)
    sign_in(ann, "ann")
    sign_in(bob, "bob")

    say(ann, "hello bob")
    expect(bob.get_by_role("log").get_by_text("hello bob")).to_be_visible()
    expect(bob.get_by_role("article").last).to_contain_text("ann")
    say(bob, "hello ann")
    expect(ann.get_by_role("log").get_by_text("hello ann")).to_be_visible()
    ann.get_by_role("button", name="# incidents").click()
    say(ann, "all quiet")
    expect(bob.get_by_role("button", name="# incidents")).to_have_text("# incidents1 new")


def test_page_shows_markup_as_text(chat: Chat, visit: Visitor) -> None:
    """What looks like a program is read, not run."""
    page = visit(chat.url)
    sign_in(page, "ann")
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"

    say(page, hostile)

    expect(page.get_by_role("log").get_by_text(hostile)).to_be_visible()
    assert 0 == page.locator("#lines img, #lines script").count()
    expect(page).to_have_title("#lobby · Chat")


def test_page_says_who_may_do_what(chat: Chat, visit: Visitor) -> None:
    """Eve sees that she may read one room; the others cannot be entered, and there is nothing to write with."""
    page = visit(chat.url)
    sign_in(page, "eve")

    expect(page.get_by_role("button", name="# lobby")).to_contain_text("read only")
    expect(page.get_by_role("button", name="# incidents")).to_be_disabled()
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    expect(page.get_by_text("You can read this room, but not write in it.")).to_be_visible()


def test_page_shows_a_refusal_kindly(chat: Chat, visit: Visitor) -> None:
    """Who tries nevertheless reads that the server refused it, and stays connected."""
    page = visit(chat.url)
    sign_in(page, "eve")

    page.get_by_role("button", name="Try anyway").click()

    expect(page.get_by_role("alert").filter(has_text="you do not have the permission")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Connected")


def test_page_slows_a_flood_and_loses_nothing(tmp_path: Path, chromium: Browser) -> None:
    """The sixth line of a second waits: the page counts down, gives the text back, and then lets it go."""
    with served(tmp_path / "demo") as chat, visiting(chromium) as visit:
        page = visit(chat.url)
        sign_in(page, "ann")
        stop_time(page)
        page.evaluate(
            """() => { for (let i = 0; i < 6; i++) {
                document.getElementById("text").value = `line ${i}`;
                document.getElementById("composer").requestSubmit();
            } }"""
        )

        expect(page.get_by_role("alert").filter(has_text="You can go on in 1 s.")).to_be_visible()
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
        expect(page.get_by_label("Message", exact=True)).to_have_value("line 5")
        page.clock.resume()
        expect(page.get_by_role("button", name="Send")).to_be_enabled()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("article")).to_have_count(6)


@pytest.mark.requirement("R039")
def test_page_renews_a_session_in_place(tmp_path: Path, chromium: Browser) -> None:
    """A token that ends is replaced on the open socket: nobody is asked, and nothing reconnects."""
    with served(tmp_path / "demo", CHAT_TOKEN_SECONDS="4") as chat, visiting(chromium) as visit:
        page = visit(chat.url)
        opened: list[str] = []
        page.on("websocket", lambda socket: opened.append(socket.url))
        sign_in(page, "ann")

        expect(page.locator("#me-until")).to_contain_text("renewed until")
        say(page, "still here")
        expect(page.get_by_role("log").get_by_text("still here")).to_be_visible()
        assert 1 == len(opened)


def test_page_tells_of_a_revocation_within_a_second(tmp_path: Path, chromium: Browser) -> None:
    """The line that `examples --serve` prints ends Ann's page before her eyes; Bob's goes on."""
    with kept_up(tmp_path) as serving, visiting(chromium) as visit:
        ann, bob = visit(serving.chat.url), visit(serving.chat.url)
        sign_in(ann, "ann")
        sign_in(bob, "bob")
        say(ann, "hello")
        expect(bob.get_by_role("log").get_by_text("hello")).to_be_visible()

        serving.revoke_ann()

        told = ann.get_by_role("dialog", name="Your access was revoked")
        expect(told).to_be_visible(timeout=WITHIN_A_SECOND)
        expect(bob.locator("#status")).to_have_text("Connected")
        told.get_by_role("button", name="Sign in again").click()
        expect(ann.get_by_role("heading", name="Sign in")).to_be_visible()
        assert 0 == ann.get_by_role("article").count()


@pytest.mark.requirement("R032")
def test_page_renews_a_session_in_the_middle_of_typing(tmp_path: Path, chromium: Browser) -> None:
    """Whoever writes while the token is replaced notices nothing: the line, the place in it and the room stay."""
    with served(tmp_path / "demo", CHAT_TOKEN_SECONDS="4") as chat, visiting(chromium) as visit:
        page = visit(chat.url)
        sign_in(page, "ann")
        field = page.get_by_label("Message", exact=True)
        field.press_sequentially("a long ")
        shown = page.evaluate("() => document.getElementById('status').textContent")

        expect(page.locator("#me-until")).to_contain_text("renewed until")
        expect(field).to_be_focused()
        expect(field).to_have_value("a long ")
        expect(page.get_by_role("alert")).to_have_count(0)
        assert shown == page.evaluate("() => document.getElementById('status').textContent")
        page.keyboard.type("thought")
        page.keyboard.press("Enter")
        expect(page.get_by_role("log").get_by_text("a long thought")).to_be_visible()


def test_page_revoked_in_the_middle_of_typing_says_why(tmp_path: Path, chromium: Browser) -> None:
    """The half line goes nowhere, and what has happened is told where the person looks, who can sign in again."""
    with kept_up(tmp_path) as serving, visiting(chromium) as visit:
        ann, bob = visit(serving.chat.url), visit(serving.chat.url)
        sign_in(ann, "ann")
        sign_in(bob, "bob")
        ann.get_by_label("Message", exact=True).press_sequentially("half a sent")

        serving.revoke_ann()
        told = ann.get_by_role("dialog", name="Your access was revoked")
        expect(told).to_be_visible(timeout=WITHIN_A_SECOND)
        expect(told.get_by_role("button", name="Sign in again")).to_be_focused()
        ann.keyboard.type("ence")

        expect(ann.get_by_role("button", name="Send")).to_be_disabled()
        say(bob, "are you there?")
        expect(bob.get_by_role("log").get_by_text("are you there?")).to_be_visible()
        expect(bob.get_by_text("half a sent")).to_have_count(0)
        expect(ann.get_by_text("are you there?")).to_have_count(0)


def test_page_comes_back_after_a_restart(tmp_path: Path, visit: Visitor) -> None:
    """A server that drains says so; the page waits, returns by itself or when asked, and hears its rooms again."""
    with served(tmp_path / "demo") as first:
        page = visit(first.url, tolerated="WebSocket connection to|Failed to load resource")
        sign_in(page, "ann")
    expect(page.get_by_text("The server is restarting.")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    with serving(tmp_path / "demo", PORT=str(first.port), WSSEC_ORIGINS=first.url):
        page.get_by_role("button", name="Try now").click()
        expect(page.locator("#status")).to_have_text("Connected")
        expect(page.get_by_role("button", name="Try now")).to_be_hidden()
        say(page, "back again")
        expect(page.get_by_role("log").get_by_text("back again")).to_be_visible()


def test_page_signs_out(chat: Chat, visit: Visitor) -> None:
    """The door is there again, what was read is gone, and the token is refused from now on."""
    page = visit(chat.url)
    sign_in(page, "bob")
    say(page, "bye")
    expect(page.get_by_role("article").last).to_contain_text("bye")

    with page.expect_response("**/logout") as answer:
        page.get_by_role("button", name="Sign out").click()

    assert 204 == answer.value.status
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert 0 == page.get_by_role("article").count()


def test_page_keeps_the_token_to_itself(chat: Chat, visit: Visitor) -> None:
    """No storage, no cookie and no address holds it."""
    page = visit(chat.url)
    sign_in(page, "ann")

    kept = page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie, location.href]")

    assert [0, 0, "", f"{chat.url}/"] == kept
    assert [] == page.context.cookies()


def test_page_without_a_sign_in_says_where_it_belongs(tmp_path: Path, chromium: Browser) -> None:
    """Where development is switched off, the page explains itself, and offers neither people nor attacks."""
    with served(tmp_path / "demo", CHAT_DEVELOPMENT="0") as chat, visiting(chromium) as visit:
        page = visit(chat.url, tolerated="Failed to load resource")

        expect(page.get_by_text("This server has no sign-in yet.")).to_be_visible()
        assert 0 == page.locator(".person, #attacks").count()


def test_page_of_another_origin_says_what_is_missing(tmp_path: Path, chromium: Browser) -> None:
    """Whoever moved the server to another port reads which setting to change."""
    with served(tmp_path / "demo", WSSEC_ORIGINS="https://app.example.com") as chat, visiting(chromium) as visit:
        page = visit(chat.url, tolerated="Failed to load resource")
        page.get_by_role("button", name="ann").click()

        expect(page.get_by_role("alert").filter(has_text="WSSEC_ORIGINS")).to_contain_text(chat.url)
