"""The attacks of the tour: what is tried, and what must happen."""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable

from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.raw import handshake_headers

from .server import ORIGIN, Deployment

PATH = "/ws/chat"
ANN = ("chat:read:*", "chat:write:lobby")


Attack = Callable[[Deployment], Awaitable[str]]


async def connect(server: Deployment, token: str, *, origin: str | None = ORIGIN) -> Client:
    """Connect with a token."""
    socket = await RawSocket.open(server.port)
    headers = handshake_headers(f"127.0.0.1:{server.port}", origin=origin, token=token)
    answer = await socket.upgrade(PATH, headers)
    if answer.status != 101:
        await socket.close()
        raise RuntimeError(f"the handshake was refused with {answer.status}")
    return Client(socket, None)


async def _status(server: Deployment, *, token: str | None, origin: str | None = ORIGIN) -> str:
    socket = await RawSocket.open(server.port)
    headers = handshake_headers(f"127.0.0.1:{server.port}", origin=origin, token=token)
    answer = await socket.upgrade(PATH, headers)
    await socket.close()
    return f"HTTP {answer.status}"


async def _answer(server: Deployment, frame: str) -> str:
    """What a well-behaved client's connection says to one hostile frame."""
    client = await connect(server, await server.token("ann", *ANN))
    await client.send_text(frame)
    message = await client.receive()
    await client.close()
    return f"error {message['code']}" if message["type"] == "error" else str(message["type"])


def _message(type: str, **data: object) -> str:
    return json.dumps({"type": type, "id": "a1", "data": data})


def _frame(text: str) -> Attack:
    return lambda server: _answer(server, text)


async def evil_origin(server: Deployment) -> str:
    return await _status(server, token=await server.token("ann", *ANN), origin="https://app.example.com.evil.test")


async def no_token(server: Deployment) -> str:
    return await _status(server, token=None)


async def alg_none(server: Deployment) -> str:
    claims = (await server.token("ann", *ANN)).split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    return await _status(server, token=f"{header}.{claims}.")


async def tampered(server: Deployment) -> str:
    head, claims, signature = (await server.token("ann", *ANN)).split(".")
    other = "A" if signature[10] != "A" else "B"
    return await _status(server, token=f"{head}.{claims}.{signature[:10]}{other}{signature[11:]}")


async def expired(server: Deployment) -> str:
    token = await server.wssec("token", "issue", "--subject", "ann", "--permission", "chat:read:*", "--ttl", "1s")
    claims = token.split(".")[1]
    ends_at = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    await asyncio.sleep(ends_at - time.time() + 0.05)
    return await _status(server, token=token)


async def wrong_audience(server: Deployment) -> str:
    return await _status(server, token=await server.token("ann", *ANN, WSSEC_AUDIENCE="another-service"))


async def oversize(server: Deployment) -> str:
    client = await connect(server, await server.token("ann", *ANN))
    await client.send_text("x" * 70_000)
    await client.assert_closed(1009)
    return f"close {client.close_code}"


async def flood(server: Deployment) -> str:
    """Keep sending a message of a type that allows five a second, whatever the answers say."""
    client = await connect(server, await server.token("flo", *ANN))
    for _ in range(400):
        await client.send_text(_message("chat.send", room="lobby", text="buy now"))
    codes = [message.get("code") async for message in client]
    slowed = "rate_limited" if "rate_limited" in codes else "never slowed"
    return f"error {slowed}, then close {client.close_code}"


ATTACKS: tuple[tuple[str, str, Attack], ...] = (
    ("a page of another site (Origin)", "HTTP 403", evil_origin),
    ("no token", "HTTP 401", no_token),
    ("a token with alg none", "HTTP 401", alg_none),
    ("a token with a flipped bit", "HTTP 401", tampered),
    ("a token that has expired", "HTTP 401", expired),
    ("a token for another audience", "HTTP 401", wrong_audience),
    ("a frame that is no JSON", "error malformed", _frame("{type: chat.send}")),
    ("a key twice", "error malformed", _frame('{"type":"chat.send","type":"admin.drop"}')),
    ("an unknown type", "error unknown_type", _frame(_message("admin.drop"))),
    ("an unknown field", "error invalid", _frame(_message("chat.send", room="lobby", text="hi", admin=True))),
    ("a number for a string", "error invalid", _frame(_message("chat.send", room="lobby", text=1))),
    (
        "a room without the permission",
        "error permission_denied",
        _frame(_message("chat.send", room="board", text="hi")),
    ),
    ("a pattern instead of a room", "error invalid", _frame(_message("chat.send", room="*", text="hi"))),
    (
        "JSON 1,000 levels deep",
        "error malformed",
        _frame('{"type":"chat.send","data":' + "[" * 1_000 + "]" * 1_000 + "}"),
    ),
    ("a frame of 70 kB", "close 1009", oversize),
    ("a flood", "error rate_limited, then close 4429", flood),
)
