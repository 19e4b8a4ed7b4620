"""The server between devices and their owners. Read `schemas/devices.py` first: what either may say.

python -m examples.devices.app
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import tornado.web

from schemas import devices
from tornado_wssec import (
    BearerToken,
    Close,
    CloseCode,
    Disconnect,
    Guard,
    Identity,
    Present,
    Registry,
    SecureWebSocketHandler,
    SessionCookie,
    Ticket,
    Unavailable,
    on,
)

from ..pages import page_routes, serve, sign_in_routes
from .house import House
from .tokens import DeviceToken, device_rights

DEVICES_MOST: Final = 50
PEOPLE: Final[Mapping[str, Mapping[str, str]]] = {
    "olivia": {"may": "Owns a lamp and a thermostat, once they are enrolled"},
    "noah": {"may": "Her neighbour, with a house of his own"},
}


class DeviceSocket(SecureWebSocketHandler):
    """For devices: native clients, which show a token in a header and send no Origin. Each is itself, and no other."""

    authenticators = (BearerToken(subprotocol=False),)
    allow_missing_origin = True
    requires = "devices:obey:{device}"  # of the URL: a token opens the socket of its own device

    async def opened(self) -> None:
        """Listen to what the owner orders. A device that heard nothing would still seem to be there: it comes again."""
        try:
            await self.subscribe(f"device:{self.identity.subject}:orders")
        except Unavailable as error:
            raise Disconnect(Close(CloseCode.TRY_AGAIN_LATER, "try again later"), str(error)) from error

    @on(devices.Telemetry)
    async def report(self, data: dict[str, Any]) -> None:
        """Hand on what was measured, to whoever may watch this device."""
        told = {name: data[name] for name in ("device", "at", "readings", "health")}
        await self.publish(f"device:{data['device']}", devices.Reported, told)

    @on(devices.Acknowledge)
    async def acknowledge(self, data: dict[str, Any]) -> None:
        """Hand on what became of an order."""
        await self.publish(f"device:{data['device']}", devices.Acknowledged, data)


class OwnerSocket(SecureWebSocketHandler):
    """For people, from the page."""

    authenticators = (Ticket(),)
    requires = "devices:own"

    @property
    def guard(self) -> Guard:
        guard: Guard = self.settings["wssec"]
        return guard

    @property
    def house(self) -> House:
        house: House = self.settings["house"]
        return house

    @on(devices.Mine)
    async def list_mine(self, data: dict[str, Any]) -> dict[str, Any]:
        """Name this person's devices, and which of them are there."""
        mine = self.house.of(self.identity.subject)
        told = [{**asdict(one), "online": await self.is_there(one.device)} for one in mine]
        return {"me": self.identity.subject, "devices": told}

    @on(devices.Command)
    async def order(self, data: dict[str, Any]) -> dict[str, Any]:
        """Have a device do something; whether it has is told by its acknowledgement."""
        order = {name: data[name] for name in ("device", "command", "action", "settings")}
        await self.guard.publish(f"device:{data['device']}:orders", devices.Ordered, order)
        return {"online": await self.is_there(data["device"])}

    @on(devices.Enrol)
    async def enrol(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take a device in: its key is good for its own tokens, and for nothing else."""
        owned = self.house.enrol(self.identity.subject, data["kind"], data["label"])
        made = await self.guard.create_api_key(owned.device, device_rights(owned.device), note=owned.label)
        await self.guard.permissions_changed(subject=owned.owner)
        return {**asdict(owned), "key": made.key}

    @on(devices.Remove)
    async def remove(self, data: dict[str, Any]) -> None:
        """Revoke a device, on every server: its socket closes, its tokens and its key are refused."""
        await self.guard.revoke(subject=data["device"], reason=f"removed by {self.identity.subject}")
        self.house.remove(data["device"])
        await self.guard.permissions_changed(subject=self.identity.subject)

    async def is_there(self, device: str) -> bool:
        return bool(await self.guard.present(f"device:{device}:orders"))


def grants_of(owner: str, house: House) -> Sequence[str]:
    """What a person may do now; a device may do what its credential says. Asked again when that changes."""
    mine = house.of(owner)
    may_enrol = ["devices:enrol"] if len(mine) < DEVICES_MOST else []
    return ["devices:own", *may_enrol, *(f"devices:{do}:{one.device}" for one in mine for do in ("command", "watch"))]


def make_app() -> tornado.web.Application:
    """The application and its guard, for `wssec check examples.devices.app:make_app`."""
    house = House(Path(os.environ.get("EXAMPLE_DATA", ".")) / "house.db")

    async def rights(identity: Identity) -> Sequence[str]:
        return grants_of(identity.subject, house) if identity.subject in PEOPLE else list(identity.permissions)

    async def seen(channel: str, who: Present, is_here: bool) -> None:
        """Tell the owner that a device has come or gone; of several servers one is asked to."""
        told = {"device": who.subject, "online": is_here, "at": datetime.now(UTC)}
        await guard.publish(f"device:{who.subject}", devices.Seen, told)

    guard = Guard.from_env(
        registry=Registry.scan("schemas.devices"),
        authenticators=[SessionCookie(), BearerToken(subprotocol=False)],
        permissions=rights,
        presence=seen,
    )
    sockets = [("/ws/owner", OwnerSocket), (r"/ws/device/(?P<device>[a-z0-9-]{4,40})", DeviceSocket)]
    routes = [*sockets, ("/device/token", DeviceToken), *guard.routes(client=True), *sign_in_routes(PEOPLE)]
    return tornado.web.Application([*routes, *page_routes(Path(__file__).parent / "page")], wssec=guard, house=house)


if __name__ == "__main__":
    serve(make_app)
