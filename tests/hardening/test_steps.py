"""Each step keeps the page of old working, and stops what the one before let pass."""

from typing import Any, Final

import pytest

from tests.docs.pages import DOCS
from tests.hardening.running import (
    COOKIE_SECRET,
    DECEMBER,
    EVIL,
    LAST,
    STEPS,
    Running,
    Visitor,
    guard_of,
    running,
    step_module,
)
from tests.kits import in_loop
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.testing.clock import HandClock

PAGE: Final = DOCS / "hardening.md"
LINE: Final[dict[str, Any]] = {"author": "ann", "text": "hello", "ts": 1_767_225_600_000}


def refused(code: str) -> dict[str, str]:
    """What a refusal has, whatever else is in it."""
    return {"action": "error", "code": code}


def head(message: dict[str, Any]) -> dict[str, Any]:
    """A message without its words."""
    return {name: message[name] for name in ("action", "code") if name in message}


async def said_by_ann(to: Running, **data: Any) -> tuple[dict[str, Any], Visitor]:
    """What ann's page gets for a line of hers."""
    ann = await (await to.visit("ann")).join()
    await ann.say("say", **{**LINE, **data})
    return await ann.hear(), ann


@pytest.mark.parametrize("step", STEPS)
@in_loop
async def test_page_of_old_keeps_working(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people log in, listen, talk, and log out; every frame is as `chat.js` has always written it."""
    async with running(step, monkeypatch) as chat:
        ann, bob = [await (await chat.visit(name)).join() for name in ("ann", "bob")]
        await ann.say("say", **LINE)
        heard = [await one.hear() for one in (ann, bob)]
        await bob.say("say", **{**LINE, "author": "bob", "text": "hello ann"})

        wanted = {"action": "said", "room": "lobby", **LINE}
        assert [wanted, wanted] == [{name: one.get(name) for name in wanted} for one in heard]
        assert ("bob", "hello ann") == ((answer := await ann.hear())["author"], answer["text"])
        assert 302 == (await chat.post("/logout", await chat.login("ann"))).code


@pytest.mark.parametrize("step", [0, 1, LAST])
@in_loop
async def test_page_of_another_site_is_stopped_by_step_1(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser of somebody who is logged in opens a socket for whatever page asks it to."""
    async with running(step, monkeypatch) as chat:
        cookie = await chat.login("ann")
        _, answer = await chat.upgrade(await chat.socket_of(cookie), origin=EVIL, cookie=cookie)

        assert (101 if step == 0 else 403) == answer.status


@pytest.mark.parametrize(("step", "names"), [(1, "author, room, text, ts"), (2, "ts"), (5, "ts"), (6, "")])
@in_loop
async def test_what_is_not_declared_is_told_of_until_step_6(
    step: int, names: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the fields that the page of old sends and nobody has declared."""
    async with running(step, monkeypatch) as chat:
        await said_by_ann(chat)

    told = [one.getMessage() for one in caplog.records if one.getMessage().startswith("say let pass")]
    lines = "; ".join(f"{name}: Unknown field." for name in names.split(", "))
    assert ([f"say let pass with a warning: {lines}"] if names else []) == told
    assert all(f"\n{line}\n" in PAGE.read_text(encoding="utf-8") for line in told)


@pytest.mark.parametrize("step", [2, 3, LAST])
@in_loop
async def test_forged_author_is_stopped_by_step_3(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob speaks as ann."""
    async with running(step, monkeypatch) as chat:
        bob = await (await chat.visit("bob")).join()
        await bob.say("say", **LINE)
        heard = await bob.hear()

    assert ("ann" if step == 2 else refused("permission_denied")) == (heard["author"] if step == 2 else head(heard))


@pytest.mark.parametrize("step", [2, 3, LAST])
@in_loop
async def test_stranger_is_stopped_by_step_3(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not logged in connects as everybody else."""
    async with running(step, monkeypatch) as chat:
        _, answer = await chat.upgrade("/chat")

    assert (101 if step == 2 else 401) == answer.status


@pytest.mark.parametrize("step", [3, 4, LAST])
@in_loop
async def test_other_room_is_stopped_by_step_4(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob listens and speaks where only ann may be."""
    async with running(step, monkeypatch) as chat:
        ann, bob = await (await chat.visit("ann")).join("board"), await chat.visit("bob")
        await bob.say("join", "board")
        joined = await bob.hear()
        await bob.say("say", "board", **{**LINE, "author": "bob"})
        spoke = await bob.hear()
        await ann.say("say", "board", **LINE)
        heard = await ann.hear()

    if step == 3:
        assert ("chat", "bob", "bob") == (joined["author"], spoke["author"], heard["author"])
    else:
        assert [refused("permission_denied")] * 2 == [head(joined), head(spoke)]
        assert "ann" == heard["author"]


@pytest.mark.parametrize("step", [4, 5, LAST])
@in_loop
async def test_oversized_line_is_stopped_by_step_5(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty kilobytes go to everybody; then ten are too many, and for forty the connection ends."""
    async with running(step, monkeypatch) as chat:
        if step == 4:
            heard, _ = await said_by_ann(chat, text="x" * 40_000)
            assert 40_000 == len(heard["text"])
            return
        heard, ann = await said_by_ann(chat, text="x" * 10_000)
        assert refused("too_big") == head(heard)
        await ann.say("say", **{**LINE, "text": "x" * 40_000})
        await ann.client.assert_closed(1009)


@pytest.mark.parametrize("step", [4, 5, LAST])
@in_loop
async def test_flood_is_stopped_by_step_5(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of forty lines at once everybody gets forty; then five."""
    async with running(step, monkeypatch) as chat:
        ann = await (await chat.visit("ann")).join()
        for number in range(40):
            await ann.say("say", **{**LINE, "text": str(number)})
        answers = [await ann.hear() for _ in range(40 if step == 4 else 20)]
        said = [answer["text"] for answer in answers if answer["action"] == "said"]

    assert [str(number) for number in range(40 if step == 4 else 5)] == said


@pytest.mark.parametrize("step", [5, 6, LAST])
@in_loop
async def test_undeclared_field_is_stopped_by_step_6(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`html` is for what the server says: pages show it as it comes."""
    async with running(step, monkeypatch) as chat:
        heard, _ = await said_by_ann(chat, html="<img src=x onerror=alert(document.domain)>")

    assert (step == 5) == ("html" in heard)
    assert ({"action": "said"} if step == 5 else refused("invalid")) == head(heard)


@pytest.mark.parametrize("step", [6, LAST])
@in_loop
async def test_who_has_logged_out_is_stopped_by_step_7(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tab that is open goes on talking, and a cookie that was copied still opens; then neither."""
    async with running(step, monkeypatch) as chat:
        cookie = await chat.login("ann")
        path, ann = await chat.socket_of(cookie), await (await chat.open(cookie)).join()
        await chat.post("/logout", cookie)
        again = (await chat.upgrade(path, cookie=cookie))[1].status
        if step == LAST:
            await ann.client.assert_closed(4403)
        else:
            await ann.say("say", **LINE)
            assert "hello" == (await ann.hear())["text"]

    assert (101 if step == 6 else 401) == again


@pytest.mark.parametrize("step", [6, LAST])
@in_loop
async def test_cookie_of_this_morning_is_stopped_by_step_7(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight hours are a day's work; without them it is good for as long as any credential may be."""
    async with running(step, monkeypatch) as chat:
        cookie = await chat.login("ann")
        path = await chat.socket_of(cookie)
        chat.clock.advance(8 * 3600)
        assert chat.guard is not None
        await chat.guard.watcher.catch_up()
        answer = (await chat.upgrade(path, cookie=cookie))[1]

    assert (101 if step == 6 else 401) == answer.status


@pytest.mark.parametrize("step", STEPS)
def test_check_is_closed_from_step_7_on(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then `wssec check` names what is open, and what is warn-only until when."""
    monkeypatch.setenv("COOKIE_SECRET", COOKIE_SECRET)
    monkeypatch.setattr("tornado.autoreload.start", lambda: None)
    module = step_module(step)
    guard = guard_of(module, HandClock(DECEMBER)) if step else None
    lines = audit(module.make_app(guard) if guard else module.make_app(), guard)

    assert (step < LAST) == any(line.fails for line in lines)
    assert (step == 0) == any("without the guard" in line.what for line in lines)
    assert (0 < step < 6) == any(line.where == "Registry(warn_only=…)" for line in lines)
