"""Cookies: forged, old, tossed in, fixed before the login, or sent along by the page of somebody else."""

import json
import logging
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.logins import (
    FROM_US,
    JSON,
    OTHER_SECRET,
    SECRET,
    WANTS,
    Browser,
    by_name,
    cookie_kit,
    shown,
    signed,
)
from tests.kits import GENEROUS, ChatSocket, in_loop
from tornado_wssec import BearerToken, SessionCookie, SignedCookie, Ticket
from tornado_wssec.auth import Authenticator
from tornado_wssec.auth.cookie import cookie_values
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.policy.csrf import csrf_value
from tornado_wssec.policy.logins import LoginCookie
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import ORIGIN

COOKIES: list[Callable[[], Authenticator]] = [SessionCookie, SignedCookie]
both = pytest.mark.parametrize("way", COOKIES, ids=["session", "signed"])


@both
@in_loop
async def test_cookie_of_a_login_connects(way: Callable[[], Authenticator]) -> None:
    """Whoever has signed in connects, as himself and with his rights; both places for the CSRF value do."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in("ann", permissions=["chat:write:lobby"])
        client = await browser.connect()
        await client.receive()
        await client.request("chat.send", {"room": "lobby", "text": "hi"})
        await client.assert_refused("permission_denied", "chat.send", {"room": "board", "text": "hi"})
        offered = ["wssec.v1", f"wssec.csrf.{browser.csrf}"]
        _, answer = await kit.handshake("/ws", extra=browser.cookie, subprotocols=offered)

        assert (101, "wssec.v1") == (answer.status, answer.headers["sec-websocket-protocol"])
        assert {"ann"} == {live.session.identity.subject for live in kit.guard.hub}
        assert {await browser.session()} == {live.session.id for live in kit.guard.hub}


# --- C01–C04: what is signed ---

GOOD = signed("ann", NOON)
FORGED = [
    GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"),
    GOOD[:-64] + GOOD[-64:].upper(),
    GOOD[:-1],
    GOOD[:-64],
    GOOD + "0",
    GOOD.replace("YW5u", "Ym9i"),
    GOOD.replace("|1:0|", "|1:1|"),
    signed("ann", NOON, name="user"),
    signed("ann", NOON, name="__host-wssec"),
    signed("ann", NOON, secret=OTHER_SECRET),
    GOOD.replace("2|1:0|", "2|01:0|"),
    GOOD.replace("2|", "02|", 1),
    GOOD.replace("2|", "3|", 1),
    "'" + GOOD + "'",
    '"' + GOOD,
    '"' + GOOD.replace("|", "\\174") + '"',
]


@pytest.mark.requirement("R017")
@pytest.mark.parametrize("value", FORGED)
@in_loop
async def test_c01_forged_cookie(value: str) -> None:
    """Tampered with, of another name, another key or another spelling: 401, whatever stands beside it."""
    async with cookie_kit(by_name(), limits=GENEROUS) as kit:
        assert 401 == await shown(kit, value).handshake()
        assert 401 == await shown(kit, value).handshake("")
        assert 101 == await shown(kit, GOOD).handshake()
        assert 101 == await shown(kit, f'"{GOOD}"').handshake()


@in_loop
async def test_c02_version_1() -> None:
    """A cookie that is signed by SHA-1 is refused, though Tornado would take it."""
    async with cookie_kit(by_name()) as kit:
        assert 401 == await shown(kit, signed("ann", NOON, version=1)).handshake()


GARBAGE = ["garbage", "YW5u|1767225540|" + "0" * 40, "|", "||", "1|2|3", "2|", "2|x|y|z|a|b", "2|9:0|1:1|", "2|-1:0|"]
GARBAGE += [
    "2|1:x|10:1767225540|12:__Host-wssec|4:YW5u|" + "0" * 64,
    "9" * 5_000 + "|x",
    "2|" + "9" * 5_000 + ":x|",
    "é",
]


@pytest.mark.parametrize("secrets", [None, {1: SECRET, 2: OTHER_SECRET}], ids=["one", "several"])
@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value)[:24])
@in_loop
async def test_c03_garbage(value: str, secrets: dict[int, str] | None, caplog: pytest.LogCaptureFixture) -> None:
    """With one secret or several, garbage is 401 and never a crash; nothing of it is in the log."""
    caplog.set_level(logging.DEBUG)
    async with cookie_kit(by_name(secrets=secrets)) as kit:
        browser = shown(kit, value.encode().decode("latin-1"))
        assert 401 == await browser.handshake()

    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert value not in caplog.text or len(value) < 4


@in_loop
async def test_c03_several_secrets() -> None:
    """The highest version signs what we set, and every one of them verifies."""
    way = SignedCookie(secrets={1: SECRET, 2: OTHER_SECRET})
    async with cookie_kit(way) as kit:
        browser = Browser(kit)
        await browser.sign_in()

        assert "2|1:2|" in browser.value
        assert 101 == await browser.handshake()


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 101), (29, 101), (31, 401), (3_600, 401), (10**9, 401), (10**11, 401)]
)
@in_loop
async def test_c04_timestamp_in_the_future(seconds: float, status: int) -> None:
    """Half a minute is a clock that is off; more is a cookie that would outlive its revocation."""
    async with cookie_kit(by_name()) as kit:
        assert status == await shown(kit, signed("ann", NOON + seconds)).handshake()


@in_loop
async def test_c04_timestamp_of_the_past() -> None:
    """A cookie ends `max_age` after its own time stamp, a minute here and a day by default."""
    for way, last in ((by_name(max_age=60), 60), (by_name(), 86_400)):
        async with cookie_kit(way) as kit:
            await kit.advance(last - 1)
            assert 101 == await shown(kit, GOOD).handshake()
            await kit.advance(1)
            assert 401 == await shown(kit, GOOD).handshake()


@in_loop
async def test_c04_timestamp_before_the_store() -> None:
    """What was signed before the store was made may have been revoked in the one before it."""
    async with cookie_kit(by_name()) as kit:
        assert 401 == await shown(kit, signed("ann", NOON - 1)).handshake()


@pytest.mark.parametrize(("seconds", "status"), [(29, 101), (31, 401), (3_600, 401)])
@in_loop
async def test_c04_login_of_the_future(seconds: float, status: int) -> None:
    """A login that a clock has made too early is none yet: else it would outlive whatever revokes its subject."""
    async with cookie_kit(SessionCookie(), limits=GENEROUS) as kit:
        browser = Browser(kit)
        kit.clock.step_wall(seconds)
        await browser.sign_in()
        kit.clock.step_wall(-seconds)
        assert status == await browser.handshake()

        if seconds > 60:
            await kit.guard.revoke(subject="ann")
            await kit.advance(5)
            assert 401 == await browser.handshake()


@in_loop
async def test_c04_login_before_the_store() -> None:
    """A login that is older than the store's generation may have been revoked in a log that is no more."""
    async with cookie_kit(SessionCookie(), limits=GENEROUS) as kit:
        browser = Browser(kit)
        kit.clock.step_wall(-10)
        await browser.sign_in()
        kit.clock.step_wall(10)
        assert 401 == await browser.handshake()


@in_loop
async def test_k14_login_under_the_name_of_another() -> None:
    """A record that stands where another belongs proves nobody, whoever has put it there."""
    async with cookie_kit(SessionCookie(), limits=GENEROUS) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        name, _, secret = browser.value.partition(".")
        record = await kit.store.find_record(RecordKind.LOGIN, name, NOON)
        assert record is not None
        await kit.store.put_record(RecordKind.LOGIN, "A" * 22, record, expires_at=None, now=NOON)
        assert 101 == await browser.handshake()
        assert 401 == await shown(kit, f"{'A' * 22}.{secret}").handshake()


# --- C06–C07: what a neighbour tosses in ---


@pytest.mark.parametrize("name", ["session", "__Secure-wssec", "__host-wssec", "_Host-wssec", "", "a b", "a;b", "é"])
@pytest.mark.parametrize("way", [SessionCookie, SignedCookie])
def test_c06_name_without_prefix(way: type, name: str) -> None:
    """A name that another host could set is refused where it is written, unless that is spelt out."""
    with pytest.raises(ValueError, match=r"__Host-|no name of a cookie"):
        way(name)
    if name.isascii() and name.isidentifier():
        assert name == way(name, allow_unprefixed=True).cookie_name


TOSSED = [
    "{name}=x; {name}={value}",
    "{name}={value}; {name}=x",
    "{name}={value}; {name}={value}",
    "{name}={value};{name}",
    '{name}="{value}"; {name}=""',
]


@pytest.mark.parametrize("header", TOSSED)
@both
@in_loop
async def test_c06_two_cookies_of_one_name(way: Callable[[], Authenticator], header: str) -> None:
    """Tornado would take the last; neither is believed, wherever it stands, unless a pair has no value at all."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        sent = [("Cookie", header.format(name=browser.name, value=browser.value.strip('"')))]
        _, answer = await kit.handshake(f"/ws?csrf={browser.csrf}", extra=sent)
        _, apart = await kit.handshake(
            f"/ws?csrf={browser.csrf}", extra=[*browser.cookie, ("Cookie", "__Host-wssec=x")]
        )

        assert ({"{name}={value};{name}": 101}.get(header, 401), 401) == (answer.status, apart.status)


FORGED_NAMES = ["\xa0{}", "\x85{}", "{}\xa0", "\x1f{}", "$Version=1, {}", "x{}", "{}[]", "%5F_Host-wssec", "{}."]


@pytest.mark.parametrize("name", FORGED_NAMES, ids=ascii)
@in_loop
async def test_c06_forged_prefix(name: str) -> None:
    """A browser lets any host set these, and whoever trims or decodes names would take them for the real one."""
    async with cookie_kit(SessionCookie()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        forged = name.format(browser.name)

        assert [] == list(cookie_values([f"{forged}={browser.value}"], browser.name))
        if forged.isprintable():
            browser.name = forged
            assert 401 == await browser.handshake()


HEAPS = {
    "pairs": "; ".join(f"c{number}={number}" for number in range(5_000)),
    "escapes": '__Host-wssec="' + "\\134\\073" * 8_000 + '"',
    "open quote": '__Host-wssec="' + '\\"' * 30_000,
    "semicolons": ";" * 60_000,
    "equals": "=" * 60_000,
    "spaces": " " * 60_000 + "__Host-wssec=x",
    "same": "__Host-wssec=x;" * 4_000,
}


@pytest.mark.parametrize("heap", HEAPS.values(), ids=HEAPS)
def test_c07_heap_of_cookies(heap: str) -> None:
    """60 KB of pairs, escapes or spaces cost less than 20 ms of the processor, and are not unescaped."""
    found = list(cookie_values([heap], "__Host-wssec"))
    started = time.process_time()
    for _ in range(10):
        list(cookie_values([heap], "__Host-wssec"))

    assert 20 > (time.process_time() - started) / 10 * 1_000
    assert all("\\" in value or value in ("x", '"') for value in found)


@in_loop
async def test_c07_heap_of_cookies_at_the_door() -> None:
    """As many as fit into the headers: the right one among them is found, and a heap of escapes is 401."""
    async with cookie_kit(SessionCookie()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        many = "; ".join(f"c{number}={number}" for number in range(1_000))
        for value, status in ((f"{many}; {browser.name}={browser.value}", 101), ('__Host-wssec="\\134"; ' + many, 401)):
            _, answer = await kit.handshake(f"/ws?csrf={browser.csrf}", extra=[("Cookie", value)])
            assert status == answer.status


@given(st.lists(st.text()), st.text(min_size=1))
def test_c07_any_header(headers: list[str], name: str) -> None:
    """Whatever stands in the headers, looking for a cookie raises nothing."""
    assert all(isinstance(value, str) for value in cookie_values(headers, name))


# --- C08: what was there before the login ---


@pytest.mark.requirement("R017", "R038")
@both
@in_loop
async def test_c08_session_fixation(way: Callable[[], Authenticator]) -> None:
    """A login takes over neither the id nor the cookie that was shown with it, also not for the same person."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in("eve")
        before, session = Browser(kit, value=browser.value, csrf=browser.csrf), await browser.session()
        socket = await before.connect()
        await browser.sign_in("ann")

        await socket.assert_closed(4403)
        assert session != await browser.session()
        assert (browser.value, browser.csrf) != (before.value, before.csrf)
        assert (401, 101) == (await before.handshake(), await browser.handshake())


@both
@in_loop
async def test_c08_id_of_an_attacker(way: Callable[[], Authenticator]) -> None:
    """An id that was made up, or whose secret is not known, is not taken over, and ends nobody's login."""
    async with cookie_kit(way()) as kit:
        eve = Browser(kit)
        await eve.sign_in("eve")
        for planted in (LoginCookie.of("A" * 22).text, f"{await eve.session()}.{'A' * 43}", "x", ""):
            victim = Browser(kit, value=planted)
            await victim.sign_in("ann")

            assert planted != victim.value
            assert (101, 101) == (await victim.handshake(), await eve.handshake())


@in_loop
async def test_c08_record_of_the_old_login_is_gone() -> None:
    """Signing in again and signing out leave no record behind, and what is kept has no secret in it."""
    async with cookie_kit(SessionCookie()) as kit:

        async def kept() -> list[str]:
            records = await kit.store.list_records(RecordKind.LOGIN, kit.clock.wall, after="", most=10)
            return [record.payload for record in records]

        browser = Browser(kit)
        await browser.sign_in()
        await browser.sign_in()
        (payload,) = await kept()
        assert browser.value.partition(".")[2] not in payload
        await browser.send("POST", "/logout", "", FROM_US)
        assert [] == await kept()


# --- C09, H11, H26, T09: a cookie is never enough ---

WRONG_VALUES = ["", "x", "A" * 43, csrf_value("another cookie")]


@pytest.mark.standard("ASVS 5.0 4.4.3")
@pytest.mark.requirement("R008")
@both
@in_loop
async def test_c09_csrf_value_missing_or_wrong(way: Callable[[], Authenticator]) -> None:
    """A good cookie without its value, or with another's, is 403, wherever the value stands; twice is too often."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        right = browser.csrf
        for wrong in WRONG_VALUES:
            assert 403 == await browser.handshake(wrong)
            if wrong:
                assert 403 == await browser.handshake("", subprotocols=["wssec.v1", f"wssec.csrf.{wrong}"])
        assert 403 == await browser.handshake(path=f"/ws?csrf={right}&csrf={right}")
        assert 403 == await browser.handshake(right, subprotocols=["wssec.v1", f"wssec.csrf.{right}"])
        assert 403 == await browser.handshake(path=f"/ws?CSRF={right}")
        assert 400 == await browser.handshake("", subprotocols=[f"wssec.csrf.{right}"])
        assert 101 == await browser.handshake("", subprotocols=[f"wssec.csrf.{right}", "wssec.v1"])


@both
@in_loop
async def test_c09_tells_nothing_of_a_bad_cookie(way: Callable[[], Authenticator]) -> None:
    """A bad cookie is 401 with the value that goes with it, with a wrong one and with none: one answer."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        browser.value = browser.value.strip('"')[:-1] + "!"

        answers = [await browser.handshake(csrf) for csrf in (csrf_value(browser.value), browser.csrf, "x", "")]
        assert [401] * 4 == answers


class Native(ChatSocket):
    allow_missing_origin = True


@pytest.mark.requirement("R011")
@both
@in_loop
async def test_h11_no_origin_in_cookie_mode(way: Callable[[], Authenticator]) -> None:
    """Also where native clients may come without an Origin, a cookie may not; a token may."""
    async with cookie_kit(way(), BearerToken()) as asked:
        browser = Browser(asked)
        await browser.sign_in()
        assert 403 == await browser.handshake(origin=None)
        assert 403 == (await asked.handshake("/ws", origin=None, token=asked.token()))[1].status
    async with cookie_kit(way(), BearerToken(), socket=Native) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        assert 403 == await browser.handshake(origin=None)
        assert 403 == await shown(kit, "garbage").handshake(origin=None)
        assert 101 == await browser.handshake()
        assert 101 == (await kit.handshake("/ws", origin=None, token=kit.token()))[1].status


@pytest.mark.standard("WebSocket cheat sheet cross-site")
@both
@in_loop
async def test_h12_other_site_with_a_good_cookie(way: Callable[[], Authenticator]) -> None:
    """What the browser adds by itself counts for nothing beside a wrong Origin, the right CSRF value neither."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        for site in ("same-origin", "none", "same-site", "cross-site"):
            sent = [*browser.cookie, ("Sec-Fetch-Site", site)]
            for origin in ("https://evil.example", "null", f"http://{kit.host}"):
                _, answer = await kit.handshake(f"/ws?csrf={browser.csrf}", origin=origin, extra=sent)
                assert 403 == answer.status


@both
@in_loop
async def test_h26_cookie_and_another_credential(way: Callable[[], Authenticator]) -> None:
    """A good cookie beside a token or a ticket, good or bad, of the same person or another: 401."""
    async with cookie_kit(way(), BearerToken(), Ticket(), limits=GENEROUS) as kit:
        browser = Browser(kit)
        await browser.sign_in("ann")
        for token in (kit.token("bob"), kit.token("ann"), "garbage"):
            assert 401 == await browser.handshake(token=token)
        for ticket in (await kit.ticket("/ws", "bob"), await kit.ticket("/ws", "ann"), "garbage"):
            assert 401 == await browser.handshake(path=f"/ws?csrf={browser.csrf}&ticket={ticket}")
        garbage = shown(kit, "garbage")
        assert 401 == await garbage.handshake(token=kit.token("ann"))
        assert 101 == (await kit.handshake("/ws", token=kit.token("ann"), extra=[("Cookie", "other=1")]))[1].status


class Ticketed(ChatSocket):
    authenticators = (Ticket(),)


@in_loop
async def test_h26_endpoint_that_takes_tickets_alone() -> None:
    """Where an endpoint says how one comes in, a browser's cookie beside the ticket is not looked at."""
    async with cookie_kit(SessionCookie(), BearerToken(), socket=Ticketed) as kit:
        ticket = await kit.ticket("/ws")
        assert 101 == await shown(kit, "whatever").handshake(path=f"/ws?ticket={ticket}")


ASKED: list[tuple[int, tuple[tuple[str, str], ...]]] = [
    (200, (JSON, FROM_US)),
    (200, (JSON, ("X-Csrf-Token", "right"))),
    (200, (JSON, FROM_US, ("X-Csrf-Token", "right"))),
    (403, (JSON,)),
    (403, (JSON, ("X-Csrf-Token", "wrong"))),
    (403, (JSON, FROM_US, ("X-Csrf-Token", "wrong"))),
    (403, (JSON, FROM_US, ("X-Csrf-Token", ""))),
    (403, (JSON, ("X-Csrf-Token", "right"), ("X-Csrf-Token", "right"))),
    (403, (JSON, ("Origin", "https://evil.example"), ("X-Csrf-Token", "right"))),
    (403, (JSON, ("Origin", "null"))),
    (403, (JSON, ("Origin", ORIGIN), ("Origin", ORIGIN))),
    (403, (JSON, ("Sec-Fetch-Site", "same-origin"))),
    (403, (FROM_US, ("Content-Type", "text/plain"))),
    (403, (("Content-Type", "text/plain"),)),
    (403, (FROM_US, ("Content-Type", "application/x-www-form-urlencoded"))),
    (403, (FROM_US,)),
]


@pytest.mark.parametrize(("status", "headers"), ASKED, ids=str)
@both
@in_loop
async def test_t09_ticket_by_cookie(
    way: Callable[[], Authenticator], status: int, headers: tuple[tuple[str, str], ...]
) -> None:
    """A page elsewhere can send a form with the cookie, and get no ticket; the answer is not kept, nor readable."""
    async with cookie_kit(way(), Ticket()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        sent = [(name, browser.csrf if value == "right" else value) for name, value in headers]
        answer = await browser.send("POST", "/wssec/ticket", WANTS, *sent)

        assert (status, "no-store") == (answer.status, answer.headers["cache-control"])
        assert [] == [name for name in answer.headers if name.startswith("access-control")]


@both
@in_loop
async def test_t09_ticket_of_a_cookie_ends_with_it(way: Callable[[], Authenticator]) -> None:
    """A ticket that a cookie bought is of the same session, and is refused once that is over."""

    async with cookie_kit(way(), Ticket(), socket=Ticketed) as kit:
        browser = Browser(kit)
        await browser.sign_in()

        async def ticket() -> str:
            given = json.loads((await browser.send("POST", "/wssec/ticket", WANTS, JSON, FROM_US)).body)
            return str(given["ticket"])

        first, second = await ticket(), await ticket()
        client = await kit.connect(f"/ws?ticket={first}", token="", extra=browser.cookie)
        assert {await browser.session()} == {live.session.id for live in kit.guard.hub}
        await browser.send("POST", "/logout", "", FROM_US)

        await client.assert_closed(4403)
        await kit.assert_handshake_refused(401, f"/ws?ticket={second}")


@both
@in_loop
async def test_l03_no_cookie_in_a_log(way: Callable[[], Authenticator], caplog: pytest.LogCaptureFixture) -> None:
    """Neither the cookie nor its CSRF value is in any line, whether it is let in or refused."""
    caplog.set_level(logging.DEBUG)
    async with cookie_kit(way(), Ticket()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        secrets = browser.csrf, browser.value.strip('"').rpartition("|")[2].rpartition(".")[2]
        await browser.connect()
        offered = ["wssec.v1", f"wssec.csrf.{browser.csrf}"]
        statuses = [await browser.handshake("", subprotocols=offered), await browser.handshake(browser.csrf + "x")]
        statuses += [await shown(kit, browser.value.strip('"') + "x").handshake()]
        for path in ("/wssec/ticket", "/logout"):
            await browser.send("POST", path, WANTS, JSON, ("X-Csrf-Token", browser.csrf))

    assert [101, 403, 401] == statuses
    assert {43, 64} >= {len(secret) for secret in secrets}
    assert [] == [secret for secret in secrets if secret in caplog.text]
