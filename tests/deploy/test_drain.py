"""A server behind a real proxy is restarted; and sockets by HTTP/2, where the proxy carries them."""

import asyncio
import json
from typing import Final

import pytest

from tests.deploy.deployment import PAGE, PROXIES, SITE, Server, deployed
from tests.deploy.h2 import ENABLE_CONNECT, Http2
from tests.kits import in_loop
from tornado_wssec.testing.raw import CLOSE, TEXT

PEOPLE: Final = 4
LINE: Final = {"room": "lobby", "text": "hello"}
BOTH: Final = {"haproxy": {"alpn http/1.1\n": "alpn h2,http/1.1\n"}, "nginx": {" ssl;\n": " ssl http2;\n"}}


@pytest.mark.requirement("R089")
@pytest.mark.parametrize("proxy", PROXIES)
@in_loop
async def test_drain_behind_a_proxy_sends_everybody_to_the_other(proxy: str) -> None:
    """Who was told 1001 comes back at once by the same address, and nobody is told 503; the others notice nothing.

    The server is still there meanwhile: it is slow, and says goodbye to one of its two a second.
    """
    limits = {"departures_per_second": 1.0, "attempts_burst": 100}
    with deployed(proxy, limits=limits, is_twofold=True) as running:
        server, other = running.server, running.other
        assert other is not None
        token = server.token("ann", "chat:write:lobby")
        clients = {f"127.3.0.{at}": await running.connect(f"127.3.0.{at}", token) for at in range(1, PEOPLE + 1)}
        for client in clients.values():
            await client.assert_nothing_received()  # it has been counted in
        leaving = opened(server)
        assert PEOPLE / 2 == len(leaving) == len(opened(other))

        async def come_back(address: str) -> tuple[str, bool]:
            reason = await clients[address].assert_closed(1001)
            clients[address] = await running.connect(address, token)
            return reason, server.process.poll() is None

        server.process.terminate()
        told = await asyncio.gather(*map(come_back, leaving))
        replies = [await client.request("chat.send", LINE) for client in clients.values()]
        server.process.wait(timeout=20)
        came = opened(other)[PEOPLE // 2 :]
        for client in clients.values():
            await client.close()

    assert {"server is draining; retry within 1 s"} == {reason for reason, _ in told}
    assert any(is_there for _, is_there in told)
    assert [{"delivered": True}] * PEOPLE == replies
    assert sorted(leaving) == sorted(came)


def opened(server: Server) -> list[str]:
    """From where it has let people in."""
    return [line["address"] for line in server.audited("session.opened")]


@pytest.mark.requirement("R089")
@in_loop
async def test_http2_socket_by_haproxy() -> None:
    """Since 2.4, where it may speak h2: an extended CONNECT becomes an upgrade, and the socket is like any other."""
    with deployed("haproxy", changes=BOTH["haproxy"]) as running:
        token = running.server.token("ann", "chat:write:lobby")
        connection = await Http2.open(running.port, running.certified.trusted(), "127.1.7.7")
        settings = await connection.settings()
        headers = {"origin": PAGE, "authorization": f"Bearer {token}"}
        is_open = await connection.connect("/ws", SITE, headers)
        connection.write(frame(TEXT, {"type": "chat.send", "id": "a1", "data": LINE}))
        opcode, reply = await received(connection)
        running.server.process.terminate()
        last, close = await received(connection)
        addresses = [line["address"] for line in running.server.audited("session.opened")]
        connection.close()

    assert (1, True, ["127.1.7.7"]) == (settings.get(ENABLE_CONNECT), is_open, addresses)
    assert (0x80 | TEXT, {"type": "reply", "id": "a1", "data": {"delivered": True}}) == (opcode, json.loads(reply))
    assert (0x80 | CLOSE, 1001) == (last, int.from_bytes(close[:2], "big"))


@in_loop
async def test_http2_refusal_by_haproxy() -> None:
    """No token, no socket: what guards the upgrade guards this way, too."""
    with deployed("haproxy", changes=BOTH["haproxy"]) as running:
        connection = await Http2.open(running.port, running.certified.trusted(), "127.1.7.8")
        await connection.settings()
        is_open = await connection.connect("/ws", SITE, {"origin": PAGE})
        connection.close()
        (refused,) = running.server.audited("handshake.refused")

    assert (False, 401, "127.1.7.8") == (is_open, refused["status"], refused["address"])


@in_loop
async def test_http2_is_not_offered_for_sockets_by_nginx() -> None:
    """It speaks h2 and does not say that it carries sockets: browsers then open a connection of HTTP/1.1 for one."""
    with deployed("nginx", changes=BOTH["nginx"]) as running:
        connection = await Http2.open(running.port, running.certified.trusted(), "127.1.7.9")
        settings = await connection.settings()
        client = await running.connect("127.1.7.9", running.server.token("ann", "chat:write:lobby"))
        reply = await client.request("chat.send", LINE)
        await client.close()
        connection.close()

    assert (None, {"delivered": True}) == (settings.get(ENABLE_CONNECT), reply)


def frame(opcode: int, message: object) -> bytes:
    """A masked frame of less than 126 bytes."""
    payload, key = json.dumps(message).encode(), b"mask"
    assert len(payload) < 126
    masked = bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
    return bytes((0x80 | opcode, 0x80 | len(payload))) + key + masked


async def received(connection: Http2) -> tuple[int, bytes]:
    """The next frame of the server: its first byte, and its payload."""
    head = await connection.read(2)
    return head[0], await connection.read(head[1])
