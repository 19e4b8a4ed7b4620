"""Signing in and out with a cookie, what is set, and what must be there before a server starts with it."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from tornado.web import RequestHandler

from tests.attacks.logins import FROM_US, JSON, OTHER_SECRET, SECRET, Browser, by_name, cookie_kit, shown, signed
from tests.kits import CHAT, GENEROUS, ChatSocket, audited, in_loop
from tornado_wssec import BearerToken, SessionCookie, SignedCookie, TokenRules
from tornado_wssec.auth import Authenticator
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.errors import ConfigurationError, StoreUnavailable
from tornado_wssec.policy.assertions import Assertion
from tornado_wssec.policy.csrf import csrf_value
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON

WAYS: list[Callable[..., Authenticator]] = [SessionCookie, SignedCookie]
both = pytest.mark.parametrize("way", WAYS, ids=["session", "signed"])


@pytest.mark.standard("RFC 6265")
@pytest.mark.requirement("R010")
@both
@in_loop
async def test_sign_in_sets_a_cookie_that_stays_where_it_is(way: Callable[..., Authenticator]) -> None:
    """It is of this host alone, over TLS alone, out of reach of scripts, and ends when the login does."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in(ttl=600)
        assert browser.set_by is not None
        header = browser.set_by.headers["set-cookie"]

        assert {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=Strict", "Secure"} == set(header.split("; ")[1:])
        assert re.match(r'__Host-wssec="?[\w.|:=-]+"?;', header)
        assert "no-store" == browser.set_by.headers["cache-control"]


@both
@in_loop
async def test_sign_in_is_lax_where_that_is_asked_for(way: Callable[..., Authenticator]) -> None:
    """Pages that are rendered for whoever followed a link get the cookie; no setting sends it with other requests."""
    async with cookie_kit(way(same_site="Lax")) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        assert browser.set_by is not None
        assert "SameSite=Lax" in browser.set_by.headers["set-cookie"]
    with pytest.raises(ValueError, match="use Strict or Lax"):
        way(same_site="None")


@both
@in_loop
async def test_sign_in_remembers_who_it_is(way: Callable[..., Authenticator]) -> None:
    """Tenant, roles and permissions are those of the login; roles give what the guard's table says now."""
    async with cookie_kit(way(), roles={"editor": ["board:draw"]}) as kit:
        browser = Browser(kit)
        await browser.sign_in("ann", permissions=["chat:**"], roles=["editor"], tenant="acme")
        await browser.connect()
        (live,) = kit.guard.hub
        who = live.session.identity

        assert ("ann", "acme", ["board:draw", "chat:**"]) == (who.subject, who.tenant, sorted(who.permissions))
        assert (NOON, NOON + 86_400, None) == (who.issued_at, who.expires_at, who.token_id)


@both
@in_loop
async def test_sign_in_ends_in_time(way: Callable[..., Authenticator]) -> None:
    """After `ttl` nobody comes in with it, and the open socket closes with 4001 as with an expired token."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in(ttl=100)
        client = await browser.connect()
        await kit.advance(99)
        assert 101 == await browser.handshake()
        await kit.advance(1)
        assert 401 == await browser.handshake()
        await kit.advance(kit.guard.timeouts.token_grace)
        await client.assert_closed(4001)


@both
@in_loop
async def test_sign_in_is_shortened_with_max_age(way: Callable[..., Authenticator]) -> None:
    """A login of yesterday's settings lasts no longer than those of today allow."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        (today,) = kit.guard._authenticators
        assert isinstance(today, SessionCookie | SignedCookie)
        today.max_age = 60.0
        await kit.advance(59)
        assert 101 == await browser.handshake()
        await kit.advance(1)
        assert 401 == await browser.handshake()


@both
@in_loop
async def test_sign_in_survives_a_step_of_the_clock(way: Callable[..., Authenticator]) -> None:
    """A clock that is set back prolongs nothing, and locks nobody out for the seconds that clocks differ by."""
    async with cookie_kit(way()) as kit:
        await kit.advance(100)
        browser = Browser(kit)
        await browser.sign_in(ttl=10)
        kit.clock.step_wall(-20)
        assert 101 == await browser.handshake()
        kit.clock.step_wall(31)
        assert 401 == await browser.handshake()


@both
@in_loop
async def test_sign_out_ends_every_socket_of_the_login(
    way: Callable[..., Authenticator], caplog: pytest.LogCaptureFixture
) -> None:
    """Z10: both tabs close with 4403 before the answer, another login of the same person stays; the cookie is gone."""
    caplog.set_level(logging.INFO)
    async with cookie_kit(way()) as kit:
        browser, phone = Browser(kit), Browser(kit)
        await browser.sign_in()
        await phone.sign_in()
        tabs, other = [await browser.connect() for _ in range(2)], await phone.connect()
        stolen = Browser(kit, value=browser.value, csrf=browser.csrf)
        answer = await browser.send("POST", "/logout", "", FROM_US)

        assert (200, "", "no-store") == (answer.status, browser.value, answer.headers["cache-control"])
        assert "Path=/; SameSite=Strict; Secure" in answer.headers["set-cookie"]
        for tab in tabs:
            await tab.assert_closed(4403)
        await other.receive()
        await other.request("chat.send", {"room": "lobby", "text": "still here"})
        assert (401, 101) == (await stolen.handshake(), await phone.handshake())
        assert 200 == (await stolen.send("POST", "/logout", "", FROM_US)).status  # once more, to no effect
    closed, began, ended = (
        audited(caplog.records, event) for event in ("session.closed", "login.began", "login.ended")
    )
    assert [4403, 4403] == [line["code"] for line in closed[:2]]
    assert (["ann", "ann"], [began[0]["session"]]) == (
        [line["subject"] for line in began],
        [line["session"] for line in ended],
    )


@both
@in_loop
async def test_sign_out_by_another_site(way: Callable[..., Authenticator]) -> None:
    """Neither a link, nor a form of another site, nor a request without any proof ends a login; its value does."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        for method, headers in (
            ("GET", ()),
            ("GET", (FROM_US,)),
            ("GET", (("X-Csrf-Token", browser.csrf),)),
            ("POST", ()),
            ("POST", (("Origin", "https://evil.example"),)),
            ("POST", (("Origin", "null"), ("X-Csrf-Token", browser.csrf))),
            ("POST", (("X-Csrf-Token", "x"),)),
        ):
            assert 403 == (await browser.send(method, "/logout", "", *headers)).status
        assert 101 == await browser.handshake()
        await browser.send("POST", "/logout", "", ("X-Csrf-Token", browser.csrf))
        assert "" == browser.value


@both
@in_loop
async def test_sign_out_with_a_second_cookie(way: Callable[..., Authenticator]) -> None:
    """A neighbour who tosses one in does not make it look as if the login had been ended."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        tossed = Browser(kit, value=f"{browser.value}; __Host-wssec=x")
        answer = await tossed.send("POST", "/logout", "", FROM_US)

        assert (401, False) == (answer.status, "set-cookie" in answer.headers)
        assert 101 == await browser.handshake()


@both
@in_loop
async def test_login_is_revoked_by_its_session(way: Callable[..., Authenticator]) -> None:
    """By session, subject or tenant, as a token's; a later login of the same person is let in."""
    async with cookie_kit(way(), limits=GENEROUS) as kit:
        for named in ("session", "subject", "tenant"):
            await kit.advance(2)
            browser = Browser(kit)
            await browser.sign_in(tenant="acme")
            client = await browser.connect()
            values: dict[str, Any] = {"session": await browser.session(), "subject": "ann", "tenant": "acme"}
            await kit.guard.revoke(**{named: values[named]})
            await client.assert_closed(4403)
            assert 401 == await browser.handshake()
            await kit.advance(2)
            await browser.sign_in(tenant="acme")
            assert 101 == await browser.handshake()


@both
@in_loop
async def test_login_after_a_change_of_password(
    way: Callable[..., Authenticator], caplog: pytest.LogCaptureFixture
) -> None:
    """Every login until now is ended and a new one begins in the same second; one that could not last is not begun."""
    async with cookie_kit(way()) as kit:
        browser, thief = Browser(kit), Browser(kit)
        await thief.sign_in()
        await kit.advance(60.5)
        await kit.guard.revoke(subject="ann", before=kit.clock.wall - 1)
        await browser.sign_in()
        assert (401, 101) == (await thief.handshake(), await browser.handshake())
        await kit.guard.revoke(subject="ann")
        answer = await browser.send("POST", "/login", '{"name": "ann"}', JSON, FROM_US)

        assert (500, False) == (answer.status, "set-cookie" in answer.headers)
    assert "the login would be refused at once (revoked by subject" in caplog.text


@both
@in_loop
async def test_login_from_another_site(way: Callable[..., Authenticator]) -> None:
    """A page elsewhere cannot sign somebody in as itself; nor by another name of this host."""
    async with cookie_kit(way()) as kit:
        for headers in ((("Origin", "https://evil.example"),), (("Origin", "null"),)):
            answer = await Browser(kit).send("POST", "/login", '{"name": "eve"}', JSON, *headers)
            assert (403, False) == (answer.status, "set-cookie" in answer.headers)
        answer = await Browser(kit).send("POST", "/login", '{"name": "eve"}', JSON, host="evil.example")
        assert (421, False) == (answer.status, "set-cookie" in answer.headers)


@both
@in_loop
async def test_bad_cookie_where_anybody_may_connect(way: Callable[..., Authenticator]) -> None:
    """Nobody in particular may come in, but not somebody whose login has ended: he would not know that it has."""

    class Open(ChatSocket):
        anonymous = True

    async with cookie_kit(way(), socket=Open) as kit:
        assert 101 == await Browser(kit).handshake()
        assert 401 == await shown(kit, "garbage").handshake()


@both
@in_loop
async def test_login_while_the_store_is_away(way: Callable[..., Authenticator], monkeypatch: Any) -> None:
    """What cannot be kept, ended or looked up is 503: nobody is let in, and no cookie is set or cleared."""

    async def down(*arguments: Any, **named: Any) -> Any:
        raise StoreUnavailable("did not answer within 0.25 s")

    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        kept = browser.value
        for call in ("put_record", "find_record", "drop_record", "append"):
            monkeypatch.setattr(kit.store, call, down)

        answer = await browser.send("POST", "/logout", "", FROM_US)
        assert (503, kept) == (answer.status, browser.value)
        answer = await browser.send("POST", "/login", '{"name": "bob"}', JSON, FROM_US)
        assert (503, kept) == (answer.status, browser.value)
        expected = {SessionCookie: 503, SignedCookie: 101}
        assert expected[type(kit.guard._authenticators[0])] == await browser.handshake()


@in_loop
async def test_login_whose_id_is_taken(monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A store that has one of that name already keeps the old one, and nobody is signed in."""

    async def taken(*arguments: Any, **named: Any) -> bool:
        return False

    async with cookie_kit(SessionCookie()) as kit:
        monkeypatch.setattr(kit.store, "put_record", taken)
        answer = await Browser(kit).send("POST", "/login", '{"name": "ann"}', JSON, FROM_US)

        assert (503, False) == (answer.status, "set-cookie" in answer.headers)
    assert "there is a login" in caplog.text


# --- plain requests ---

GETS: list[tuple[int, tuple[tuple[str, str], ...]]] = [
    (200, ()),
    (200, (FROM_US,)),
    (200, (("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "cors"))),
    (200, (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"))),
    (200, (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"))),
    (403, (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"))),
    (403, (("Sec-Fetch-Site", "cross-site"),)),
    (403, (("X-Csrf-Token", "wrong"),)),
    (403, (("Origin", "https://evil.example"),)),
    (403, (("Upgrade", "websocket"), ("Connection", "Upgrade"))),
]


@pytest.mark.parametrize(("status", "headers"), GETS, ids=str)
@both
@in_loop
async def test_authenticate_by_cookie_where_nothing_changes(
    way: Callable[..., Authenticator], status: int, headers: tuple[tuple[str, str], ...]
) -> None:
    """A page may be asked for, also by a link from elsewhere; another site may not embed what it answers."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        answer = await browser.send("GET", "/me", "", *headers)

        assert status == answer.status
        if status == 200:
            assert ("ann", browser.csrf) == (json.loads(answer.body)["name"], json.loads(answer.body)["csrf"])


@both
@in_loop
async def test_authenticate_by_cookie_where_something_may_change(way: Callable[..., Authenticator]) -> None:
    """A POST needs an Origin of ours or the value; a bad cookie is 401 all the same."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        value = ("X-Csrf-Token", browser.csrf)
        assert [200, 200, 403] == [
            (await browser.send("POST", "/me", "", *headers)).status for headers in ((FROM_US,), (value,), ())
        ]
        assert 401 == (await shown(kit, "garbage").send("POST", "/me")).status
        assert 401 == (await Browser(kit).send("POST", "/me", "", FROM_US)).status


@both
@in_loop
async def test_csrf_route_tells_a_page_of_ours(way: Callable[..., Authenticator]) -> None:
    """With a good cookie, the value; nobody keeps the answer, and no header lets another site read it."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        for site in ((), (("Sec-Fetch-Site", "same-origin"),), (("Sec-Fetch-Site", "none"),), (FROM_US,)):
            answer = await browser.send("GET", "/wssec/csrf", "", *site)
            assert (200, {"csrf": browser.csrf}) == (answer.status, json.loads(answer.body))
            assert ("no-store", "nosniff") == (
                answer.headers["cache-control"],
                answer.headers["x-content-type-options"],
            )
            assert [] == [name for name in answer.headers if name.startswith("access-control")]


@both
@in_loop
async def test_csrf_route_tells_nobody_else(way: Callable[..., Authenticator]) -> None:
    """Not without a good cookie, not to another site or host, and by GET alone."""
    async with cookie_kit(way()) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        for site in ("cross-site", "same-site", "", "same-origin, cross-site"):
            assert 403 == (await browser.send("GET", "/wssec/csrf", "", ("Sec-Fetch-Site", site))).status
        assert 403 == (await browser.send("GET", "/wssec/csrf", "", ("Origin", "https://evil.example"))).status
        assert 421 == (await browser.send("GET", "/wssec/csrf", host="evil.example")).status
        assert 405 == (await browser.send("POST", "/wssec/csrf", "", FROM_US)).status
        assert 401 == (await shown(kit, "garbage").send("GET", "/wssec/csrf")).status
        assert 401 == (await Browser(kit).send("GET", "/wssec/csrf")).status


@in_loop
async def test_csrf_route_is_there_for_cookies_alone() -> None:
    """A guard without a cookie has no such route, and says what is missing when it is asked to sign in."""
    async with cookie_kit(BearerToken()) as kit:
        assert 404 == (await Browser(kit).send("GET", "/wssec/csrf")).status
        with pytest.raises(
            ConfigurationError, match=r"none of them is a cookie; add SessionCookie\(\) or SignedCookie"
        ):
            kit.guard.csrf_value(None)  # type: ignore[arg-type]  # it does not get that far
        assert 500 == (await Browser(kit).send("POST", "/login", '{"name": "ann"}', JSON, FROM_US)).status


@in_loop
async def test_csrf_value_of_no_cookie() -> None:
    """A page for somebody who has not signed in has none to show, nor has one with two cookies."""
    seen: list[str | None] = []

    class Page(RequestHandler):
        def get(self) -> None:
            seen.append(self.settings["wssec"].csrf_value(self.request))

    routes: list[Any] = [("/ws", ChatSocket), ("/page", Page)]
    async with GuardKit(routes, registry=CHAT, authenticators=[SessionCookie()]) as kit:
        for value in ("", "a", "a; __Host-wssec=b"):
            await Browser(kit, value=value).send("GET", "/page")

    assert [None, csrf_value("a"), None] == seen


# --- the cookie of an application ---


async def _known(value: str) -> Assertion | None:
    """Looks a person up, as an application would in its database."""
    if value == "gone":
        return None
    return Assertion(subject=value, permissions=["chat:**"], tenant="acme", issued_at=NOON - 5, expires_at=NOON + 50)


@pytest.mark.requirement("R017")
@in_loop
async def test_cookie_of_an_application_names_somebody() -> None:
    """What `identify=` says counts, within the cookie's own time; its sockets share one session."""
    async with cookie_kit(SignedCookie(identify=_known)) as kit:
        browser = shown(kit, signed("ann", NOON))
        clients = [await browser.connect() for _ in range(2)]
        who = [live.session.identity for live in kit.guard.hub]
        assert {("ann", "acme", NOON - 5, NOON + 50)} == {
            (one.subject, one.tenant, one.issued_at, one.expires_at) for one in who
        }
        assert 1 == len({one.session_id for one in who})
        assert 401 == await shown(kit, signed("gone", NOON)).handshake()
        assert 200 == (await browser.send("POST", "/logout", "", FROM_US)).status
        for client in clients:
            await client.assert_closed(4403)
        assert 401 == await shown(kit, signed("ann", NOON)).handshake()
        assert 101 == await shown(kit, signed("ann", NOON + 1)).handshake()


@in_loop
async def test_cookie_of_an_application_is_revoked_by_its_own_time() -> None:
    """A revocation of what was issued until now bites the cookies of until now, and none that is signed later."""
    async with cookie_kit(by_name()) as kit:
        await kit.advance(10)
        await kit.guard.revoke(subject="ann")
        await kit.advance(10)
        assert 401 == await shown(kit, signed("ann", NOON + 9)).handshake()
        assert 101 == await shown(kit, signed("ann", NOON + 11)).handshake()


@pytest.mark.parametrize("answer", [None, 5, "", "a b", b"ann", Assertion(subject="")], ids=repr)
@in_loop
async def test_cookie_of_an_application_that_names_nobody(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is not a person is 401, and no failure."""
    async with cookie_kit(SignedCookie(identify=lambda value: answer)) as kit:
        assert 401 == await shown(kit, signed("ann", NOON)).handshake()

    assert "unexpectedly" not in caplog.text


@in_loop
async def test_cookie_of_an_application_whose_hook_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A hook that raises lets nobody in; the log says where, without what was in the cookie."""

    def broken(value: str) -> str:
        raise RuntimeError(f"no {value}")

    async with cookie_kit(SignedCookie(identify=broken)) as kit:
        assert 401 == await shown(kit, signed("ann-the-secret", NOON)).handshake()

    assert (True, False) == ("in broken" in caplog.text, "ann-the-secret" in caplog.text)


@in_loop
async def test_cookie_of_an_application_is_not_set_by_us(caplog: pytest.LogCaptureFixture) -> None:
    """`sign_in` would write what `identify=` cannot read, so it refuses, and what is no text names nobody."""
    async with cookie_kit(by_name()) as kit:
        browser = shown(kit, signed("ann", NOON))
        assert 500 == (await browser.send("POST", "/login", '{"name": "bob"}', JSON, FROM_US)).status
        assert 101 == await browser.handshake()
        assert 401 == await shown(kit, signed(b"\xff", NOON)).handshake()  # type: ignore[arg-type]  # Tornado takes bytes

    assert "call self.set_signed_cookie instead" in caplog.text
    assert "what is signed in the cookie is no text" in caplog.text


@in_loop
async def test_cookie_of_our_own_is_not_any_signed_text() -> None:
    """What else the application signs under that name is no login."""
    async with cookie_kit(SignedCookie()) as kit:
        for text in ("ann", '{"subject": "ann"}', "{}"):
            assert 401 == await shown(kit, signed(text, NOON)).handshake()


@in_loop
async def test_sign_in_that_does_not_fit_into_a_cookie(caplog: pytest.LogCaptureFixture) -> None:
    """A browser would drop it without a word; the application is told, with the remedy."""
    many = json.dumps({"name": "ann", "permissions": [f"board:{number}:draw" for number in range(200)]})
    for way, status in ((SignedCookie(), 500), (SessionCookie(), 200)):
        async with cookie_kit(way) as kit:
            assert status == (await Browser(kit).send("POST", "/login", many, JSON, FROM_US)).status

    assert "browsers keep 4096; give roles instead of permissions, or use SessionCookie()" in caplog.text


# --- before it starts ---


def problems_of(*ways: Authenticator, **options: Any) -> list[str]:
    """What keeps a guard with these from being made."""
    with pytest.raises(ConfigurationError) as refused:
        cookie_kit(*ways, **options)
    return [str(problem) for problem in refused.value.problems]


def test_signed_cookie_without_a_secret() -> None:
    """It is a problem of the configuration, whether the guard or one handler asks for it; its own secrets do."""

    class Signed(ChatSocket):
        authenticators = (SignedCookie(),)

    without = {"cookie_secret": None}
    (problem,) = problems_of(SignedCookie(), settings=without)
    assert "WSSEC_COOKIE_SECRET: is not set, and SignedCookie verifies with it; set it to 32 random bytes" in problem
    kit = cookie_kit(BearerToken(), settings=without, socket=Signed)
    with pytest.raises(ConfigurationError, match="Signed: WSSEC_COOKIE_SECRET: is not set"):
        kit.guard.check(kit.app)
    cookie_kit(SignedCookie(secrets={1: OTHER_SECRET}), settings=without)
    cookie_kit(SessionCookie(), settings=without)


def test_two_cookies_in_one_guard() -> None:
    """A browser would send both, and nobody would come in."""
    (problem,) = problems_of(SessionCookie(), SignedCookie("__Host-user"))

    assert "SessionCookie('__Host-wssec') and SignedCookie('__Host-user') are both cookies" in problem


@both
def test_login_that_outlives_its_revocation(way: Callable[..., Authenticator]) -> None:
    """A revocation is forgotten some time after the longest token; no login may last longer."""
    (problem,) = problems_of(way(max_age=86_401))
    cookie_kit(way(max_age=86_401), token_rules=TokenRules(max_lifetime=90_000))

    assert "max_age: 86401 s is longer than the 86400 s that a revocation is sure to outlive; lower it" in problem


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "user"}, "say allow_unprefixed=True"),
    ({"name": "__Host-a b"}, "no name of a cookie"),
    ({"name": "__Host-" + "a" * 64}, "no name of a cookie"),
    ({"max_age": 0}, "give seconds"),
    ({"max_age": float("nan")}, "give seconds"),
    ({"same_site": "strict"}, "use Strict or Lax"),
]


@pytest.mark.parametrize(("options", "fault"), WRONG, ids=str)
@both
def test_cookie_that_cannot_be(way: Callable[..., Authenticator], options: dict[str, Any], fault: str) -> None:
    """A mistake is told where it is made, with the remedy."""
    with pytest.raises(ValueError, match=fault):
        way(**options)


@pytest.mark.parametrize("secrets", [{}, {1: "short"}, {1: SECRET, 2: ""}], ids=str)
def test_cookie_with_short_secrets(secrets: dict[int, str]) -> None:
    """They are as long as WSSEC_COOKIE_SECRET must be, and are not shown."""
    with pytest.raises(ValueError, match="32 bytes or more") as refused:
        SignedCookie(secrets=secrets)

    assert "short" not in str(refused.value)


def test_audit_names_what_is_less_than_the_default() -> None:
    """`wssec check` says that a cookie has no prefix, or goes along with links."""
    kit = cookie_kit(SessionCookie("user", allow_unprefixed=True, same_site="Lax"))
    told = [(line.where, line.what) for line in audit(kit.app, kit.guard) if "SessionCookie" in line.where]

    assert [
        ("ChatSocket: SessionCookie(allow_unprefixed=True)", "any neighbouring host can set the cookie user"),
        (
            "ChatSocket: SessionCookie(same_site='Lax')",
            "the cookie of a login goes along with links from other sites (SameSite=Lax)",
        ),
    ] == told
