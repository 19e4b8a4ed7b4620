"""Olivia switches her lamp, her neighbour is refused, a token is stolen, the network is cut, a device is revoked."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

from tornado_wssec.client import Client, Event, Stopped

from ..running.stage import Stage, Visitor, refusal
from ..running.story import Outcome, Scene
from .app import PEOPLE as OWNERS
from .device import Device, paired
from .relay import Relay
from .tokens import device_rights

PEOPLE: Final = {name: person["may"] for name, person in OWNERS.items()}
TRY: Final = (
    "Sign in at {url} as olivia, add a device, and give what the page shows to a device in another terminal:",
    "  python3 bootstrap.py examples.devices.device",
    "Switch it. Sign in as noah in another window: it is not his. Then remove it, or: {wssec} revoke subject NAME",
)
PATIENCE_SECONDS: Final = 30.0
MINUTE: Final = 60.0


class Owner:
    """Somebody with the page open."""

    def __init__(self, client: Client, visitor: Visitor) -> None:
        self.client = client
        self.visitor = visitor
        self._events = client.events()

    async def heard(self, type: str, fits: Callable[[Any], bool] = lambda data: True) -> Event:
        """The next event of this type that fits; what comes before it is passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for event in self._events:
                if event.type == type and fits(event.data):
                    return event
        raise Stopped(self.client.state)

    async def enrols(self, kind: str, label: str) -> dict[str, str]:
        """Take a device in, and watch it."""
        told = await self.client.request("device.enrol", {"kind": kind, "label": label})
        await self.client.subscribe(f"device:{told['device']}")
        return {**told, "url": self.visitor.stage.url}

    async def orders(self, device: str, action: str = "set", **settings: float) -> str:
        """Have a device do something; what it answers."""
        await self.client.request("device.command", command(device, action, **settings))
        answer = (await self.heard("device.acknowledged")).data
        return "done" if answer["done"] else str(answer["why"])


def command(device: str, action: str = "set", **settings: float) -> dict[str, Any]:
    """The data of an order."""
    return {"device": device, "command": str(uuid.uuid4()), "action": action, "settings": settings}


async def tell(stage: Stage) -> AsyncIterator[Scene]:
    """Use the house; then misuse it."""
    async with AsyncExitStack() as stack:
        people = [await stage.sign_in(name) for name in OWNERS]
        olivia, noah = [
            Owner(await stack.enter_async_context(visitor.connect("/ws/owner")), visitor) for visitor in people
        ]
        relay = await stack.enter_async_context(Relay(stage.url).open())
        lamp = await olivia.enrols("lamp", "Desk lamp")
        heater = await noah.enrols("thermostat", "Hall")
        device, states = plugged_in(stage, {**lamp, "url": relay.url})
        running = asyncio.create_task(end_of(device))
        stack.callback(running.cancel)
        yield Scene("Olivia's lamp comes up, and does what she says", await owned(olivia, lamp["device"]))
        yield Scene("Noah, her neighbour", await neighbour(noah, lamp["device"]))
        token = await device.buy_token()
        yield Scene("The lamp's token is stolen", await stolen(stage, lamp["device"], heater["device"], token))
        yield Scene("The token ends, and the network is cut", await cut(relay, olivia, device, states))
        yield Scene("`wssec revoke subject`, in another process", await revoked(stage, olivia, device, running, token))


def plugged_in(stage: Stage, told: Mapping[str, str]) -> tuple[Device, "asyncio.Queue[str]"]:
    """A lamp whose first token is good for seconds; and what it says of its connection."""
    states: asyncio.Queue[str] = asyncio.Queue()
    bought: list[str] = []

    async def token() -> str:
        rights = device_rights(device.name)
        bought.append(await device.buy_token() if bought else await stage.token(device.name, *rights, ttl="6s"))
        return bought[-1]

    tls = {"ca_certs": str(stage.certificate)} if stage.certificate else {}
    device = paired(told, every=0.2, say=states.put_nowait, token=token, dice=lambda: 0.1, **tls)
    return device, states


async def end_of(device: Device) -> str:
    """Run it; why it has ended."""
    try:
        await device.run()
    except Stopped as stopped:
        return f"{stopped.state.reason} {stopped.state.code}"
    return "nothing"


async def owned(olivia: Owner, lamp: str) -> list[Outcome]:
    """What the owner sees, and what she may do."""
    seen = (await olivia.heard("device.seen")).data
    first = value_of((await olivia.heard("device.reported")).data, "on")
    switched = await olivia.orders(lamp, on=1, brightness=40)
    shines = await olivia.heard("device.reported", lambda data: value_of(data, "on") == 1)
    return [
        Outcome("she sees that it is there", "True", str(seen["online"])),
        Outcome("it reports itself off", "0.0", str(first)),
        Outcome("she switches it on, at 40 %", "done", switched),
        Outcome("it reports itself on", "40.0", str(value_of(shines.data, "brightness"))),
        Outcome("at 400 %", "brightness goes from 1 to 100", await olivia.orders(lamp, brightness=400)),
        Outcome("unlock", "does not know how to unlock", await olivia.orders(lamp, "unlock")),
    ]


async def neighbour(noah: Owner, lamp: str) -> list[Outcome]:
    """Somebody who owns devices, but not this one, and knows its name."""
    ask = noah.client.request
    mine = (await ask("device.mine"))["devices"]
    return [
        Outcome("asks for his devices", "Hall", ", ".join(one["label"] for one in mine)),
        Outcome(
            "switches her lamp", "error permission_denied", await refusal(ask("device.command", command(lamp, on=0)))
        ),
        Outcome("watches it", "error permission_denied", await refusal(noah.client.subscribe(f"device:{lamp}"))),
        Outcome("removes it", "error permission_denied", await refusal(ask("device.remove", {"device": lamp}))),
    ]


async def stolen(stage: Stage, lamp: str, heater: str, token: str) -> list[Outcome]:
    """Whoever has the token is the lamp, and nothing else."""
    at = datetime.now(UTC).isoformat()
    reading = {"at": at, "readings": [{"sensor": "temperature", "value": 80.0}]}
    async with stage.client(f"/ws/device/{lamp}", token) as thief:
        ask = thief.request
        rows = [
            ("reports for the thermostat", await refusal(ask("device.telemetry", {"device": heater, **reading}))),
            ("hears what the thermostat is told", await refusal(thief.subscribe(f"device:{heater}:orders"))),
            ("switches the lamp, as its owner does", await refusal(ask("device.command", command(lamp, on=1)))),
            ("watches the lamp, as its owner does", await refusal(thief.subscribe(f"device:{lamp}"))),
        ]
    expected = ("error permission_denied", "error permission_denied", "error unknown_type", "error permission_denied")
    bearer = ["wssec.v1", f"wssec.bearer.{token}"]
    return [
        *(Outcome(tried, must, happened) for (tried, happened), must in zip(rows, expected, strict=True)),
        Outcome(
            "opens the thermostat's socket", "HTTP 403", await stage.handshake(f"/ws/device/{heater}", token=token)
        ),
        Outcome("opens an owner's socket", "HTTP 401", await stage.handshake("/ws/owner", token=token)),
        Outcome("with a ticket", "HTTP 403", await by_ticket(stage, token)),
        Outcome(
            "from a page, which can set no header",
            "HTTP 401",
            await stage.handshake(f"/ws/device/{lamp}", subprotocols=bearer),
        ),
    ]


async def by_ticket(stage: Stage, token: str) -> str:
    """What an owner's socket answers to a ticket that was bought with a device's token."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    bought = await stage.fetch("POST", "/wssec/ticket", headers, {"path": "/ws/owner"})
    ticket = json.loads(bought.body)["ticket"]
    return await stage.handshake("/ws/owner", subprotocols=["wssec.v1", f"wssec.ticket.{ticket}"])


async def cut(relay: Relay, olivia: Owner, device: Device, states: "asyncio.Queue[str]") -> list[Outcome]:
    """The first token was good for six seconds; the device has a fresh one before that."""
    said: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (device.client.state.expires_in or 0) < MINUTE or not states.empty():
            said.append(await states.get())
    lost = sum("waiting" in line for line in said)
    relay.cut()
    gone = (await olivia.heard("device.seen")).data["online"]
    reached = (await olivia.client.request("device.command", command(device.name, on=0)))["online"]
    relay.mend()
    back = (await olivia.heard("device.seen")).data["online"]
    return [
        Outcome("it has renewed its token; times that it was disconnected", "0", str(lost)),
        Outcome("the network is cut: olivia sees it go", "False", str(gone)),
        Outcome("what she orders now", "not there", "there" if reached else "not there"),
        Outcome("the network is back: so is the lamp", "True", str(back)),
        Outcome("and does what she says", "done", await olivia.orders(device.name, on=0)),
    ]


async def revoked(
    stage: Stage, olivia: Owner, device: Device, running: "asyncio.Task[str]", token: str
) -> list[Outcome]:
    """The thief and the device are one subject, and go together."""
    await stage.wssec("revoke", "subject", device.name, "--reason", "stolen", "--yes")
    async with asyncio.timeout(PATIENCE_SECONDS):
        ended = await running
    online = (await olivia.heard("device.seen")).data["online"]
    return [
        Outcome("the device ends, and knows why", "revoked 4403", ended),
        Outcome("olivia sees it go", "False", str(online)),
        Outcome("the stolen token", "HTTP 401", await stage.handshake(f"/ws/device/{device.name}", token=token)),
        Outcome("the key, for another token", "HTTP 401", await refusal(device.buy_token())),
    ]


def value_of(data: Any, sensor: str) -> float | None:
    """What a report says of one sensor."""
    return next((reading["value"] for reading in data["readings"] if reading["sensor"] == sensor), None)
