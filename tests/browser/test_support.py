"""The support desk as its people use it: customers, agents, a supervisor, and somebody who is up to no good."""

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from examples.running.deployment import deployed
from examples.running.stage import Stage
from examples.running.story import Outcome
from examples.support.story import tell
from tests.browser.conftest import PHONE, Visitor
from tests.browser.examining import examined
from tests.ports import free_port
from tests.starter.running import run

WITHIN_A_SECOND: Final = 1_000
REMAINS: Final = """() => [...document.querySelectorAll("#lines *")].flatMap((one) => [
  ...(one.matches("script, img, svg, form, input, style, animate, iframe") ? [one.outerHTML] : []),
  ...[...one.attributes].filter((each) => each.name.startsWith("on") || /script:/i.test(each.value)).map(String),
])"""
LISTEN: Final = """async (room) => {
  const { Connection } = await import("/wssec/client/wssec.js");
  const { csrf } = await (await fetch("/wssec/csrf")).json();
  const connection = new Connection("/ws", { credential: () => `wssec.csrf.${csrf}` });
  connection.open();
  const refusal = (asked) => asked.then(() => "nothing refused", ({ code }) => code);
  return Promise.all([
    refusal(connection.subscribe(`case:${room}`, { since: 0 })),
    refusal(connection.request("support.say", { room, text: "hello" })),
    refusal(connection.request("moderation.act", { room, subject: "cleo", measure: "ban" })),
    refusal(connection.subscribe("desk")),
  ]);
}"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One desk for all; each test opens a case of its own."""
    with deployed("support", port=free_port()) as running:
        yield running


def enter(page: Page, name: str) -> Page:
    """Sign in at the door, and wait until the socket is open."""
    page.get_by_role("button", name=re.compile(rf"^{name}\b")).click()
    expect(page.locator("#status")).to_have_text("Connected")
    return page


def open_case(page: Page, subject: str) -> None:
    """Open a case as a customer does."""
    page.get_by_label("What is it about?").fill(subject)
    page.get_by_role("button", name="Open the case").click()
    expect(page.locator("#case-subject")).to_have_text(subject)


def choose(page: Page, subject: str) -> None:
    """Look at a case."""
    page.locator(".case-link").filter(has_text=subject).click()
    expect(page.locator("#case-subject")).to_have_text(subject)


def say(page: Page, text: str) -> None:
    """Write a line as a customer."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def try_everything_hostile(page: Page) -> list[str]:
    """Press each of the page's own attempts; what the server said to each."""
    attempts = page.locator("#hostile button").all()
    for attempt in attempts:
        attempt.click()
        expect(attempt.locator(".told")).not_to_be_empty()
    return [attempt.locator(".told").inner_text() for attempt in attempts]


@pytest.mark.requirement("R008", "R047", "R048")
def test_support_story_ends_as_it_must(stage: Stage) -> None:
    """What `python3 examples support` prints has no row that is wrong."""

    async def wrong() -> list[Outcome]:
        return [outcome async for scene in tell(stage) for outcome in scene.outcomes if not outcome.is_right]

    with ThreadPoolExecutor(1) as beside:  # the browser has an event loop of its own in this one
        assert [] == beside.submit(asyncio.run, wrong()).result()


@pytest.mark.requirement("S3")
def test_support_desk_lets_a_customer_and_an_agent_talk(stage: Stage, visit: Visitor) -> None:
    """A case appears at the desk by itself; marks and lists of the answer arrive as such; in the end it is resolved."""
    cleo, ann = enter(visit(stage.url), "cleo"), enter(visit(stage.url), "ann")
    open_case(cleo, "Invoice 7")
    choose(ann, "Invoice 7")
    say(cleo, "It is not mine.\nIs it?")
    expect(ann.get_by_role("log")).to_contain_text("It is not mine.")
    ann.get_by_label("Answer", exact=True).click()
    ann.keyboard.type("It is ")
    ann.get_by_role("button", name="Bold").click()
    ann.keyboard.type("not")
    ann.get_by_role("button", name="Bold").click()
    ann.get_by_role("button", name="List").click()
    ann.keyboard.type("forget it")
    ann.get_by_role("button", name="Send").click()

    expect(cleo.locator(".rich b")).to_have_text("not")
    expect(cleo.locator(".rich li")).to_have_text("forget it")
    expect(cleo.get_by_role("button", name=re.compile("^Invoice 7"))).to_contain_text("answered")
    ann.get_by_role("button", name="Resolve").click()
    expect(ann.get_by_role("button", name=re.compile("^Invoice 7"))).to_contain_text("resolved")


@pytest.mark.requirement("R059", "S3")
def test_support_desk_shows_hostile_text_and_nothing_runs(stage: Stage, visit: Visitor) -> None:
    """Without the page's policy, to see the cleaning alone, and with it; as it arrives, and from the history again."""
    cleo, sue = enter(visit(stage.url), "cleo"), enter(visit(stage.url, is_examined=True), "sue")
    dialogs: list[str] = []
    for page in (cleo, sue):
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    open_case(cleo, "Hostile")
    choose(sue, "Hostile")

    assert [*["shown as text"] * 3, *["refused: invalid"] * 3] == try_everything_hostile(cleo)
    assert ["cleaned"] * 6 == try_everything_hostile(sue)
    for page in (cleo, sue):
        expect(page.locator(".bubble")).to_have_count(9)
        page.reload()
        choose(page, "Hostile")
        expect(page.locator(".bubble")).to_have_count(9)
        page.locator(".rich").get_by_text("here").click()
        page.locator(".rich").get_by_text("Track your parcel").click()

        assert [] == page.evaluate(REMAINS)
        assert "Haven support" == page.title()
        expect(page.get_by_text("<script>document.title = 'owned'</script>")).to_be_visible()
    assert [] == dialogs


@pytest.mark.requirement("R044", "R045", "R046")
def test_support_desk_keeps_cases_from_other_customers(stage: Stage, visit: Visitor) -> None:
    """Mallory's page does not show a case of Cleo's, and her socket gets nothing out of its name."""
    cleo, mallory = enter(visit(stage.url), "cleo"), enter(visit(stage.url), "mallory")
    rooms: list[str] = []
    cleo.on("websocket", lambda socket: socket.on("framereceived", lambda text: rooms.extend(_rooms_in(str(text)))))
    cleo.reload()
    open_case(cleo, "Private")
    expect(cleo.get_by_label("Message", exact=True)).to_be_focused()

    assert 0 == mallory.get_by_role("button", name=re.compile("^Private")).count()
    assert ["permission_denied"] * 4 == mallory.evaluate(LISTEN, rooms[-1])


@pytest.mark.requirement("R049")
def test_supervisor_moderates_from_page_and_terminal(stage: Stage, visit: Visitor) -> None:
    """Mute, slow mode, kick and ban: the customer sees each within a second, and the supervisor what a terminal did."""
    cleo, sue = enter(visit(stage.url), "cleo"), enter(visit(stage.url), "sue")
    open_case(cleo, "Spam")
    choose(sue, "Spam")
    force, notice = sue.locator("#in-force"), cleo.locator("#notice")
    sue.get_by_role("button", name="Mute for 10 min").click()
    expect(cleo.get_by_role("log")).to_contain_text("You were muted until", timeout=WITHIN_A_SECOND)
    say(cleo, "BUY NOW")
    expect(notice).to_have_text("You cannot write here at the moment.")
    sue.get_by_role("button", name="Take back: mute cleo").click()
    expect(cleo.get_by_role("log")).to_contain_text("You may write here again.")
    sue.get_by_label("Slow mode").select_option("300")
    expect(cleo.get_by_role("log")).to_contain_text("a line every 300 s")
    began = time.monotonic()
    say(cleo, "one")
    expect(cleo.get_by_role("article").last).to_contain_text("one")
    say(cleo, "two")
    expect(notice).to_contain_text("you can go on in")
    left = int(re.findall(r"you can go on in (\d+) s", notice.inner_text())[0])
    assert began + 299 - time.monotonic() <= left <= 300
    sue.get_by_role("button", name="Kick").click()
    expect(cleo.locator("#left")).to_be_visible(timeout=WITHIN_A_SECOND)
    cleo.get_by_role("button", name="Come back").click()
    expect(cleo.get_by_role("article")).to_have_count(1)
    command = (sys.executable, "-m", "tornado_wssec", "channels", "ban", sue.locator("#channel").inner_text(), "cleo")
    run(*command, "--for", "1h", env=dict(stage.env))
    expect(cleo.locator("#left")).to_be_visible()
    expect(force).to_contain_text("Ban cleo", ignore_case=True)
    cleo.get_by_role("button", name="Come back").click()
    expect(cleo.locator("#left")).to_be_visible()


def test_supervisor_takes_a_line_away(stage: Stage, visit: Visitor) -> None:
    """An agent has her look at it; then it is gone from every screen, and does not come back with the history."""
    mallory, ann, sue = (enter(visit(stage.url), name) for name in ("mallory", "ann", "sue"))
    open_case(mallory, "Abuse")
    say(mallory, "You fools")
    choose(ann, "Abuse")
    ann.get_by_role("button", name="Report").click()
    expect(sue.get_by_role("button", name=re.compile("^Abuse"))).to_contain_text("reported")
    choose(sue, "Abuse")
    sue.get_by_role("button", name="Remove").click()

    for page in (mallory, ann):
        expect(page.locator(".bubble")).to_have_text("Removed by a moderator.")
    sue.reload()
    choose(sue, "Abuse")
    expect(sue.locator(".bubble")).to_have_text("Removed by a moderator.")


def test_support_desk_is_accessible_and_fits(stage: Stage, visit: Visitor) -> None:
    """axe-core has nothing to say, and nothing reaches beyond the right edge: on a desk by day, on a phone by night."""
    cleo, sue = (enter(visit(stage.url, is_examined=True), name) for name in ("cleo", "sue"))
    subject = "x" * 120
    seen = [*examined(cleo), *examined(sue)]
    open_case(cleo, subject)
    say(cleo, "y" * 400)
    choose(sue, subject)
    for page in (cleo, sue):
        expect(page.get_by_role("article")).to_have_count(1)
        seen += examined(page)
        page.set_viewport_size(ViewportSize(width=PHONE[0], height=PHONE[1]))
        page.emulate_media(color_scheme="dark")
        seen += examined(page)
    sue.get_by_role("button", name="Details").click()
    seen += examined(sue)
    cleo.get_by_role("button", name="Back to the cases").click()
    seen += examined(cleo)

    assert [] == seen


def _rooms_in(frame: str) -> list[str]:
    return re.findall(r'"room":"([0-9a-f]{20})"', frame)
