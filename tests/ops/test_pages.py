"""The page's plain routes: who gets in, how, and what a browser is told."""

import re
from html import unescape
from typing import Any

import pytest

from tests.kits import CHAT, ChatSocket, audited, in_loop
from tests.ops.crowd import HOSTILE, join
from tests.ops.kit import FORM, FROM_US, PAGE, SOCKET, cookie_of, operations_kit, signed_in
from tests.test_routes import sent
from tornado_wssec import SessionCookie
from tornado_wssec.ops.terms import ACT, READ
from tornado_wssec.policy.identity import Identity
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.kit import ORIGIN


@in_loop
async def test_page_is_not_there_unless_asked_for() -> None:
    """Without `ops=True` there is neither page nor socket, and nobody keeps anything for one."""
    async with GuardKit([(r"/ws", ChatSocket)], registry=CHAT) as kit:
        paths = (PAGE, SOCKET, f"{PAGE}/sign-in", f"{PAGE}/static/ops.js")

        assert {404} == {(await sent(kit, "GET", path, token=kit.token("ann", ["**"]))).status for path in paths}
        assert kit.guard.audit.watcher is None


@in_loop
async def test_page_sends_strangers_to_the_sign_in() -> None:
    """Nobody in particular learns nothing, not even which node it is."""
    async with operations_kit() as kit:
        answer = await sent(kit, "GET", PAGE)

        assert (303, f"{PAGE}/sign-in", b"") == (answer.status, answer.headers["location"], answer.body)


@in_loop
async def test_page_is_refused_without_the_permission(caplog: pytest.LogCaptureFixture) -> None:
    """403, counted and put down as other refusals are; the page says what is lacking, and whom it takes one for."""
    caplog.set_level("INFO", "tornado_wssec.audit")
    async with operations_kit() as kit:
        answer = await sent(kit, "GET", PAGE, token=kit.token(HOSTILE, ["chat:**", ACT]))
        (line,) = audited(caplog.records, "handshake.refused")

        assert 403 == answer.status
        assert READ.encode() in answer.body
        assert (b"<img/src=x" in answer.body, HOSTILE in unescape(answer.body.decode())) == (False, True)
        assert ("route", 403) == (line["stage"], line["status"])
        assert kit.guard.directory.membership.node.encode() not in answer.body


@in_loop
async def test_page_headers_allow_nothing_but_its_own_files() -> None:
    """No inline script or style, no markup from text, no frame around it, no third party; on failures and files too."""
    async with operations_kit() as kit:
        token = kit.token("olga", [READ])
        paths = (PAGE, f"{PAGE}/sign-in", f"{PAGE}/static/ops.js", f"{PAGE}/sign-out")
        answers = [await sent(kit, "GET", path, token=token) for path in paths]
        policies = {answer.headers["content-security-policy"] for answer in answers}
        (policy,) = [dict(part.split(" ", 1) for part in text.split("; ")) for text in policies]

        assert [200, 200, 200, 405] == [answer.status for answer in answers]
        assert ("'none'", "'self'", "'self'") == (policy["default-src"], policy["script-src"], policy["style-src"])
        assert ("'none'", "'none'", "'self'") == (policy["frame-ancestors"], policy["base-uri"], policy["form-action"])
        assert ("'script'", "'none'") == (policy["require-trusted-types-for"], policy["trusted-types"])
        assert f"'self' {ORIGIN.replace('http', 'ws')}" == policy["connect-src"]
        assert {"nosniff"} == {answer.headers["x-content-type-options"] for answer in answers}
        assert "no-store" == answers[0].headers["cache-control"]


@in_loop
async def test_page_has_nothing_inline() -> None:
    """What the policy forbids is not tried: no script, style or handler stands in the markup."""
    async with operations_kit() as kit:
        body = (await sent(kit, "GET", PAGE, token=kit.token("olga", [READ, ACT]))).body.decode()

        assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", body)
        assert [] == re.findall(r"(?:src|href)=\"(?!/wssec/ops|#)[^\"]*\"", body)


@in_loop
async def test_page_escapes_hostile_names() -> None:
    """Whoever calls himself a tag is text, in the list and where he is the operator, whatever the application sets."""
    async with operations_kit(app_settings={"autoescape": None}) as kit:
        identity = Identity(subject=HOSTILE, issuer=kit.guard.rules.issuer, tenant='"><script>alert(1)</script>')
        await join(kit.guard, ChatSocket, identity)
        body = (await sent(kit, "GET", PAGE, token=kit.token(HOSTILE, [READ]))).body.decode()

        assert 2 <= body.count("&lt;img/src=x/onerror=alert(1)&gt;")
        assert ("<img/src=x" in body, "<script>alert" in body) == (False, False)


@in_loop
async def test_page_offers_no_action_to_who_only_reads() -> None:
    """The buttons are not there; that the server refuses is for the socket's tests."""
    async with operations_kit() as kit:
        reads = (await sent(kit, "GET", PAGE, token=kit.token("olga", [READ]))).body
        acts = (await sent(kit, "GET", PAGE, token=kit.token("olga", [READ, ACT]))).body

        assert [False, True] == [b"data-action" in body for body in (reads, acts)]


@in_loop
async def test_sign_in_keeps_the_token_in_a_cookie() -> None:
    """Of this host alone, out of reach of scripts, not sent from elsewhere, and no longer than the token."""
    async with operations_kit() as kit:
        token = kit.token("olga", [READ], ttl=300)
        answer = await signed_in(kit, token)
        header = answer.headers["set-cookie"]
        page = await sent(kit, "GET", PAGE, "", cookie_of(answer))

        assert (303, PAGE) == (answer.status, answer.headers["location"])
        assert header.startswith(f"__Host-wssec-ops={token};")
        assert {"HttpOnly", "Max-Age=300", "Path=/", "SameSite=Strict", "Secure"} == set(header.split("; ")[1:])
        assert (200, True) == (page.status, b"olga" in page.body)
        assert token.encode() not in page.body


@in_loop
async def test_sign_in_ends_with_the_token() -> None:
    """What ends the token ends the page and its socket: its end, or a revocation."""
    async with operations_kit() as kit:
        lasting = cookie_of(await signed_in(kit, kit.token("olga", [READ], ttl=300)))
        revoked = cookie_of(await signed_in(kit, kit.token("rolf", [READ], token_id="t1")))
        await kit.guard.revoke(token="t1")
        assert 303 == (await sent(kit, "GET", PAGE, "", revoked)).status
        assert 200 == (await sent(kit, "GET", PAGE, "", lasting)).status
        await kit.advance(301)

        assert 303 == (await sent(kit, "GET", PAGE, "", lasting)).status


@in_loop
async def test_sign_in_refuses_what_is_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """The form comes back and says no more; the log and the failed attempts of the address know of it."""
    async with operations_kit() as kit:
        fresh = kit.token("olga", [READ])
        long = kit.token("olga", [READ, *(f"board:draw:{each:0100}" for each in range(30))])
        await kit.assert_handshake_refused(101, SOCKET, token=long)
        for token in ("", "nonsense", fresh[:-4], long):
            answer = await signed_in(kit, token)
            assert (200, True) == (answer.status, b"This token is not accepted" in answer.body)
            assert "set-cookie" not in answer.headers

        assert {("credential", 401): 4} == dict(kit.guard.refusals)
        assert fresh[:-4] not in caplog.text


@in_loop
async def test_sign_in_refuses_who_may_not_read() -> None:
    """A good token without the permission gets no cookie."""
    async with operations_kit() as kit:
        answer = await signed_in(kit, kit.token("ann", ["chat:**", ACT]))

        assert (403, False) == (answer.status, "set-cookie" in answer.headers)


@in_loop
async def test_sign_in_refuses_pages_of_other_sites() -> None:
    """Nobody is signed in as somebody else by a form elsewhere."""
    async with operations_kit() as kit:
        body = f"token={kit.token('olga', [READ])}"
        foreign = await sent(kit, "POST", f"{PAGE}/sign-in", body, FORM, ("Origin", "https://evil.example.com"))
        sandboxed = await sent(kit, "POST", f"{PAGE}/sign-in", body, FORM, ("Origin", "null"))

        assert {(403, False)} == {(one.status, "set-cookie" in one.headers) for one in (foreign, sandboxed)}


@in_loop
async def test_sign_out_revokes_the_token() -> None:
    """It is good nowhere any more; the cookie is cleared, and the open socket closes with 4403."""
    async with operations_kit() as kit:
        token = kit.token("olga", [READ])
        cookie = cookie_of(await signed_in(kit, token))
        client = await kit.connect(SOCKET, token=token)
        answer = await sent(kit, "POST", f"{PAGE}/sign-out", "", cookie, FROM_US)
        await client.assert_closed(4403)

        assert (303, f"{PAGE}/sign-in") == (answer.status, answer.headers["location"])
        assert "expires=" in answer.headers["set-cookie"]
        assert 303 == (await sent(kit, "GET", PAGE, "", cookie)).status
        assert 303 == (await sent(kit, "POST", f"{PAGE}/sign-out", "", cookie, FROM_US)).status


@in_loop
async def test_sign_out_refuses_pages_of_other_sites() -> None:
    """A form elsewhere signs nobody out."""
    async with operations_kit() as kit:
        cookie = cookie_of(await signed_in(kit, kit.token("olga", [READ])))
        answer = await sent(kit, "POST", f"{PAGE}/sign-out", "", cookie, ("Origin", "https://evil.example.com"))
        unsaid = await sent(kit, "POST", f"{PAGE}/sign-out", "", cookie)

        assert [403, 403] == [answer.status, unsaid.status]
        assert 200 == (await sent(kit, "GET", PAGE, "", cookie)).status


@in_loop
async def test_page_goes_by_the_cookie_of_the_application() -> None:
    """Where there is one, a second sign-in is not offered, and a token in the form is not taken."""
    async with operations_kit(authenticators=[SessionCookie()]) as kit:
        form = await sent(kit, "GET", f"{PAGE}/sign-in")
        posted = await signed_in(kit, kit.token("olga", [READ]))

        assert (200, False) == (form.status, b"<form" in form.body)
        assert 404 == posted.status


@in_loop
async def test_page_shows_the_configuration_without_secrets() -> None:
    """A secret is said to be set; its value and the store's password are nowhere."""
    secrets: dict[str, Any] = {"cookie_secret": "canary-" * 8, "store": "redis://user:canary-pass@127.0.0.1/0"}
    async with operations_kit(settings=secrets) as kit:
        body = (await sent(kit, "GET", PAGE, token=kit.token("olga", [READ]))).body.decode()

        assert ("[redacted]" in body, "canary" in body) == (True, False)
        assert "WSSEC_COOKIE_SECRET" in body


@in_loop
async def test_page_stands_below_a_prefix() -> None:
    """As in somebody else's server: every address on it, and where the sign-in leads, has the prefix."""
    async with GuardKit([(r"/ws", ChatSocket)], registry=CHAT) as kit:
        kit.guard.install(kit.app, prefix="/base/", ops=True)
        stranger = await sent(kit, "GET", f"/base{PAGE}")
        body = (await sent(kit, "GET", f"/base{PAGE}", token=kit.token("olga", [READ]))).body.decode()
        client = await kit.connect(f"/base{SOCKET}", permissions=[READ])

        assert f"/base{PAGE}/sign-in" == stranger.headers["location"]
        assert [] == re.findall(r"(?:src|href)=\"(?!/base/wssec/ops|#)[^\"]*\"", body)
        assert f'data-base="/base{PAGE}"' in body
        assert 1 == (await client.request("ops.overview", {"since": 0.0}))["connections"]


@in_loop
async def test_page_is_closed_while_nobody_can_be_judged() -> None:
    """The store was out of reach for too long: 503 as everywhere, and nothing of the server in it."""
    async with operations_kit() as kit:
        kit.clock.advance(31)
        answer = await sent(kit, "GET", PAGE, token=kit.token("olga", [READ]))

        assert (503, b"503\n") == (answer.status, answer.body)
