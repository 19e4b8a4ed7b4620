"""Three screens, a cheat with everything that is his own, and a reader who is far too slow."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from examples.running.stage import Stage, Visitor, answer, refusal
from examples.running.story import Outcome, Scene
from tornado_wssec.client import Client, MessageSigner, Stopped, public_jwk
from tornado_wssec.testing import Client as BareClient

from .market import LISTED
from .people import PEOPLE as TRADERS
from .readers import SlowReader, both_saw, by_symbol, newest, read_on

PEOPLE: Final[Mapping[str, str]] = {
    name: f"trades for account {who.account}" if who.account else "watches" for name, who in TRADERS.items()
}
TRY: Final[Sequence[str]] = (
    "Open {url} in two windows, sign in as ann in both and as bob in a third, and order: who sees it?",
    "Press “Try all” below “Try to cheat”.",
    "End somebody's access, and see the page say so within a second: {wssec} revoke subject ann --yes",
)
PATH: Final = "/ws/desk"
SIGNED: Final = ("order.place", "order.cancel")
PATIENCE_SECONDS: Final = 30.0
SLEEPS_SECONDS: Final = 2.5
"""Longer than what the system itself keeps for a slow reader lasts."""


@dataclass(frozen=True, slots=True)
class Trader:
    """Somebody with a key, and a token that names it."""

    stage: Stage
    name: str
    account: str
    key: Ed25519PrivateKey
    token: str

    def screen(self) -> Client:
        """A client that signs; use it by `async with`."""
        return self.stage.client(PATH, self.token, signing_key=self.key, signed=SIGNED)

    async def line(self, key: Ed25519PrivateKey | None = None) -> tuple[BareClient, MessageSigner]:
        """A client that says whatever it is told to, and what signs on it."""
        client = await self.stage.raw(PATH, token=self.token, subprotocols=["wssec.v1"])
        ready = await client.assert_received("wssec.ready")
        return client, MessageSigner(key or self.key, ready["nonce"])

    def shown(self) -> dict[str, str]:
        """What a plain request of the page has."""
        return {"Origin": self.stage.url, "Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}

    def order(self, **changes: Any) -> dict[str, Any]:
        """The data of one that is filled at once."""
        wanted = {"order": str(uuid.uuid4()), "account": self.account, "symbol": "nrdw", "side": "buy", "quantity": 5}
        return {**wanted, "timeInForce": "ioc", **changes}


async def tell(stage: Stage) -> AsyncIterator[Scene]:
    """People trade; a cheat tries what he can; one screen falls behind."""
    ann, bob, eve = [await arrive(stage, name) for name in TRADERS]
    yield Scene("Two screens of ann, and one of bob", await trade(ann, bob))
    yield Scene("Ann cheats", await cheat(ann, bob, eve))
    yield Scene("A screen that does not read", await fall_behind(stage, ann, bob, eve))
    yield Scene("Ann stays, and leaves", await leave(ann))


async def arrive(stage: Stage, name: str) -> Trader:
    """Sign in with a key of one's own, as the page does."""
    key = Ed25519PrivateKey.generate()
    shown = public_jwk(key) if TRADERS[name].account else None
    told = await Visitor(stage, name).ask("POST", "/sign-in", {"name": name, "key": shown})
    return Trader(stage, name, TRADERS[name].account or "1001", key, told["token"])


async def trade(ann: Trader, bob: Trader) -> list[Outcome]:
    """An order is filled, another waits; who hears of it."""
    async with ann.screen() as first, ann.screen() as second, bob.screen() as bobs:
        wanted = ann.order()
        reply = await first.request("order.place", wanted)
        again = await first.request("order.place", wanted)
        told = (await changes(second, wanted["order"]))[-1]
        waits = ann.order(limit="1.00", timeInForce="gtc")
        waiting = await first.request("order.place", waits)
        withdrawn = await second.request("order.cancel", {"order": waits["order"], "account": ann.account})
        own = bob.order(side="sell")
        await bobs.request("order.place", own)
        heard = {each["account"] for each in await changes(bobs, own["order"])}
    return [
        Outcome("ann buys five", "filled", reply["state"]),
        Outcome("her other screen hears of it", "filled, 5", f"{told['state']}, {told['filled']}"),
        Outcome("she asks for the same order again", "filled, new: False", f"{again['state']}, new: {again['new']}"),
        Outcome("she bids 1.00, and it waits", "open", waiting["state"]),
        Outcome("her other screen takes it back", "cancelled", withdrawn["state"]),
        Outcome("the accounts that bob's screen has heard of", bob.account, ", ".join(sorted(heard))),
    ]


async def cheat(ann: Trader, bob: Trader, eve: Trader) -> list[Outcome]:
    """Each on a connection of its own, with ann's token; at the end bob's account is as it was."""
    before = await known(bob)
    waits = bob.order(limit="1.00", timeInForce="gtc")
    async with bob.screen() as bobs:
        await bobs.request("order.place", waits)
        stranger = Ed25519PrivateKey.generate()
        invalid, replayed, denied = "error signature_invalid", "error replayed", "error permission_denied"
        rows = [
            Outcome("an order that is not signed", invalid, await said(ann, ann.order(), is_signed=False)),
            Outcome("ann's token and somebody else's key", invalid, await said(ann, ann.order(), key=stranger)),
            Outcome("a signed order, with another quantity", invalid, await tampered(ann)),
            Outcome("a signed order once more", replayed, await repeated(ann, is_same_line=True)),
            Outcome("a signed order on the next connection", replayed, await repeated(ann, is_same_line=False)),
            Outcome("an order for bob's account", denied, await said(ann, ann.order(account=bob.account))),
            Outcome("an order of eve, who has no key", invalid, await said(eve, eve.order())),
            Outcome("ann listens to bob's orders", denied, await listened(ann, f"orders:{bob.account}")),
        ]
        taken_back = {"order": waits["order"], "account": ann.account}
        async with ann.screen() as anns:
            reply = await anns.request("order.cancel", taken_back)
        await bobs.request("order.cancel", {"order": waits["order"], "account": bob.account})
    new = len(await known(bob)) - len(before)
    return [
        *rows,
        Outcome("ann takes bob's order back", "unknown", reply["state"]),
        Outcome("orders of bob's account since, besides his own", "0", str(new - 1)),
    ]


async def fall_behind(stage: Stage, *traders: Trader) -> list[Outcome]:
    """One reads nothing for a while; the others, and what it gets then."""
    ann, bob, eve = traders
    async with ann.screen() as anns, bob.screen() as bobs:
        slow = await SlowReader.open(stage, PATH, eve.token)
        began = datetime.now(UTC)
        readers = [asyncio.create_task(read_on(client, SLEEPS_SECONDS)) for client in (anns, bobs)]
        quick, other = await asyncio.gather(*readers)
        woke = datetime.now(UTC)
        late = await slow.read_until(woke)
        await slow.close()
    window = [quote for quote in late if began < quote[1] < woke]
    same = both_saw(quick, other) == both_saw(other, quick)
    rises = all(sorted(times) == times for times in by_symbol(late).values())
    came = f"{len(window)} of {len(quick)} quotes came"
    last = len(newest(late, woke))
    return [
        Outcome(f"two who read got {len(quick)} quotes, the same", "every one", "every one" if same else "not all"),
        Outcome(
            f"the one who slept: {came}", "old ones let go", "old ones let go" if len(window) < len(quick) else "all"
        ),
        Outcome("what it got, symbol by symbol", "in order", "in order" if rises else "out of order"),
        Outcome("what came last", f"the newest of {len(LISTED)}", f"the newest of {last}"),
    ]


async def leave(ann: Trader) -> list[Outcome]:
    """A renewed token is for the same key; whoever signs out takes every screen along."""
    other = await ann.stage.fetch("POST", "/renew", ann.shown())
    fresh = json.loads(other.body)["token"]
    async with ann.screen() as first:
        await first.request("wssec.refresh", {"token": fresh})
        reply = await first.request("order.place", ann.order())
        left = await ann.stage.fetch("POST", "/sign-out", ann.shown())
        try:
            await changes(first, "none")
            ended = "open"
        except TimeoutError:
            ended = "open"
        except Stopped as stopped:
            ended = f"closed {stopped.state.code}"
    return [
        Outcome("she renews her token, and buys", "filled", reply["state"]),
        Outcome("she signs out", "HTTP 204", f"HTTP {left.code}"),
        Outcome("her screen", "closed 4403", ended),
        Outcome("the token that was renewed", "HTTP 401", await ann.stage.handshake(PATH, token=fresh)),
    ]


# --- one at a time ---


async def changes(screen: Client, order: str) -> list[dict[str, Any]]:
    """What this screen hears of orders, whosesoever, up to the first word of this one."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in screen.events():
            if event.type == "order.changed":
                heard.append(dict(event.data))
                if event.data["order"] == order:
                    break
    return heard


async def known(trader: Trader) -> list[str]:
    """The orders that a new screen is told of."""
    client, _ = await trader.line()
    await client.send("ping")
    orders = []
    async for message in client:
        if message["type"] == "pong":
            break
        orders += [message["data"]["order"]] if message["type"] == "order.changed" else []
    await client.close()
    return orders


async def said(
    trader: Trader, wanted: dict[str, Any], *, is_signed: bool = True, key: Ed25519PrivateKey | None = None
) -> str:
    """What one order is answered."""
    client, signer = await trader.line(key)
    text = json.dumps({"type": "order.place", "id": "1", "data": wanted})
    try:
        return await answer(client, envelope(signer.sign(text)) if is_signed else text)
    finally:
        await client.close()


async def tampered(trader: Trader) -> str:
    """What an order is answered in which one figure was changed after it had been signed."""
    client, signer = await trader.line()
    jws = signer.sign(json.dumps({"type": "order.place", "id": "1", "data": trader.order()}))
    head, payload, mark = jws.split(".")
    text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).replace(b'quantity\\": 5', b'quantity\\": 9')
    payload = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    try:
        return await answer(client, envelope(f"{head}.{payload}.{mark}"))
    finally:
        await client.close()


async def repeated(trader: Trader, *, is_same_line: bool) -> str:
    """What a recording is answered that was good when it was made."""
    client, signer = await trader.line()
    recording = envelope(signer.sign(json.dumps({"type": "order.place", "id": "1", "data": trader.order()})))
    assert await answer(client, recording) == "reply"  # noqa: S101 -- else what follows would prove nothing
    later = client if is_same_line else (await trader.line())[0]
    try:
        return await answer(later, recording)
    finally:
        await later.close()
        await client.close()


async def listened(trader: Trader, channel: str) -> str:
    """What a subscription is answered."""
    async with trader.screen() as screen:
        return await refusal(screen.subscribe(channel))


def envelope(jws: str) -> str:
    """The frame of a signed message."""
    return json.dumps({"type": "wssec.signed", "id": "1", "data": {"jws": jws}})
