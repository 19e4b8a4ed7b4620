"""The guard's plain HTTP routes: tickets, public keys, liveness and readiness."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from tests.kits import CHAT, GENEROUS, ChatSocket, chat_kit, in_loop
from tornado_wssec import BearerToken, Limits, Registry, Ticket
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.routes import RETRY_SPREAD_SECONDS
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit, Response
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import ORIGIN

JSON = ("Content-Type", "application/json")
PATH = '{"path": "/ws"}'


async def sent(
    kit: GuardKit, method: str, path: str, body: str = "", *headers: tuple[str, str], **named: Any
) -> Response:
    """The answer to a plain request."""
    lines = [("Host", named.pop("host", kit.host)), *headers]
    if named.get("token"):
        lines.append(("Authorization", f"Bearer {named['token']}"))
    if body or method == "POST":
        lines.append(("Content-Length", str(len(body.encode()))))
    raw = await kit.raw()
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines), "", ""])
    await raw.write(head.encode() + body.encode())
    return await raw.response()


async def asked(kit: GuardKit, body: str = PATH, *headers: tuple[str, str], **named: Any) -> Response:
    """The answer to a request for a ticket."""
    return await sent(kit, "POST", "/wssec/ticket", body, *(headers or (JSON, ("Origin", ORIGIN))), **named)


@pytest.mark.standard("ASVS 5.0 4.4.3")
@pytest.mark.requirement("R018")
@in_loop
async def test_ticket_endpoint() -> None:
    """A token buys a ticket, once usable, at that path, from that page; the answer is not to be kept."""
    async with chat_kit() as kit:
        answer = await asked(kit, token=kit.token("ann", ["chat:**"]))
        given = json.loads(answer.body)

        assert (200, "no-store", "nosniff") == (
            answer.status,
            answer.headers["cache-control"],
            answer.headers["x-content-type-options"],
        )
        assert ({"ticket", "expires_in"}, 30.0) == (set(given), given["expires_in"])
        client = await kit.connect(f"/ws?ticket={given['ticket']}", token="")
        await client.request("chat.send", {"room": "lobby", "text": "hi"})
        await kit.assert_handshake_refused(401, f"/ws?ticket={given['ticket']}")


@in_loop
async def test_ticket_is_bound_to_the_page_that_asked() -> None:
    """T05: at another path, or from another of our pages, it is refused, and spent by that."""
    other = "https://admin.example.com"
    routes = [("/ws", ChatSocket), ("/other", ChatSocket)]
    async with GuardKit(routes, registry=CHAT, settings={"origins": (ORIGIN, other)}) as kit:
        for path, options in (("/other", {}), ("/ws", {"origin": other})):
            ticket = json.loads((await asked(kit, token=kit.token())).body)["ticket"]
            await kit.assert_handshake_refused(401, f"{path}?ticket={ticket}", **options)
            await kit.assert_handshake_refused(401, f"/ws?ticket={ticket}")


@in_loop
async def test_t03_ticket_that_has_expired() -> None:
    """After its 30 seconds it is refused, and stays so when the clock is set back."""
    async with chat_kit() as kit:
        first, second = await kit.ticket("/ws"), await kit.ticket("/ws")
        await kit.advance(30)
        await kit.assert_handshake_refused(401, f"/ws?ticket={first}")
        kit.clock.step_wall(-20)
        await kit.assert_handshake_refused(401, f"/ws?ticket={first}")
        await kit.connect(f"/ws?ticket={second}", token="")


@in_loop
async def test_t08_flood_of_tickets() -> None:
    """Ten outstanding, then 429 with the wait; the ones given stay good, and others are not affected."""
    async with chat_kit(limits=GENEROUS) as kit:
        token = kit.token()
        given = [await asked(kit, token=token) for _ in range(Limits().tickets_per_subject)]
        refused = await asked(kit, token=token)
        assert (429, True) == (refused.status, 30 <= int(refused.headers["retry-after"]) <= 30 + RETRY_SPREAD_SECONDS)
        assert 200 == (await asked(kit, token=kit.token("bob"))).status
        for answer in given:
            await kit.connect(f"/ws?ticket={json.loads(answer.body)['ticket']}", token="")
        assert 200 == (await asked(kit, token=token)).status


CROSS_SITE: list[tuple[int, str, tuple[tuple[str, str], ...]]] = [
    (403, PATH, (("Content-Type", "text/plain"),)),
    (403, PATH, (("Content-Type", "text/plain"), ("Origin", "https://evil.test"))),
    (400, "path=/ws", (("Content-Type", "application/x-www-form-urlencoded"),)),
    (200, PATH, (("Content-Type", "application/x-www-form-urlencoded"),)),
    (403, PATH, (("Content-Type", "application/x-www-form-urlencoded"), ("Origin", "https://evil.test"))),
    (200, PATH, (("X", "no content type"),)),  # only a program can have sent the Authorization header beside it
    (403, PATH, (JSON, ("Origin", "https://evil.test"))),
    (403, PATH, (JSON, ("Origin", "null"))),
    (403, PATH, (JSON, ("Origin", ORIGIN), ("Origin", "https://evil.test"))),
    (200, PATH, (("Content-Type", "Application/JSON; charset=utf-8"),)),
    (200, PATH, (JSON,)),
]


@pytest.mark.parametrize(("status", "body", "headers"), CROSS_SITE, ids=str)
@in_loop
async def test_t09_cross_site_request(status: int, body: str, headers: tuple[tuple[str, str], ...]) -> None:
    """What another site's page could send is 403, with good credentials too; nothing allows it to read an answer."""
    async with chat_kit() as kit:
        answer = await asked(kit, body, *headers, token=kit.token())

    assert (status, "no-store") == (answer.status, answer.headers["cache-control"])
    assert [] == [name for name in answer.headers if name.startswith("access-control-")]


BODIES = ["", "{", "[]", "null", '"/ws"', "{}", '{"path": 1}', '{"path": null}', '{"path": "ws"}', '{"path": ""}']
BODIES += [
    '{"path": "/ws", "x": 1}',
    '{"path": "/ws", "path": "/a"}',
    '{"path": "/%s"}' % ("a" * 2_000),
    '{"path": "\\ud800"}',
]
BODIES += ['{"path": "/ws"} {}', "[" * 50_000, '{"path": NaN}', "\ufeff" + PATH]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: ascii(body)[:40])
@in_loop
async def test_ticket_body_that_is_none(body: str) -> None:
    """400, and no ticket is kept."""
    async with chat_kit() as kit:
        answer = await asked(kit, body, token=kit.token())

        assert 400 == answer.status
        assert {} == kit.store._kept.tickets


@in_loop
async def test_ticket_body_that_is_too_large() -> None:
    """Behind a server of the application's own, which takes more, it is 400 all the same."""
    async with chat_kit() as kit:
        listener, kit.port = bind_unused_port()
        server = HTTPServer(kit.app)
        server.add_sockets([listener])
        answer = await asked(kit, PATH + " " * 100_000, token=kit.token())
        server.stop()
        await server.close_all_connections()

    assert 400 == answer.status


@pytest.mark.parametrize("what", ["nothing", "bad", "ticket", "revoked"])
@in_loop
async def test_ticket_without_a_credential(what: str) -> None:
    """Nobody we know gets none; a ticket buys no further ticket. The answer is the 401 of the handshake."""
    async with chat_kit() as kit:
        token, path = kit.token("ann"), "/wssec/ticket"
        if what == "revoked":
            await kit.guard.revoke(subject="ann")
        if what == "ticket":
            path += f"?ticket={await kit.ticket('/ws')}"
        shown = {"nothing": "", "bad": "x.y.z", "ticket": "", "revoked": token}[what]
        answer = await sent(kit, "POST", path, PATH, JSON, token=shown)

        assert (401, 'Bearer error="invalid_token"') == (answer.status, answer.headers["www-authenticate"])
        assert answer.body == (await kit.assert_handshake_refused(401, "/ws")).body


@in_loop
async def test_ticket_for_another_host() -> None:
    """421, as at the door."""
    async with chat_kit() as kit:
        assert 421 == (await asked(kit, token=kit.token(), host="evil.test")).status


class Frozen(MemoryStore):
    """Keeps no tickets."""

    async def put_ticket(self, *_: Any, **__: Any) -> bool:
        raise StoreUnavailable("frozen")


@in_loop
async def test_ticket_that_cannot_be_kept() -> None:
    """503, with the time to come back."""
    async with chat_kit(store=Frozen(wall=lambda: NOON)) as kit:
        answer = await asked(kit, token=kit.token())

    assert (503, True) == (answer.status, int(answer.headers["retry-after"]) >= 1)


@in_loop
async def test_ticket_attempts_count_with_those_at_the_door() -> None:
    """R06: failures here and there are one account of the address."""
    async with chat_kit(limits=replace(GENEROUS, failed_credentials=4)) as kit:
        for _ in range(2):
            await kit.assert_handshake_refused(401, "/ws", token="wrong")
            assert 401 == (await asked(kit, token="wrong")).status
        assert 429 == (await asked(kit, token=kit.token())).status
        await kit.assert_handshake_refused(429, "/ws", token=kit.token())


@in_loop
async def test_ticket_where_the_application_asks_for_xsrf_cookies() -> None:
    """An application that protects its forms by a cookie still gives tickets."""
    async with chat_kit(app_settings={"xsrf_cookies": True}) as kit:
        assert 200 == (await asked(kit, token=kit.token())).status


@in_loop
async def test_public_keys() -> None:
    """Every key that verifies, each without a private member; a compromised one is not among them."""
    async with chat_kit() as kit:
        old = kit.keys.ring.current.kid
        kit.keys.ring = kit.keys.ring.rotate(kit.clock.wall, kit.guard.rules.max_lifetime)
        await kit.advance(1)
        answer = await sent(kit, "GET", "/.well-known/jwks.json")
        both = json.loads(answer.body)["keys"]
        kit.keys.ring = kit.keys.ring.retire(old, kit.clock.wall, compromised=True)
        await kit.advance(1)
        after = json.loads((await sent(kit, "GET", "/.well-known/jwks.json")).body)["keys"]

    assert "public, max-age=60" == answer.headers["cache-control"]
    assert {old, kit.keys.ring.current.kid} == {key["kid"] for key in both}
    assert set() == {name for key in both for name in key} & {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert [kit.keys.ring.current.kid] == [key["kid"] for key in after]


@in_loop
async def test_route_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours is one line that says where, without what was sent; a wrong method is none of ours."""

    def fail(*_: object) -> None:
        raise ValueError("s3cr3t")

    async with chat_kit() as kit:
        assert 405 == (await sent(kit, "PUT", "/wssec/ticket?token=s3cr3t")).status
        assert [] == [record for record in caplog.records if record.levelname == "ERROR"]
        monkeypatch.setattr(type(kit.guard), "public_keys", fail)
        answer = await sent(kit, "GET", "/.well-known/jwks.json?token=s3cr3t")

    assert 500 == answer.status
    assert "KeysHandler: ValueError at" in caplog.text
    assert "s3cr3t" not in caplog.text


@in_loop
async def test_live_and_ready() -> None:
    """Live is always true; ready is 503 while newcomers would be refused, and does not say why."""
    async with chat_kit() as kit:
        answers = [await sent(kit, "GET", f"/wssec/{route}") for route in ("live", "ready")]
        kit.clock.advance(31)
        stale = [await sent(kit, "GET", f"/wssec/{route}") for route in ("live", "ready")]

    assert [(200, b'{"live": true}'), (200, b'{"ready": true}')] == [(each.status, each.body) for each in answers]
    assert [(200, b'{"live": true}'), (503, b'{"ready": false}')] == [(each.status, each.body) for each in stale]
    assert {"no-store"} == {each.headers["cache-control"] for each in (*answers, *stale)}


class Profile(RequestHandler):
    """A plain handler of the application."""

    async def get(self) -> None:
        identity = await self.settings["wssec"].authenticate(self.request)
        self.finish({"subject": identity.subject})


@in_loop
async def test_authenticate_a_plain_request() -> None:
    """A plain handler asks who it is; nobody is 401, from elsewhere 403, and a ticket does not count."""
    routes = [("/profile", Profile), ("/ws", ChatSocket)]
    async with GuardKit(routes, registry=CHAT, authenticators=[BearerToken(), Ticket()]) as kit:
        ticket = await kit.ticket("/profile")
        good = await sent(kit, "GET", "/profile", token=kit.token("ann"))
        statuses = [
            (await sent(kit, "GET", "/profile")).status,
            (await sent(kit, "GET", "/profile", token="x")).status,
            (await sent(kit, "GET", f"/profile?ticket={ticket}")).status,
            (await sent(kit, "GET", "/profile", "", ("Origin", "https://evil.test"), token=kit.token())).status,
        ]

    assert {"subject": "ann"} == json.loads(good.body)
    assert [401, 401, 401, 403] == statuses


class SignIn(RequestHandler):
    """A login of the application, which no page elsewhere may post to."""

    def post(self) -> None:
        self.settings["wssec"].refuse_cross_site(self.request)
        self.finish("in")


@in_loop
async def test_refuse_cross_site_of_a_plain_request() -> None:
    """A login lets pages of ours and programs pass; a page elsewhere is 403, another host 421."""
    async with GuardKit([("/login", SignIn)], registry=Registry()) as kit:
        statuses = [
            (await sent(kit, "POST", "/login", "")).status,
            (await sent(kit, "POST", "/login", "", ("Origin", ORIGIN))).status,
            (await sent(kit, "POST", "/login", "", ("Origin", "https://evil.test"))).status,
            (await sent(kit, "POST", "/login", "", host="evil.test")).status,
        ]

    assert [200, 200, 403, 421] == statuses


@in_loop
async def test_install_into_somebody_elses_application() -> None:
    """An application that was made without a guard gets the guard and its routes."""
    async with chat_kit() as kit:
        app = Application([("/ws", ChatSocket)])
        kit.guard.install(app)
        kit.port = kit.guard.listen(app, 0)

        assert 200 == (await sent(kit, "GET", "/wssec/ready")).status
        await kit.connect("/ws")


@pytest.mark.parametrize("prefix", ["/hub/user/ann/", "/a.b"])
@in_loop
async def test_install_below_a_prefix(prefix: str) -> None:
    """In a host with a base URL the routes stand below it, as it is spelt, and nowhere else."""
    async with chat_kit() as kit:
        app = Application([("/ws", ChatSocket)])
        kit.guard.install(app, prefix=prefix)
        kit.port = kit.guard.listen(app, 0)
        paths = [prefix.rstrip("/") + "/wssec/ready", "/wssec/ready", "/axb/wssec/ready"]

        assert [200, 404, 404] == [(await sent(kit, "GET", path)).status for path in paths]


@pytest.mark.requirement("R025")
@in_loop
async def test_failures_of_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """No failure is kept by a cache or says more than its status, debug settings or not; a 405 says what would do."""

    def fail(*_: object) -> None:
        raise ValueError("s3cr3t")

    async with chat_kit(app_settings={"debug": True, "autoreload": False}) as kit:
        monkeypatch.setattr(type(kit.guard), "public_keys", fail)
        failed = await sent(kit, "GET", "/.well-known/jwks.json")
        wrong = [await sent(kit, "PUT", path) for path in ("/wssec/ticket", "/wssec/live", "/.well-known/jwks.json")]

    assert (500, b"500\n", "no-store") == (failed.status, failed.body, failed.headers["cache-control"])
    assert ["POST", "GET", "GET"] == [answer.headers["allow"] for answer in wrong]
    assert {(405, b"405\n", "no-store")} == {
        (answer.status, answer.body, answer.headers["cache-control"]) for answer in wrong
    }


@in_loop
async def test_ticket_while_revocations_are_too_old() -> None:
    """Who may be revoked by now gets none: 503, with the time to come back."""
    async with chat_kit() as kit:
        token = kit.token()
        kit.clock.advance(kit.guard.timeouts.mirror_for_new + 1)
        answer = await asked(kit, token=token)

    assert (503, True) == (answer.status, int(answer.headers["retry-after"]) >= 1)
