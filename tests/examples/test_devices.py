"""The house of devices: who may do what, and what a lamp and a thermostat are."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest
import tornado.web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from examples.devices.app import DEVICES_MOST, DeviceSocket, OwnerSocket, grants_of
from examples.devices.device import Device
from examples.devices.house import House
from examples.devices.things import CannotDo, Lamp, Thermostat, Thing
from examples.devices.tokens import device_rights
from tests.kits import in_loop
from tornado_wssec import BearerToken, Grants, Registry, StoreUnavailable, Unavailable
from tornado_wssec.client import HttpRefused
from tornado_wssec.testing import GuardKit


class Elsewhere(tornado.web.RequestHandler):
    """Sends a device on, and notes what it shows there."""

    shown: ClassVar[list[str | None]] = []

    def post(self) -> None:
        """Where a key belongs."""
        self.redirect("/elsewhere")

    def get(self) -> None:
        """Where none does."""
        self.shown.append(self.request.headers.get("X-Api-Key"))


@in_loop
async def test_device_shows_its_key_nowhere_else() -> None:
    """It is not sent on by whoever answers in the server's place."""
    app = tornado.web.Application([("/device/token|/elsewhere", Elsewhere)])
    (listener,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets([listener])
    device = Device(f"http://127.0.0.1:{listener.getsockname()[1]}", "lamp-1", "s3cr3t", Lamp())

    with pytest.raises(HttpRefused) as refused:
        await device.buy_token()
    server.stop()
    await server.close_all_connections()
    assert (302, []) == (refused.value.status, Elsewhere.shown)


def test_device_shows_its_key_to_nobody_in_the_clear() -> None:
    """Without TLS it speaks to this machine alone."""
    with pytest.raises(ValueError, match="wss"):
        Device("http://house.example", "lamp-1", "s3cr3t", Lamp())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """No device yet."""
    with closing(House(tmp_path / "house.db")) as made:
        yield made


def test_owner_may_command_and_watch_what_is_hers(house: House) -> None:
    """Until it is removed; and nothing of her neighbour's."""
    lamp, heater = house.enrol("olivia", "lamp", "Desk"), house.enrol("noah", "thermostat", "Hall")
    before = Grants(grants_of("olivia", house))
    house.remove(lamp.device)
    after = Grants(grants_of("olivia", house))
    asked = [f"devices:{do}:{lamp.device}" for do in ("command", "watch")]

    assert ([True, True], [False, False]) == tuple([rights.allows(one) for one in asked] for rights in (before, after))
    assert not before.allows(f"devices:command:{heater.device}")
    assert not before.allows(f"devices:report:{lamp.device}")


def test_owner_enrols_only_so_many(house: House) -> None:
    """Each is some grants more for every connection of hers."""
    may_enrol = [Grants(grants_of("olivia", house)).allows("devices:enrol")]
    for number in range(DEVICES_MOST):
        house.enrol("olivia", "lamp", f"Lamp {number}")
    may_enrol.append(Grants(grants_of("olivia", house)).allows("devices:enrol"))

    assert [True, False] == may_enrol


def test_lamp_does_what_it_is_told() -> None:
    """Its readings say so."""
    lamp = Lamp()
    lamp.obey("set", {"on": 1, "brightness": 40})
    lamp.obey("locate", {})

    assert {"on": 1.0, "brightness": 40, "power": 4.0} == {one["sensor"]: one["value"] for one in lamp.read()}


def test_thermostat_brings_the_room_to_its_target() -> None:
    """Not at once, and a little unsteadily."""
    thermostat = Thermostat()
    thermostat.obey("set", {"target": 22})
    course = [thermostat.read()[0]["value"] for _ in range(60)]

    assert 18 < course[0] < 20
    assert abs(course[-1] - 22) < 1


@pytest.mark.parametrize(
    ("thing", "action", "settings", "why"),
    [
        (Lamp(), "unlock", {}, "does not know how to unlock"),
        (Lamp(), "set", {"target": 20.0}, "has no target"),
        (Lamp(), "set", {"brightness": 400.0}, "brightness goes from 1 to 100"),
        (Thermostat(), "set", {"target": 31.0}, "target goes from 5 to 30"),
    ],
    ids=["action", "setting", "bounds", "target"],
)
def test_thing_refuses_what_it_cannot_do(thing: Thing, action: str, settings: dict[str, float], why: str) -> None:
    """It says why, and nothing of it is done."""
    before = [one for one in thing.read() if one["sensor"] != "temperature"]
    with pytest.raises(CannotDo, match=why):
        thing.obey(action, settings)

    assert before == [one for one in thing.read() if one["sensor"] != "temperature"]


def failing(error: Exception) -> Callable[..., Awaitable[None]]:
    """What raises whenever it is called."""

    async def fail(*given: object, **named: object) -> None:
        raise error

    return fail


@pytest.fixture
def kit(house: House) -> GuardKit:
    """The server, for whoever shows a token."""
    owner = type("OwnerSocket", (OwnerSocket,), {"authenticators": (BearerToken(),)})
    routes = [("/ws/owner", owner), ("/ws/device/(?P<device>.+)", DeviceSocket)]
    return GuardKit(routes, registry=Registry.scan("schemas.devices"), app_settings={"house": house})


@in_loop
async def test_owner_is_told_to_try_again_when_the_store_fails(
    kit: GuardKit, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Her connection stays, and the device that she could not remove is still hers."""
    lamp = house.enrol("olivia", "lamp", "Desk").device
    async with kit:
        owner = await kit.connect("/ws/owner", subject="olivia", permissions=grants_of("olivia", house))
        for call in ("append", "put_record"):
            monkeypatch.setattr(kit.store, call, failing(StoreUnavailable("it is gone")))

        await owner.assert_refused("unavailable", "device.remove", {"device": lamp})
        await owner.assert_refused("unavailable", "device.enrol", {"kind": "lamp", "label": "Hall"})
        assert lamp in [one["device"] for one in (await owner.request("device.mine"))["devices"]]


@in_loop
async def test_device_that_cannot_listen_is_sent_away(kit: GuardKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back by itself; meanwhile nobody takes it for one that hears."""
    async with kit:
        monkeypatch.setattr(kit.guard.channels, "subscribe", failing(Unavailable("it is gone")))
        device = await kit.connect("/ws/device/lamp-1", subject="lamp-1", permissions=device_rights("lamp-1"))

        assert "try again later" == await device.assert_closed(1013)
