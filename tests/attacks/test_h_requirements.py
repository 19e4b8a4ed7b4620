"""What must hold before anybody is let in and is no attack's line of its own, at the door itself."""

import socket
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import pytest
from tornado.web import Application

from tests.certificates import Certified
from tests.kits import CHAT, ChatSocket, chat_kit, in_loop, settled
from tests.left_out import leave_out
from tornado_wssec import Guard, Limits
from tornado_wssec.certificates import tls_context
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit, RawSocket
from tornado_wssec.testing.clock import HandClock
from tornado_wssec.testing.kit import AUDIENCE, ISSUER, ORIGIN, HeldKeys
from tornado_wssec.testing.raw import handshake_headers

from .doors import Door

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  # a door to the outside is what is asked about
OUR_NAME: Final = "app.example.com"
PROXIED: Final = {"trusted_proxies": ("127.0.0.1",)}


def coming_from(address: str) -> list[tuple[str, str]]:
    """What the proxy in front says of a client."""
    return [("X-Forwarded-For", address), ("X-Forwarded-Proto", "https")]


# --- R001 ---


def outer_address() -> str:
    """The address of this machine under which others know it; no packet is sent to find it."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
        except OSError:
            leave_out("an address beyond loopback", "give this machine a network, if only a bridge of its own")
    if address.startswith("127."):
        leave_out("an address beyond loopback", "give this machine a network, if only a bridge of its own")
    return address


@pytest.mark.standard("ASVS 5.0 4.4.1")
@pytest.mark.requirement("R001")
@pytest.mark.parametrize(("settings", "plain"), [({}, 403), ({"insecure": True}, 101)], ids=["production", "insecure"])
@in_loop
async def test_r001_plain_peer_from_elsewhere(settings: dict[str, Any], plain: int, door: Door) -> None:
    """Whoever comes by a wire and not by loopback comes through TLS; in development by ws:// as well."""
    async with door.kit(settings=settings) as kit:
        inside = kit.port
        kit.port = kit.guard.listen(kit.app, 0, address=EVERYWHERE)
        raw = await RawSocket.open(kit.port, outer_address())
        answer = await raw.upgrade("/ws", handshake_headers(OUR_NAME, origin=ORIGIN, token=kit.token()))
        await raw.close()
        kit.port = inside
        await kit.connect("/ws")

    assert plain == answer.status


@in_loop
async def test_r001_encrypted_peer_from_elsewhere(certified: Certified) -> None:
    """Through TLS everybody may come, and a header that says otherwise is a stranger's."""
    trusted = certified.trusted()
    trusted.check_hostname = False  # the certificate is for loopback alone
    async with chat_kit() as kit:
        context = tls_context(str(certified.certificate), str(certified.key))
        port = kit.guard.listen(kit.app, 0, address=EVERYWHERE, ssl=context)
        for extra in ([], [("X-Forwarded-Proto", "http")]):
            raw = await RawSocket.open(port, outer_address(), tls=trusted)
            answer = await raw.upgrade(
                "/ws", handshake_headers(OUR_NAME, origin=ORIGIN, token=kit.token(), extra=extra)
            )
            await raw.close()
            assert 101 == answer.status


async def answers_at(port: int, address: str) -> bool:
    """Whether anything listens there."""
    try:
        await (await RawSocket.open(port, address)).close()
    except ConnectionError:
        return False
    return True


@pytest.mark.standard("ASVS 5.0 4.4.1")
@in_loop
async def test_r001_where_a_listener_is_bound(certified: Certified) -> None:
    """To loopback alone, unless it has TLS or is told otherwise."""
    context = tls_context(str(certified.certificate), str(certified.key))
    async with chat_kit() as kit:
        listen, outer = kit.guard.listen, outer_address()
        plain, told, encrypted = listen(kit.app, 0), listen(kit.app, 0, address=outer), listen(kit.app, 0, ssl=context)
        reached = [
            [await answers_at(port, where) for where in ("127.0.0.1", outer)] for port in (plain, told, encrypted)
        ]

    assert [[True, False], [False, True], [True, True]] == reached


@pytest.mark.standard("ASVS 5.0 4.4.4")
@pytest.mark.requirement("R001")
@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded"])
@in_loop
async def test_r001_ticket_over_plain_http(name: str) -> None:
    """What buys a ticket is worth as much as the ticket: it is not taken from a wire that others read, either."""
    body = b'{"path":"/ws"}'
    async with chat_kit() as kit:
        statuses = []
        for extra in ("", f"{name}: 192.0.2.1\r\n"):
            raw = await kit.raw()
            head = f"POST /wssec/ticket HTTP/1.1\r\nHost: {kit.host}\r\nAuthorization: Bearer {kit.token()}\r\n{extra}"
            await raw.write(f"{head}Content-Type: application/json\r\nContent-Length: 14\r\n\r\n".encode() + body)
            statuses.append((await raw.response()).status)

    assert [200, 403] == statuses


@in_loop
async def test_h13_loopback_name_from_elsewhere() -> None:
    """The names of loopback are for who comes by loopback: to anybody else this server is not `localhost`."""
    async with chat_kit(settings={"insecure": True}) as kit:
        port = kit.guard.listen(kit.app, 0, address=EVERYWHERE)
        statuses = []
        for where, name in ((outer_address(), "localhost"), (outer_address(), "127.0.0.1"), ("127.0.0.1", "localhost")):
            raw = await RawSocket.open(port, where)
            answer = await raw.upgrade("/ws", handshake_headers(name, origin=ORIGIN, token=kit.token()))
            await raw.close()
            statuses.append(answer.status)

    assert [421, 421, 101] == statuses


# --- R007 ---

DEVELOPMENT: Final = {"WSSEC_ORIGINS": "http://localhost:3000"}
PRODUCTION: Final = {
    "WSSEC_ORIGINS": "https://app.example.com, https://*.apps.example.com",
    "WSSEC_HOSTS": "ws.example.com",
    "WSSEC_TRUSTED_PROXIES": "127.0.0.0/8",
}
AT_THE_DOOR: Final[list[tuple[Mapping[str, str], str, str, list[tuple[str, str]], int]]] = [
    (DEVELOPMENT, "localhost", "http://localhost:3000", [], 101),
    (DEVELOPMENT, "127.0.0.1", "http://localhost:3000", [], 101),
    (DEVELOPMENT, "localhost", "https://app.example.com", [], 403),
    (DEVELOPMENT, "localhost", "http://localhost:3000", coming_from("192.0.2.1"), 403),
    (DEVELOPMENT, "ws.example.com", "http://localhost:3000", [], 421),
    (PRODUCTION, "ws.example.com", "https://app.example.com", coming_from("192.0.2.1"), 101),
    (PRODUCTION, "ws.example.com", "https://a.apps.example.com", coming_from("192.0.2.1"), 101),
    (PRODUCTION, "app.example.com", "https://app.example.com", coming_from("192.0.2.1"), 421),
    (PRODUCTION, "localhost", "https://app.example.com", [], 421),
    (PRODUCTION, "ws.example.com", "http://localhost:3000", coming_from("192.0.2.1"), 403),
    (PRODUCTION, "ws.example.com", "https://app.example.com", [("X-Forwarded-Proto", "http")], 403),
]


@pytest.mark.requirement("R007")
@pytest.mark.parametrize(("environment", "host", "origin", "extra", "status"), AT_THE_DOOR, ids=str)
@in_loop
async def test_r007_environment_decides_at_the_door(
    environment: Mapping[str, str], host: str, origin: str, extra: list[tuple[str, str]], status: int
) -> None:
    """One program, two environments: pages, names and proxies are those of the variables."""
    given = {"WSSEC_ISSUER": ISSUER, "WSSEC_AUDIENCE": AUDIENCE, **environment}
    keys = HeldKeys(KeyRing().generate(now=HandClock().wall))
    parts: dict[str, Any] = {"store": MemoryStore(wall=lambda: HandClock().wall), "keys": keys}
    async with Guard.from_env(given, registry=CHAT, clock=HandClock().as_clock(), **parts) as guard:
        port = guard.listen(Application([("/ws", ChatSocket)], wssec=guard), 0)
        raw = await RawSocket.open(port)
        headers = handshake_headers(host, origin=origin, token=guard.issue_token("ann"), extra=extra)
        answer = await raw.upgrade("/ws", headers)
        await raw.close()

    assert status == answer.status


# --- R011 ---


@pytest.mark.requirement("R011")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1"])
@in_loop
async def test_r011_no_address_is_a_credential(address: str, door: Door) -> None:
    """This machine, the proxy and the house's own network are as unknown as anybody, from whatever page."""
    async with door.kit(settings=PROXIED) as kit:
        for extra in ([], coming_from(address)):
            await kit.assert_handshake_refused(401, "/ws", extra=extra)
            await kit.assert_handshake_refused(403, "/ws", token=kit.token(), origin="https://evil.test", extra=extra)


# --- R050 ---


class BoardSocket(ChatSocket):
    """A board, for whoever may join it."""

    requires = "board:join:{board}"


BOARDS: Final = [
    ("/ws/b1", 101, 101),
    ("/ws/b%31", 101, 101),
    ("/ws/b1?board=b2", 101, 101),
    ("/ws/b2", 403, 101),
    ("/ws/b2?board=b1", 403, 101),
    ("/ws/B1", 403, 101),
    ("/ws/", 403, 403),
    ("/ws/*", 403, 403),
    ("/ws/**", 403, 403),
    ("/ws/%2a", 403, 403),
    ("/ws/b1%3Ax", 403, 403),
    ("/ws/b1/x", 403, 403),
    ("/ws/..%2fb1", 403, 403),
    ("/ws/b1%00", 403, 403),
    ("/ws/b1%0a", 403, 403),
    ("/ws/b1%20", 403, 403),
    ("/ws/b1%e2%80%8b", 403, 403),
    ("/ws/b1%ff", 400, 400),
]


@pytest.mark.requirement("R050")
@pytest.mark.parametrize(("path", "of_one", "of_all"), BOARDS)
@in_loop
async def test_r050_right_to_what_the_url_names(path: str, of_one: int, of_all: int) -> None:
    """What the URL says is one segment of a permission and never a pattern, also for who may join every board."""
    async with GuardKit([("/ws/(?P<board>.*)", BoardSocket)], registry=CHAT) as kit:
        statuses = [
            (await kit.handshake(path, token=kit.token("ann", [grant])))[1].status
            for grant in ("board:join:b1", "board:join:*", "board:**", "board:join", "other:**")
        ]

    none = 400 if of_one == 400 else 403
    assert [of_one, of_all, of_all, none, none] == statuses


# --- R067 ---


@pytest.mark.standard("WebSocket cheat sheet rate")
@pytest.mark.requirement("R067")
@in_loop
async def test_r067_connections_of_an_address(door: Door) -> None:
    """A hundred, of as many people as there are; another address is not affected, and who leaves makes room."""
    most = Limits().connections_per_address
    async with door.kit(limits=Limits(), settings=PROXIED) as kit:

        async def come(number: int, address: str) -> int:
            raw, answer = await kit.handshake("/ws", token=kit.token(f"u{number}"), extra=coming_from(address))
            held.append(raw)
            return answer.status

        held: list[RawSocket] = []
        assert [101] * most == [await come(number, "192.0.2.1") for number in range(most)]
        assert [429, 101] == [await come(most, "192.0.2.1"), await come(most, "192.0.2.2")]
        await held[0].close()
        await settled(kit, most)
        assert [101, 429] == [await come(most, "192.0.2.1"), await come(0, "192.0.2.1")]


@in_loop
async def test_r067_addresses_of_one_customer() -> None:
    """All of an IPv6 /64 is one address, and the next /64 another; IPv4 in the clothes of IPv6 is IPv4."""
    pairs = [
        ("2001:db8::1", "2001:db8::ffff", 429),
        ("2001:db8::1", "2001:db8:0:1::1", 101),
        ("::ffff:192.0.2.1", "192.0.2.1", 429),
    ]
    for first, second, status in pairs:
        async with chat_kit(limits=Limits(connections_per_address=1), settings=PROXIED) as kit:
            await kit.connect("/ws", extra=coming_from(first))
            _, answer = await kit.handshake("/ws", token=kit.token("bob"), extra=coming_from(second))
            assert (first, second, status) == (first, second, answer.status)
