"""Real proxies with the configurations of `examples/deploy/`: what passes, what is refused, and who the client is."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.deployment import (
    FILES,
    FROM,
    INTERNAL,
    PAGE,
    PROXIES,
    SITE,
    Deployment,
    deployed,
    good_headers,
    knock,
)
from tests.kits import in_loop
from tests.starter.running import ROOT
from tornado_wssec import Limits, Timeouts
from tornado_wssec.testing import Client, Response
from tornado_wssec.testing.raw import TEXT

HOSTS = itertools.count(1)
JSON = "application/json"


@pytest.fixture
def source() -> str:
    """An address of loopback that no other test comes from, so that its budget is whole."""
    number = next(HOSTS)
    return f"127.1.{number // 250}.{number % 250 + 1}"


def changed(headers: list[tuple[str, str]], name: str, *values: str) -> list[tuple[str, str]]:
    """The headers with these values for one of them; without any, without it."""
    return [header for header in headers if header[0] != name] + [(name, value) for value in values]


# --- what passes ---


@pytest.mark.requirement("R013", "R089")
@in_loop
async def test_proxy_lets_a_chat_through(deployment: Deployment, source: str) -> None:
    """The upgrade, the subprotocol, messages both ways; the server sees the client's address, and that it has TLS."""
    token = deployment.server.token("ann", "chat:write:lobby")
    headers = [*good_headers(None), ("Sec-WebSocket-Protocol", f"wssec.v1, wssec.bearer.{token}")]
    socket = await deployment.socket(source)
    response = await socket.upgrade("/ws", headers)
    client = Client(socket, response.headers.get("sec-websocket-protocol"))

    assert (101, "wssec.v1") == (response.status, client.subprotocol)
    await client.assert_received("wssec.ready")
    assert {"delivered": True} == await client.request("chat.send", {"room": "lobby", "text": "hello"})
    assert [source] == [
        line["address"] for line in deployment.server.audited("session.opened") if line["address"] == source
    ]
    await client.close()


@in_loop
async def test_proxy_lets_plain_routes_through(deployment: Deployment, source: str) -> None:
    """Health, keys, and a ticket that then opens a socket."""
    token = deployment.server.token("ann")
    ready = await knock(await deployment.socket(source), [("Host", SITE)], "/wssec/ready")
    asked = [("Host", SITE), ("Origin", PAGE), ("Authorization", f"Bearer {token}"), ("Content-Type", JSON)]
    given = await post(deployment, source, asked, json.dumps({"path": "/ws"}).encode())
    ticket = json.loads(given.body)["ticket"]
    used = await knock(await deployment.socket(source), good_headers(None), f"/ws?ticket={ticket}")

    assert (200, 101) == (ready.status, used.status)


async def post(deployment: Deployment, source: str, headers: list[tuple[str, str]], body: bytes) -> Response:
    """What a request for a ticket is answered, by the proxy."""
    socket = await deployment.socket(source)
    lines = [f"{name}: {value}" for name, value in [*headers, ("Content-Length", str(len(body)))]]
    await socket.write("\r\n".join(["POST /wssec/ticket HTTP/1.1", *lines, "", ""]).encode() + body)
    try:
        return await socket.response()
    finally:
        await socket.close()


# --- what is refused comes through as it is ---


REFUSED = [
    (400, {"name": "Connection", "values": ["keep-alive"]}),
    (401, {"name": "Authorization", "values": []}),
    (403, {"name": "Origin", "values": ["https://evil.test"]}),
    (403, {"name": "Origin", "values": []}),
    (421, {"name": "Host", "values": ["evil.test"]}),
    (426, {"name": "Sec-WebSocket-Version", "values": ["12"]}),
]


@pytest.mark.requirement("R013", "R089")
@pytest.mark.parametrize(("status", "change"), REFUSED, ids=str)
@in_loop
async def test_proxy_passes_refusals_on(deployment: Deployment, source: str, status: int, change: Any) -> None:
    """Status, challenge and body are the server's own: the same as without the proxy."""
    headers = changed(good_headers(deployment.server.token("ann")), change["name"], *change["values"])
    through = await knock(await deployment.socket(source), headers)
    direct = await knock(await deployment.direct("127.0.0.1"), headers) if status != 401 else None

    assert status == through.status
    assert "no-store" == through.headers["cache-control"]
    if status == 401:
        assert 'Bearer error="invalid_token"' == through.headers["www-authenticate"]
    if direct is not None:
        assert told(direct) == told(through)


@in_loop
async def test_proxy_mends_no_malformed_key(deployment: Deployment, source: str) -> None:
    """A key that is none is 400, whoever of the two says it: HAProxy looks at it as well."""
    headers = changed(good_headers(deployment.server.token("ann")), "Sec-WebSocket-Key", "short")

    assert 400 == (await knock(await deployment.socket(source), headers)).status


def told(response: Response) -> tuple[int, bytes, str | None, str | None]:
    """What a client acts on."""
    return (
        response.status,
        response.body,
        response.headers.get("sec-websocket-version"),
        response.headers.get("allow"),
    )


@in_loop
async def test_proxy_passes_route_permission_on(deployment: Deployment, source: str) -> None:
    """403 for the room, and 101 for whoever may."""
    denied = await knock(await deployment.socket(source), good_headers(deployment.server.token("ann")), "/rooms/attic")
    allowed = await deployment.connect(source, deployment.server.token("ann", "chat:join:attic"), "/rooms/attic")
    await allowed.close()

    assert 403 == denied.status


@in_loop
async def test_proxy_passes_the_wait_on(deployment: Deployment, source: str) -> None:
    """429 with Retry-After, counted by the client's address: its neighbour comes in."""
    statuses = [await knock(await deployment.socket(source), good_headers(None)) for _ in range(4)]
    neighbour = await knock(await deployment.socket("127.2.0.1"), good_headers(None))

    assert [401, 401, 401, 429] == [response.status for response in statuses]
    assert int(statuses[-1].headers["retry-after"]) > 0
    assert 401 == neighbour.status


@pytest.fixture(params=PROXIES)
def crowded(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A server with room for one."""
    with deployed(request.param, limits={"connections": 1}) as running:
        yield running


@in_loop
async def test_proxy_passes_fullness_closes_and_the_drain_on(crowded: Deployment) -> None:
    """503 with Retry-After while full; 1009, 4403 and 1001 as the server said them; 503 again once it is gone."""
    server = crowded.server
    ann, bob = (server.token(name, "chat:write:lobby") for name in ("ann", "bob"))
    first = await crowded.connect("127.0.0.1", ann)
    full = await knock(await crowded.socket("127.0.0.1"), good_headers(bob))
    assert (503, True) == (full.status, int(full.headers["retry-after"]) > 0)

    await first.socket.send_frame(TEXT, b"x" * (Limits().message_bytes + 1))
    await first.assert_closed(1009)
    second = await connected_again(crowded, ann)
    server.wssec("revoke", "subject", "ann", "--yes")
    await second.assert_closed(4403)
    third = await connected_again(crowded, bob)
    server.process.terminate()
    await third.assert_closed(1001)
    server.process.wait(timeout=20)
    gone = await knock(await crowded.socket("127.0.0.1"), good_headers(bob))

    assert (503, "5", "no-store") == (gone.status, gone.headers["retry-after"], gone.headers["cache-control"])


async def connected_again(deployment: Deployment, token: str) -> Client:
    """The next client, once the place of the last one is free."""
    for _ in range(100):
        socket = await deployment.socket("127.0.0.1")
        if (await socket.upgrade("/ws", good_headers(token))).status == 101:
            return Client(socket, None)
        await socket.close()
        await asyncio.sleep(0.02)  # the leave of another process
    raise AssertionError("there is no room")


# --- who the client is ---


CLAIMS = [
    [("X-Forwarded-For", "198.51.100.7")],
    [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "203.0.113.9")],
    [("X-Forwarded-For", "203.0.113.9, 127.0.0.9")],
    [("x-forwarded-for", "1.1.1.1:80")],
    [("X_Forwarded_For", "198.51.100.7")],
    [("X-Real-Ip", "198.51.100.7")],
    [("Forwarded", "for=198.51.100.7;proto=http;host=evil.test")],
    [("X-Forwarded-Proto", "http")],
    [("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Host", "evil.test")],
    [("Connection", "Upgrade, X-Forwarded-For, X-Forwarded-Proto")],
]


@pytest.mark.requirement("R014")
@pytest.mark.parametrize("claim", CLAIMS, ids=str)
@in_loop
async def test_r04_claim_through_the_proxy(deployment: Deployment, source: str, claim: list[tuple[str, str]]) -> None:
    """What a client writes of itself changes neither who it is nor that it came by TLS."""
    headers = good_headers(deployment.server.token("eve"))
    if claim[0][0] == "Connection":
        headers = [header for header in headers if header[0] != "Connection"]
    socket = await deployment.socket(source)
    response = await socket.upgrade("/ws", [*headers, *claim])
    client = Client(socket, None)
    await client.assert_nothing_received()  # the connection has been counted in
    addresses = [line["address"] for line in deployment.server.audited("session.opened")]
    await client.close()

    assert (101, source) == (response.status, addresses[-1])


@in_loop
async def test_r04_claim_past_the_proxy(deployment: Deployment, source: str) -> None:
    """Whoever reaches the server itself is no proxy: its headers count for nothing, not even for having TLS."""
    token = deployment.server.token("eve")
    forwarded = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https")]
    response = await knock(await deployment.direct(source), good_headers(token, *forwarded))
    (last,) = deployment.server.audited("handshake.refused")[-1:]

    assert (403, "tls", source) == (response.status, last["stage"], last["address"])


@pytest.mark.requirement("R022")
@pytest.mark.parametrize("name", ["X-Forwarded-User", "x-forwarded-user", "X_Forwarded_User", "X-Forwarded-USER"])
@in_loop
async def test_r022_claim_to_be_somebody(deployment: Deployment, source: str, name: str) -> None:
    """The server believes the proxy's word for who it is; a client's own does not get that far."""
    response = await knock(await deployment.socket(source), good_headers(None, (name, "admin")), "/vouched")
    said = [("X-Forwarded-User", "ann"), ("X-Forwarded-For", source), ("X-Forwarded-Proto", "https")]
    vouched = await knock(await deployment.direct(FROM), good_headers(None, *said), "/vouched")

    assert (401, 101) == (response.status, vouched.status)


@in_loop
async def test_r04_budget_through_the_proxy(deployment: Deployment, source: str) -> None:
    """A new claim for each attempt is no new address."""
    statuses = []
    for number in range(5):
        claim = ("X-Forwarded-For", f"198.51.100.{number}")
        statuses.append((await knock(await deployment.socket(source), good_headers(None, claim))).status)

    assert [401, 401, 401, 429, 429] == statuses


@in_loop
async def test_h13_rebound_name_through_the_proxy(deployment: Deployment, source: str) -> None:
    """Neither a Host of the attacker's, nor a target that names another than the Host, opens anything."""
    good = good_headers(deployment.server.token("eve"))
    evil = changed(changed(good, "Host", "evil.test"), "Origin", "https://evil.test")
    rebound = await knock(await deployment.socket(source), evil)
    target = await knock(await deployment.socket(source), changed(good, "Host", "evil.test"), f"https://{SITE}/ws")
    two = await knock(await deployment.socket(source), [*good, ("Host", "evil.test")])

    assert 421 == rebound.status
    assert target.status in (400, 421)
    assert two.status in (400, 421)


# --- what is not passed on, and not written down ---


@pytest.mark.requirement("R025")
@in_loop
async def test_r025_queries_are_in_no_log(deployment: Deployment, source: str) -> None:
    """A ticket that was sent, let in or refused, to a route or to none, is in no file of the proxy's."""
    secret = "c4n4ry-in-the-query"
    headers = changed(good_headers(None), "Referer", f"https://{SITE}/?ticket={secret}")
    paths = (f"/ws?ticket={secret}", f"/nowhere?ticket={secret}", f"/wssec/ready?{secret}")
    for path in paths:
        await knock(await deployment.socket(source), headers, path)

    said = deployment.written(source, len(paths))
    assert "/nowhere" in said
    assert secret not in said


@pytest.mark.parametrize("proxy", PROXIES)
@in_loop
async def test_r025_queries_are_in_no_log_when_the_server_is_gone(proxy: str) -> None:
    """Not even in what the proxy says of its own failure to reach it."""
    with deployed(proxy) as running:
        running.server.process.kill()
        running.server.process.wait(timeout=20)
        answer = await knock(await running.socket("127.0.0.1"), good_headers(None), "/ws?ticket=c4n4ry-in-the-query")
        said = running.written("127.0.0.1", 1)

    assert 503 == answer.status
    assert "/ws" in said
    assert "c4n4ry" not in said


@in_loop
async def test_proxy_caps_bodies_and_headers(deployment: Deployment, source: str) -> None:
    """A body over the cap is refused by its length; so is a header block."""
    body = await post(deployment, source, [("Host", SITE)], b"x" * (Limits().body_bytes + 1))
    long = await knock(await deployment.socket(source), good_headers(None, ("X-Long", "x" * 2**16)))

    assert (413, 400) == (body.status, long.status)


@pytest.mark.requirement("R002")
@pytest.mark.parametrize("proxy", PROXIES)
@in_loop
async def test_r002_hop_behind_the_proxy_encrypted(proxy: str) -> None:
    """The lines for a server on another machine: verified TLS on that hop, too, and the client is still known."""
    with deployed(proxy, encrypted=True) as running:
        client = await running.connect("127.1.9.9", running.server.token("ann", "chat:write:lobby"))
        reply = await client.request("chat.send", {"room": "lobby", "text": "hello"})
        addresses = [line["address"] for line in running.server.audited("session.opened")]
        await client.close()

    assert ({"delivered": True}, ["127.1.9.9"]) == (reply, addresses)


@pytest.mark.requirement("R015")
@pytest.mark.parametrize("proxy", PROXIES)
def test_r015_silence_that_the_proxy_allows_is_longer_than_ours(proxy: str) -> None:
    """Twice the time from a ping to the end without an answer would be too long, and less than it too short."""
    text = (ROOT / "examples" / "deploy" / FILES[proxy]).read_text()
    names = {"nginx": ("proxy_read_timeout", "proxy_send_timeout"), "haproxy": ("timeout tunnel",)}[proxy]
    allowed = [int(value) for name in names for value in re.findall(rf"^ *{name} +(\d+)s", text, re.MULTILINE)]
    ours = Timeouts().ping_interval + Timeouts().pong

    assert len(names) == len(allowed)
    assert all(ours < seconds < 2 * ours for seconds in allowed)


@pytest.mark.parametrize("proxy", PROXIES)
def test_proxy_file_says_how_to_trust_it(proxy: str) -> None:
    """The address that it connects from is the one that the server is told to trust, at its top."""
    text = (ROOT / "examples" / "deploy" / FILES[proxy]).read_text()

    assert f"WSSEC_TRUSTED_PROXIES={FROM} " in text
    assert INTERNAL in text
