"""A port for Prometheus, and what is on it."""

import socket
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from tests.kits import chat_kit, in_loop, settled
from tornado_wssec import ConfigurationError
from tornado_wssec.closing import CloseCode
from tornado_wssec.settings import Secret

TOKEN = Secret("t" * 32)


async def fetch(port: int, **options: Any) -> HTTPResponse:
    """What is answered at /metrics."""
    return await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/metrics", raise_error=False, **options)


async def sample(kit: Any, name: str, **labels: str) -> float:
    """One number, as Prometheus reads it."""
    port = kit.guard.listen_metrics(0)
    families = text_string_to_metric_families((await fetch(port)).body.decode())
    found = [one.value for family in families for one in family.samples if one.name == name and one.labels == labels]
    return found[0] if found else 0.0


@pytest.mark.requirement("R084", "R085")
@in_loop
async def test_metrics_of_visits() -> None:
    """Who came from where, who was turned away and why, and how they left; a stranger's words are no label."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        gone = await kit.connect("/ws", subject="bob")
        await gone.close()
        await settled(kit, 1)
        await kit.assert_handshake_refused(403, "/ws", origin='https://evil.example.com"}')
        await kit.assert_handshake_refused(401, "/ws")

        endpoint = "ChatSocket"
        assert 1 == await sample(kit, "wssec_connections", endpoint=endpoint)
        assert 2 == await sample(kit, "wssec_handshakes_total", endpoint=endpoint, origin="https://app.example.com")
        assert 1 == await sample(kit, "wssec_handshakes_refused_total", stage="origin", status="403")
        assert 1 == await sample(kit, "wssec_origins_refused_total", origin="other")
        assert 1 == await sample(kit, "wssec_origins_refused_total", origin="https://app.example.com")
        assert 1 == await sample(kit, "wssec_closes_total", code="1000")
        assert 1 == await sample(kit, "wssec_session_seconds_count")
        assert 1 == await sample(kit, "wssec_ready")
        assert 1 == await sample(kit, "wssec_keys", state="current")
        await client.close()


@in_loop
async def test_metrics_behind_a_token() -> None:
    """Who does not show it gets 401 and nothing else."""
    async with chat_kit() as kit:
        port = kit.guard.listen_metrics(0, token=TOKEN)

        assert (401, b"") == ((refused := await fetch(port)).code, refused.body)
        assert 401 == (await fetch(port, headers={"Authorization": "Bearer " + "u" * 32})).code
        assert 401 == (await fetch(port, headers={"Authorization": "Bearer \u00e9"})).code
        assert 200 == (await fetch(port, headers={"Authorization": f"Bearer {TOKEN.reveal()}"})).code


@in_loop
async def test_metrics_for_everybody() -> None:
    """Beyond loopback a token is needed, and a long one."""
    async with chat_kit() as kit:
        for address in ("", "0.0.0.0", "192.0.2.1", "metrics.example.com"):  # noqa: S104 - what is refused
            with pytest.raises(ConfigurationError, match="give token="):
                kit.guard.listen_metrics(0, address=address)
        with pytest.raises(ConfigurationError, match="shorter than 32"):
            kit.guard.listen_metrics(0, token=Secret("short"))
        kit.guard.listen_metrics(0, address="localhost")


@in_loop
async def test_metrics_end_with_the_guard() -> None:
    """The port is free again."""
    async with chat_kit() as kit:
        port = kit.guard.listen_metrics(0)

    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


@pytest.mark.requirement("R084", "R085")
@in_loop
async def test_metrics_of_messages() -> None:
    """How many of each type, how long they took, what was refused and what went out; never a client's own type."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", permissions=["chat:write:a", "chat:read:a"])
        await client.send("wssec.subscribe", {"channel": "room:a"}, "s")
        await client.answer("s")
        for number in range(16):
            await kit.advance(1)
            await client.request("chat.send", {"room": "a", "text": f"line {number}"})
        await client.assert_refused("permission_denied", "chat.send", {"room": "b", "text": "no"})
        await client.assert_refused("unknown_type", 'evil"} 1')

        assert 16 == await sample(kit, "wssec_messages_total", type="chat.send")
        assert 2 == await sample(kit, "wssec_handler_seconds_count", type="chat.send")
        assert 1 == await sample(kit, "wssec_messages_refused_total", code="permission_denied")
        assert 1 == await sample(kit, "wssec_messages_refused_total", code="unknown_type")
        assert 19 == await sample(kit, "wssec_received_frames_total")
        assert 16 == await sample(kit, "wssec_published_total", pattern="room:{room}")
        assert 16 == await sample(kit, "wssec_delivered_total", pattern="room:{room}")
        assert 1 == await sample(kit, "wssec_channels", pattern="room:{room}")
        sent = await sample(kit, "wssec_sent_bytes_total")
        await client.close()
        await settled(kit, 0)
        assert sent <= await sample(kit, "wssec_sent_bytes_total")


@pytest.mark.requirement("R085")
@in_loop
async def test_f02_oversize_is_counted() -> None:
    """Also where its sender never hears of it."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        await client.send_text("x" * (kit.guard.limits.message_bytes + 1))
        await client.assert_closed(CloseCode.MESSAGE_TOO_BIG)

        assert 1 == await sample(kit, "wssec_violations_total", code="1009")


@in_loop
async def test_metrics_of_tickets() -> None:
    """Issued, redeemed and refused."""
    async with chat_kit() as kit:
        ticket = await kit.ticket("/ws")
        await kit.handshake("/ws", subprotocols=["wssec.v1", f"wssec.ticket.{ticket}"])
        await kit.assert_handshake_refused(401, "/ws", subprotocols=["wssec.v1", f"wssec.ticket.{ticket}"])

        for result in ("issued", "redeemed", "refused"):
            assert 1 == await sample(kit, "wssec_tickets_total", result=result)
