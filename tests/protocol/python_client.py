"""The Python client, driven by the commands of the conformance cases."""

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tornado.httpclient import HTTPRequest

from tornado_wssec import Envelope
from tornado_wssec.client import Client, MessageSigner, Refused, State, Stopped, bearer, first_message, ticket_for
from tornado_wssec.client import api_key as by_key
from tornado_wssec.client.credentials import Credential, Shown, fetched
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.policy.base64url import decode

Token = Callable[[], Awaitable[str]]


def say(told: Mapping[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def fresh(tokens: str) -> Token:
    """What fetches a token of the application."""

    async def fetch() -> str:
        return str(json.loads((await fetched(HTTPRequest(tokens))).body)["token"])

    return fetch


def in_subprotocol(token: Token) -> Credential:
    """Show a token as a page would."""

    async def show() -> Shown:
        return Shown(subprotocol=f"wssec.bearer.{await token()}")

    return show


def key_of(jwk: Mapping[str, str]) -> SigningKey:
    """The private key of a JWK."""
    secret = decode(jwk["d"])
    if jwk["kty"] == "OKP":
        return Ed25519PrivateKey.from_private_bytes(secret)
    return derive_private_key(int.from_bytes(secret), SECP256R1())


PLACEMENTS: Final[Mapping[str, Callable[[str, Token], Credential]]] = {
    "ticket": lambda url, token: ticket_for(url, token),
    "subprotocol": lambda url, token: in_subprotocol(token),
    "header": lambda url, token: bearer(token),
    "first": lambda url, token: first_message(token=token),
}


class Driven:
    """One client after another."""

    client: Client

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, errand: Coroutine[Any, Any, None]) -> None:
        """Go on meanwhile."""
        task = asyncio.create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def do(self, command: int, name: str, options: dict[str, Any]) -> None:
        """Obey, and tell what came of it."""
        try:
            answer = await getattr(self, name)(**options)
            say({"command": command, "answer": answer or {}})
        except Refused as refused:
            say({"command": command, "refused": refused.code, "fields": list(refused.fields)})
        except Exception as fault:
            say({"command": command, "refused": repr(fault), "fields": []})

    async def open(
        self,
        url: str,
        tokens: str,
        *,
        token: str | None = None,
        placement: str = "ticket",
        key: Mapping[str, str] | None = None,
        api_key: str = "",
        flat: str | None = None,
        dice: float = 0.0,
        **options: Any,
    ) -> None:
        """Begin."""

        async def given() -> str:
            return token or await fresh(tokens)()

        credential = by_key(api_key) if placement == "key" else PLACEMENTS[placement](url, given)
        signing_key = None if key is None else key_of(key)
        self.client = Client(
            url,
            credential=credential,
            renew=given,
            on_state=self.told,
            dice=lambda: dice,
            signing_key=signing_key,
            envelope=None if flat is None else Envelope.flat(type=flat),
            **options,
        )
        self.start(self._run(self.client))

    async def _run(self, client: Client) -> None:
        try:
            async with client:
                async for event in client.events():
                    told = {"type": event.type, "channel": event.channel, "data": dict(event.data)}
                    say({"event": {"type": "error", "code": event.data["code"]} if event.type == "error" else told})
        except Stopped:
            pass  # it has been told as a state

    def told(self, state: State) -> None:
        """Pass a state on."""
        say(
            {
                "state": {
                    "name": state.name,
                    "reason": state.reason,
                    "code": state.code,
                    "seconds": state.seconds,
                    "expires_in": state.expires_in,
                }
            }
        )

    async def close(self) -> None:
        """Leave."""
        await self.client.close()

    async def request(self, type: str, data: Any = None, payload: str | None = None) -> dict[str, Any]:
        """Ask."""
        return await self.client.request(type, data, payload=None if payload is None else base64.b64decode(payload))

    async def send(self, type: str, data: Any = None) -> None:
        """Say."""
        await self.client.send(type, data)

    async def subscribe(self, channel: str, since: int | None = None) -> None:
        """Listen."""
        await self.client.subscribe(channel, since=since)

    async def unsubscribe(self, channel: str) -> None:
        """Listen no more."""
        await self.client.unsubscribe(channel)

    async def sign(self, key: Mapping[str, str], nonce: str, ts: float, text: str) -> dict[str, Any]:
        """Sign a text, without a connection."""
        return {"jws": MessageSigner(key_of(key), nonce, wall=lambda: ts).sign(text)}


async def main() -> None:
    """Read commands until there are no more."""
    say({"can": [*PLACEMENTS, "key", "flat", "sign"]})
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    driven = Driven()
    while line := await reader.readline():
        options = json.loads(line)
        driven.start(driven.do(options.pop("command"), options.pop("do"), options))


if __name__ == "__main__":
    asyncio.run(main())
