"""The whiteboard as its people use it: several at once in a real Chromium, misuse included."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, WebSocketRoute, expect

from examples.running.deployment import deployed
from examples.running.stage import Stage
from tests.browser.conftest import DESKTOP, PHONE, Visitor
from tests.browser.examining import settled
from tests.ports import free_port

Scheme = Literal["light", "dark"]
NOT_SIGNED_IN: Final = "Failed to load resource: .* 401"
"""The page's first question, whether somebody is signed in already, is answered by 401 where nobody is."""
WITHIN_A_SECOND: Final = 1_000

CRAFTED: Final = """async (frames) => {
  const body = JSON.stringify({ path: "/ws/boards/roadmap" });
  const headers = { "Content-Type": "application/json" };
  const { ticket } = await (await fetch("/wssec/ticket", { method: "POST", headers, body })).json();
  const socket = new WebSocket("/ws/boards/roadmap", ["wssec.v1", `wssec.ticket.${ticket}`]);
  const codes = [];
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "wssec.ready") frames.forEach((frame) => socket.send(frame));
      else if (codes.push(message.code ?? message.type) === frames.length) resolve(codes);
    };
  });
}"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One server for all; each test draws where it wipes first, or on a board of its own."""
    with deployed("whiteboard", port=free_port()) as running:
        yield running


@pytest.fixture
def come(stage: Stage, visit: Visitor) -> Callable[..., Page]:
    """Open the page, sign in, and wait until the board is there."""

    def open_board(name: str, board: str = "roadmap", **options: Any) -> Page:
        page = visit(stage.url, **{"tolerated": NOT_SIGNED_IN, **options})
        page.get_by_role("button", name=re.compile(rf"^{name}\b")).click()
        if board != "roadmap":  # which opens by itself
            page.get_by_role("button", name=board, exact=True).click()
        expect(page.locator("#state")).to_have_text("Connected")
        expect(page.get_by_role("heading", name=board)).to_be_attached()
        expect(page.locator("#count")).not_to_have_text("0 here")
        return page

    return open_board


def draw(page: Page, *points: tuple[float, float]) -> None:
    """Draw with the pointer; places are parts of the sheet's width and height."""
    box = page.locator("#paper").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


class Fingers:
    """On the glass of a page's sheet; places are parts of its width and height."""

    def __init__(self, page: Page) -> None:
        self._glass = page.context.new_cdp_session(page)
        box = page.locator("#paper").bounding_box()
        assert box is not None
        self._box = box

    def draw(self, *points: tuple[float, float]) -> None:
        """With one finger."""
        self.put(points[0])
        for point in points[1:]:
            self.put(point, event="touchMove")
        self.lift()

    def pinch(self, *places: tuple[tuple[float, float], tuple[float, float]]) -> None:
        """With two, of which one comes first, and moves before the other is there."""
        (first, second), *further = places
        self.put(first)
        self.put((first[0] + 0.02, first[1]), event="touchMove")
        self.put((first[0] + 0.02, first[1]), second)
        for pair in further:
            self.put(*pair, event="touchMove")
        self.lift()

    def put(self, *points: tuple[float, float], event: str = "touchStart") -> None:
        """Where the fingers are now."""
        box = self._box
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": finger}
            for finger, (x, y) in enumerate(points)
        ]
        self._glass.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": places})

    def lift(self) -> None:
        """No finger is there any more."""
        self._glass.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def expect_strokes(page: Page, count: int) -> None:
    """Claim that so many strokes are on the page's sheet."""
    expect(page.locator("#paper")).to_have_attribute("data-strokes", str(count))


def wipe(page: Page) -> None:
    """Begin with an empty sheet."""
    page.get_by_role("button", name="Wipe the board").click()
    expect_strokes(page, 0)


def is_dark(page: Page, x: float, y: float) -> bool:
    """Whether something is drawn within two pixels of a place, given as parts of its size; once it is painted."""
    found: bool = page.evaluate(
        """async ([x, y]) => {
            for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame);
            const { width, height } = paper;
            const copy = new OffscreenCanvas(5, 5).getContext("2d", { willReadFrequently: true });
            copy.drawImage(paper, 2 - x * width, 2 - y * height);
            const { data } = copy.getImageData(0, 0, 5, 5);
            return data.some((value, at) => at % 4 === 3 && value > 100);
        }""",
        [x, y],
    )
    return found


@pytest.mark.requirement("S2")
def test_whiteboard_is_drawn_on_together(come: Callable[..., Page]) -> None:
    """What one draws the other sees where it was drawn; each takes back his own; the owner wipes it all."""
    ann, bob = come("ann"), come("bob")
    wipe(ann)
    draw(ann, (0.2, 0.3), (0.4, 0.3))
    bob.get_by_role("button", name="Line").click()
    draw(bob, (0.6, 0.6), (0.8, 0.6))
    expect(ann.locator(".cursor")).to_have_text("Bob")  # for as long as it moves, and some seconds
    for page in (ann, bob):
        expect_strokes(page, 2)
        assert [True, True, False] == [is_dark(page, *at) for at in ((0.3, 0.3), (0.7, 0.6), (0.5, 0.8))]

    bob.get_by_role("button", name="Undo my last stroke").click()
    expect_strokes(ann, 1)
    bob.get_by_role("button", name="Undo my last stroke").click()
    assert [True, False] == [is_dark(ann, *at) for at in ((0.3, 0.3), (0.7, 0.6))]
    wipe(ann)
    expect_strokes(bob, 0)


def test_whiteboard_tells_who_is_here(come: Callable[..., Page]) -> None:
    """Coming and going, and what everybody may do."""
    ann, cleo = come("ann"), come("cleo")
    expect(ann.locator("#people li", has_text="Cleo")).to_contain_text("Here")
    expect(cleo.locator("#people li", has_text="Ann")).to_contain_text("Owner, here")
    cleo.get_by_role("button", name="Sign out").click()

    expect(ann.locator("#people li", has_text="Cleo")).to_contain_text("Away")
    expect(cleo.get_by_role("button", name=re.compile("^ann"))).to_be_visible()


@pytest.mark.requirement("R041")
def test_whiteboard_refuses_what_a_viewer_draws(come: Callable[..., Page]) -> None:
    """It is gone from his own page again, which says why; nobody else has seen it."""
    ann, cleo = come("ann"), come("cleo")
    wipe(ann)
    expect(cleo.get_by_text("You can look at this board, but not draw on it.")).to_be_visible()
    expect(cleo.get_by_role("toolbar")).to_be_hidden()
    draw(cleo, (0.2, 0.2), (0.5, 0.5))

    expect(cleo.locator(".toast")).to_contain_text("you do not have the permission")
    expect_strokes(cleo, 0)
    expect_strokes(ann, 0)


@pytest.mark.requirement("R034", "R043")
def test_whiteboard_holds_people_to_new_rights_at_once(come: Callable[..., Page]) -> None:
    """The owner makes a viewer an editor, a viewer again, and nobody, while she looks on."""
    ann, cleo = come("ann"), come("cleo")
    wipe(ann)
    choice = ann.get_by_label("What cleo may do")
    choice.select_option("Can draw")
    expect(cleo.get_by_role("toolbar")).to_be_visible(timeout=WITHIN_A_SECOND)
    draw(cleo, (0.2, 0.2), (0.5, 0.5))
    expect_strokes(ann, 1)
    choice.select_option("Can look")
    expect(cleo.get_by_role("toolbar")).to_be_hidden(timeout=WITHIN_A_SECOND)
    draw(cleo, (0.2, 0.8), (0.5, 0.8))
    expect(cleo.locator(".toast", has_text="permission")).to_be_visible()
    choice.select_option("No access")
    expect(cleo.get_by_role("dialog")).to_contain_text("Not for you", timeout=WITHIN_A_SECOND)
    choice.select_option("Can look")
    cleo.get_by_role("button", name="Leave").click()

    expect(cleo.get_by_role("button", name="roadmap", exact=True)).to_be_visible()
    expect_strokes(ann, 1)


@pytest.mark.requirement("S2")
@pytest.mark.requirement("R045", "R058")
def test_whiteboard_refuses_crafted_frames_of_a_page(come: Callable[..., Page]) -> None:
    """What a page would never send is answered by a code, frame by frame, and drawn for nobody."""
    ann, cleo = come("ann"), come("cleo")
    wipe(ann)
    stroke = (
        '"stroke":"0f8fad5b-d9cb-469f-a165-70867728950e","shape":"line","points":[{"x":1,"y":2}],'
        '"color":"#2b6cb0","style":{"width":3},"drawn_at":"2026-01-31T12:00:00Z"'
    )
    frames = [
        f'{{"type":"board.draw","data":{{"board":"roadmap",{stroke}}}}}',
        f'{{"type":"board.draw","data":{{"board":"moodboard","author":"ann",{stroke}}}}}',
        '{"type":"board.share","data":{"board":"roadmap","person":"cleo","role":"editor"}}',
        '{"type":"wssec.subscribe","id":"1","data":{"channel":"board:retro"}}',
        '{"type":"board.draw"',
    ]
    codes = cleo.evaluate(CRAFTED, frames)

    assert ["permission_denied", "invalid", "permission_denied", "permission_denied", "malformed"] == codes
    expect_strokes(ann, 0)


@pytest.mark.requirement("R091")
def test_whiteboard_resumes_after_a_break(stage: Stage, come: Callable[..., Page], visit: Visitor) -> None:
    """What was drawn while somebody's connection was gone is there when it is back, and nothing twice."""
    ann = come("ann")
    wipe(ann)
    bob = visit(stage.url, tolerated="Failed to load resource")
    carried: list[WebSocketRoute] = []
    heard: list[str] = []
    bob.route_web_socket("**/ws/boards/roadmap", lambda socket: carried.append(carry(socket, heard)))
    enter(bob, "bob")
    draw(ann, (0.1, 0.1), (0.2, 0.2))
    expect_strokes(bob, 1)
    bob.route("**/wssec/ticket", lambda route: route.abort())
    heard.clear()
    carried[0].close(code=1011, reason="broken")
    expect(bob.locator("#state")).to_have_text("Reconnecting")
    draw(ann, (0.3, 0.3), (0.4, 0.4))
    expect_strokes(ann, 2)
    bob.unroute("**/wssec/ticket")
    bob.get_by_role("button", name="Try now").click()

    expect_strokes(bob, 2)
    assert 1 == sum('"board.drawn"' in text for text in heard)


def carry(socket: WebSocketRoute, heard: list[str]) -> WebSocketRoute:
    """Pass everything on, both ways, and keep what the server says."""
    server = socket.connect_to_server()

    def pass_on(text: str | bytes) -> None:
        heard.append(str(text))
        socket.send(text)

    server.on_message(pass_on)
    return socket


def at_the_door(page: Page) -> None:
    """Nobody is signed in."""
    expect(page.get_by_role("button", name=re.compile("^ann"))).to_be_visible()


def owner(page: Page) -> None:
    """All tools, all choices."""
    enter(page, "ann")
    draw(page, (0.2, 0.2), (0.3, 0.3))


def viewer(page: Page) -> None:
    """A note instead of the tools, and a refusal."""
    enter(page, "cleo")
    page.get_by_role("button", name="roadmap", exact=True).click()
    expect(page.locator("#looking")).to_be_visible()
    draw(page, (0.2, 0.2), (0.3, 0.3))
    expect(page.locator(".toast")).to_be_visible()


def waiting(page: Page) -> None:
    """The connection is gone, and a banner says when it is tried again."""
    page.route_web_socket("**/ws/**", lambda socket: socket.close(code=1013, reason="later"))
    page.get_by_role("button", name=re.compile("^ann")).click()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()


def enter(page: Page, name: str) -> None:
    """Sign in, and wait until the board is there."""
    page.get_by_role("button", name=re.compile(rf"^{name}\b")).click()
    expect(page.locator("#state")).to_have_text("Connected")


STATES = [at_the_door, owner, viewer, waiting]
every_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)


@every_state
def test_whiteboard_is_accessible_and_fits(stage: Stage, visit: Visitor, state: Callable[[Page], None]) -> None:
    """axe-core has nothing to say, by day at a desk, by night on a phone; nothing reaches beyond the right edge."""
    page = visit(stage.url, DESKTOP, "light", is_examined=True, tolerated=NOT_SIGNED_IN)
    state(page)
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        width, height = PHONE if scheme == "dark" else DESKTOP
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("() => document.documentElement.scrollWidth === innerWidth")
        violations = Axe().run(settled(page)).response["violations"]
        found += [f"{scheme} {one['id']}: {[node['target'] for node in one['nodes']]}" for one in violations]

    assert [] == found


def test_whiteboard_can_be_drawn_on_by_keyboard(come: Callable[..., Page]) -> None:
    """The space bar sets the pen down and lifts it, arrows move it. On a phone what is pressed is 32 pixels high."""
    ann = come("ann")
    wipe(ann)
    ann.locator("#paper").focus()
    ann.keyboard.press("Space")
    for _ in range(5):
        ann.keyboard.press("ArrowRight")
    ann.keyboard.press("Space")

    expect_strokes(ann, 1)
    assert is_dark(ann, 0.53, 0.5)

    ann.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    heights = settled(ann).evaluate(
        "() => [...document.querySelectorAll('button, select')].map((one) => one.offsetHeight)"
    )

    assert [] == [height for height in heights if 0 < height < 32]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["tablet", "phone"])
def test_whiteboard_can_be_drawn_on_by_touch(come: Callable[..., Page], size: tuple[int, int]) -> None:
    """One finger draws, where it goes, and does not scroll; a tap is a dot. Two fingers draw nothing, but enlarge."""
    ann = come("ann", size=size, has_touch=True)
    wipe(ann)
    ann.get_by_role("button", name="Pen").tap()
    fingers = Fingers(ann)
    fingers.draw((0.2, 0.2), (0.2, 0.5), (0.2, 0.8))
    expect_strokes(ann, 1)
    fingers.draw((0.5, 0.5))
    expect_strokes(ann, 2)
    fingers.pinch(((0.6, 0.2), (0.9, 0.2)), ((0.65, 0.3), (0.85, 0.3)), ((0.7, 0.4), (0.8, 0.4)))
    fingers.draw((0.3, 0.8), (0.5, 0.8))

    expect_strokes(ann, 3)
    looked_at = ((0.2, 0.35), (0.2, 0.65), (0.5, 0.5), (0.4, 0.8), (0.61, 0.2), (0.65, 0.3))
    assert [True, True, True, True, False, False] == [is_dark(ann, *at) for at in looked_at]
    assert [0, 1] == ann.evaluate("[scrollY, visualViewport.scale]")
    fingers.pinch(*[((0.5 - apart, 0.2), (0.5 + apart, 0.2)) for apart in (0.05, 0.1, 0.2, 0.3, 0.4)])
    ann.wait_for_function("visualViewport.scale > 1")
    expect_strokes(ann, 3)


def test_whiteboard_asks_for_an_empty_board_once(stage: Stage, visit: Visitor) -> None:
    """That there may have been more before is told to whoever asks for everything; the page does not ask again."""
    page = visit(stage.url, tolerated=NOT_SIGNED_IN)
    carried: list[WebSocketRoute] = []
    heard: list[str] = []
    page.route_web_socket("**/ws/boards/moodboard", lambda socket: carried.append(carry(socket, heard)))
    page.get_by_role("button", name=re.compile("^cleo")).click()
    page.get_by_role("button", name="moodboard", exact=True).click()
    expect(page.get_by_text("Owner, here")).to_be_visible()
    draw(page, (0.2, 0.2), (0.3, 0.3))
    expect_strokes(page, 1)

    assert 1 == sum('"wssec.gap"' in text for text in heard)
