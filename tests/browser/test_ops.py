"""The operations page over ten thousand connections, in a real Chromium."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visitor
from tests.browser.examining import settled
from tests.ops.crowd import HOSTILE
from tests.ops.serving import Served, served

Scheme = Literal["light", "dark"]
State = Callable[[Page, Served], None]
MANY = 10_000


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """One server for all; each test ends others than the next looks at."""
    with served(MANY) as running:
        yield running


def sign_in(page: Page, token: str) -> None:
    """Show a token, and wait until the page is live."""
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#status")).to_have_text("Live")


def search(page: Page, text: str) -> None:
    """Look for connections."""
    page.get_by_label("Subject, tenant, address, session or endpoint").fill(text)


def connections(page: Page) -> int:
    """How many the first tile says that there are."""
    return int(page.locator("#tile-connections").inner_text().replace(",", ""))


def test_page_shows_ten_thousand_connections(server: Served, visit: Visitor) -> None:
    """Fifty at a time, to the last page; the numbers at the top are those of the process."""
    page = visit(server.url)
    sign_in(page, server.reads)

    expect(page.locator("#rows tr")).to_have_count(50)
    expect(page.locator("#matched")).to_contain_text(re.compile(r"1–50 of (9|10),\d{3} connections"))
    page.get_by_role("button", name="Older").click()
    expect(page.locator("#matched")).to_contain_text("51–100 of")
    expect(page.locator("#channel-rows tr")).to_have_count(20)
    expect(page.locator("#slow tr")).not_to_have_count(0)
    expect(page.locator("#keys tr")).to_have_count(1)
    expect(page.locator("#nodes")).to_contain_text("(this one)")
    assert 9_900 < connections(page) <= MANY + 10


def test_page_filters_as_one_types(server: Served, visit: Visitor) -> None:
    """By any part of a name, in this process and on all nodes; what is hostile stays text."""
    page = visit(server.url)
    sign_in(page, server.reads)
    search(page, "user-0777")
    expect(page.locator("#matched")).to_contain_text("10 connections that match")
    page.get_by_label("Of", exact=True).select_option("all")
    expect(page.locator("#matched")).to_contain_text("10 connections that match")
    search(page, HOSTILE[:8])

    expect(page.get_by_role("button", name=HOSTILE)).to_be_visible()
    assert 0 == page.locator("main img").count()
    page.get_by_role("button", name=HOSTILE).click()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(HOSTILE)


def test_page_disconnects_and_shows_it(server: Served, visit: Visitor) -> None:
    """After what would happen was confirmed: the row goes, the number falls, the audit and the nodes tell of it."""
    page = visit(server.url)
    sign_in(page, server.acts)
    search(page, "user-00042")
    page.get_by_role("button", name="user-00042").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator("#confirm-text")).to_contain_text("disconnect session session-00042: 1 connection")
    page.get_by_role("button", name="Leave it").click()
    expect(page.locator("#facts")).to_contain_text("token-00042")
    page.get_by_role("button", name="Disconnect").click()
    page.get_by_label("Reason, for the audit").fill("stuck client")
    page.locator("#confirm").get_by_role("button", name="Disconnect").click()

    expect(page.locator("#done")).to_have_text("Done: disconnect session session-00042; 1 connection here.")
    expect(page.locator("#rows tr")).to_have_count(0)
    expect(page.locator("#audit-lines")).to_contain_text("operator=ops-ann")
    expect(page.locator("#audit-lines")).to_contain_text("reason=stuck client")
    expect(page.locator("#nodes")).to_contain_text("1 gone within")


def test_page_revokes_by_keyboard_and_a_colleague_sees_it(server: Served, visit: Visitor) -> None:
    """Without a pointer; the revocation stands in the tables of everybody who looks on."""
    colleague = visit(server.url)
    sign_in(colleague, server.reads)
    page = visit(server.url)
    sign_in(page, server.acts)
    page.get_by_label("Subject, tenant, address, session or endpoint").focus()
    page.keyboard.type("user-00099")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("button", name="user-00099").press("Enter")
    revoke = page.get_by_role("button", name="Revoke subject")
    expect(revoke).to_be_enabled()  # a key, unlike a click, does not wait for it
    revoke.press("Enter")
    expect(page.locator("#confirm-text")).to_contain_text("revoke subject user-00099: 1 connection")
    page.get_by_label("Reason, for the audit").press("Enter")
    expect(page.locator("#done")).to_contain_text("Done: revoke subject user-00099")

    expect(page.locator("#rows tr")).to_have_count(0)
    expect(colleague.locator("#newest")).to_contain_text("user-00099")
    expect(colleague.locator("#audit-lines")).to_contain_text("subject=user-00099")


def test_page_moderates(server: Served, visit: Visitor) -> None:
    """Who is in a channel can be muted there or put out of it."""
    page = visit(server.url)
    sign_in(page, server.acts)
    search(page, "user-00060")
    page.get_by_role("button", name="user-00060").click()
    page.get_by_role("button", name="Mute for an hour").click()
    page.locator("#confirm").get_by_role("button", name="Mute for an hour").click()
    expect(page.locator("#moderation")).to_contain_text("user-00060")
    page.get_by_role("button", name="user-00060").first.click()
    page.get_by_role("button", name="Kick").click()
    page.locator("#confirm").get_by_role("button", name="Kick").click()

    expect(page.locator("#done")).to_have_text(re.compile("Done: kick session session-00060 in room:room-0; 1 conn"))


def test_page_shows_who_is_turned_away(server: Served, visit: Visitor) -> None:
    """A refusal appears in the table of reasons, of addresses, and in the audit, which can be filtered and paused."""
    page = visit(server.url)
    sign_in(page, server.reads)
    answers = {page.request.get(server.url, headers={"Authorization": "Bearer nonsense"}).status for _ in range(3)}
    expect(page.locator("#by-reason")).to_contain_text("credential")
    expect(page.locator("#addresses")).to_contain_text("127.0.0.1")
    page.get_by_label("Show lines with").fill("handshake.refused")
    expect(page.locator("#audit-lines li:visible").first).to_contain_text("stage=credential")
    expect(page.locator("#audit-lines li:visible", has_text="session.opened")).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")

    assert answers <= {200, 401}


def test_page_draws_its_history(server: Served, visit: Visitor) -> None:
    """Each chart has a canvas in the width of its card, and says in words what it shows."""
    page = visit(server.url)
    sign_in(page, server.reads)
    expect(page.locator("#chart-connections canvas")).to_be_visible()
    expect(page.locator("#chart-refusals canvas")).to_be_visible()

    expect(page.locator("#chart-connections")).to_have_attribute("aria-label", re.compile("Connections over .*: now"))


def test_page_offers_nothing_to_who_only_reads(server: Served, visit: Visitor) -> None:
    """No buttons; and a message that the page would not send is refused by the server."""
    page = visit(server.url)
    sign_in(page, server.reads)
    search(page, "user-00500")
    page.get_by_role("button", name="user-00500").click()
    expect(page.locator("#facts")).to_contain_text("token-00500")

    expect(page.get_by_role("button", name="Disconnect")).to_have_count(0)
    said = page.evaluate(
        """() => new Promise((resolve) => {
            const url = location.href.replace("http", "ws") + "/socket";
            const socket = new WebSocket(url, ["wssec.v1", "wssec.csrf." + document.body.dataset.csrf]);
            socket.onmessage = ({ data }) => {
                const message = JSON.parse(data);
                if (message.type === "wssec.ready") {
                    const data = { action: "disconnect", subject: "user-00500" };
                    socket.send(JSON.stringify({ type: "ops.propose", id: "1", data }));
                } else resolve(message.code);
            };
        })"""
    )
    assert "permission_denied" == said


def test_page_refuses_who_may_neither(server: Served, visit: Visitor) -> None:
    """403, and what is lacking."""
    page = visit(server.url, tolerated=".*403")
    page.get_by_label("Access token").fill(server.neither)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Not for you")).to_be_visible()
    expect(page.locator("main")).to_contain_text("wssec:ops:read")


def test_page_survives_a_reload_and_ends_with_signing_out(visit: Visitor) -> None:
    """The cookie is enough to come back; after signing out neither it nor the token is good, in no window."""
    with served(10) as own:
        page, other = visit(own.url, tolerated=".*"), visit(own.url, tolerated=".*")
        sign_in(page, own.acts)
        sign_in(other, own.acts)
        page.reload()
        expect(page.locator("#status")).to_have_text("Live")
        page.get_by_role("button", name="Sign out").click()
        expect(other.locator("#status")).to_have_text("Signed out")
        expect(other.get_by_role("alert").first).to_contain_text("Load it anew")
        expect(page.get_by_label("Access token")).to_be_visible()
        page.get_by_label("Access token").fill(own.acts)
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("alert")).to_have_text("This token is not accepted. The log says why.")


def at_the_door(page: Page, server: Served) -> None:
    """A token was refused."""
    page.get_by_label("Access token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not accepted")


def live(page: Page, server: Served) -> None:
    """All tables are filled, the charts are drawn and each part of the configuration is open."""
    sign_in(page, server.acts)
    expect(page.locator("#chart-connections canvas")).to_be_visible()
    expect(page.locator("#nodes tr")).to_have_count(1)
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def with_details(page: Page, server: Served) -> None:
    """A dialog shows one connection, whose name has no place to break."""
    sign_in(page, server.acts)
    search(page, HOSTILE)
    page.get_by_role("button", name=HOSTILE).click()
    expect(page.locator("#facts")).to_contain_text("Listens to")


def with_a_question(page: Page, server: Served) -> None:
    """Another asks whether to go on."""
    with_details(page, server)
    page.get_by_role("button", name="Revoke subject").click()
    expect(page.get_by_label("Reason, for the audit")).to_be_visible()


STATES = [at_the_door, live, with_a_question]
every_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)


@every_state
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(server: Served, visit: Visitor, state: State, scheme: Scheme) -> None:
    """axe-core has nothing to say: contrast, names, roles, landmarks."""
    page = visit(server.url, DESKTOP, scheme, is_examined=True)
    state(page, server)

    results = Axe().run(settled(page))

    assert [] == [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in results.response["violations"]]


@every_state
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=lambda size: str(size[0]))
def test_page_fits(server: Served, visit: Visitor, state: State, size: tuple[int, int]) -> None:
    """Nothing reaches beyond the right edge; on a phone whatever is pressed is at least 32 pixels high."""
    page = visit(server.url, size)
    state(page, server)

    widths = settled(page).evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("dialog[open]")]
            .map((one) => one.scrollWidth - one.clientWidth)"""
    )
    heights = page.evaluate("() => [...document.querySelectorAll('button, summary')].map((one) => one.offsetHeight)")

    assert {0} == set(widths)
    assert size is DESKTOP or [] == [height for height in heights if 0 < height < 32]
