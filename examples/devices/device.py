"""A simulated device: a native client that reports, obeys its owner, comes back by itself, and ends when revoked.

Give it what the page shows when a device is added, on standard input or in a file that nobody else reads:

    python3 bootstrap.py examples.devices.device lamp.json
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tornado_wssec.client import Client, Event, HttpRefused, Refused, State, Stopped, bearer

from .things import CannotDo, Lamp, Thermostat, Thing


class Device:
    """A device with a key of its own.

    Args:
        url: of the server, `https://…`; `http://` to this machine alone.
        name: as it was enrolled.
        key: shown for tokens, to `/device/token` and nowhere else.
        thing: what it is.
        every: seconds between two reports.
        say: told what becomes of the connection.
        token: gives an access token; None: the key buys one.
        options: of the client, such as `ca_certs=`.
    """

    def __init__(
        self,
        url: str,
        name: str,
        key: str,
        thing: Thing,
        *,
        every: float = 2.0,
        say: Callable[[str], None] = print,
        token: Callable[[], Awaitable[str]] | None = None,
        **options: Any,
    ) -> None:
        self.name = name
        self.thing = thing
        self._url = url
        self._key = key
        self._every = every
        self._say = say
        self._tls = {name: value for name, value in options.items() if name == "ca_certs"}
        self._changed = asyncio.Event()
        buy = token or self.buy_token
        where = f"{url.replace('http', 'ws', 1)}/ws/device/{name}"
        self.client = Client(where, credential=bearer(buy), renew=buy, on_state=self._tell, **options)

    async def buy_token(self) -> str:
        """A fresh token for the key: before every connection, and whenever the present one is about to end.

        Raises:
            HttpRefused: no; 401 where the device was revoked.
        """
        headers = {"X-Api-Key": self._key, "Content-Type": "application/json"}
        # Where it would be sent on to, nobody has said that the key may be shown.
        request = HTTPRequest(f"{self._url}/device/token", "POST", headers, "{}", follow_redirects=False, **self._tls)
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        if answer.code != 200:
            raise HttpRefused(answer.code)
        return str(json.loads(answer.body)["token"])

    async def run(self) -> None:
        """Report and obey until the server ends it for good.

        Raises:
            Stopped: it has; the state says why.
        """
        async with self.client as client:
            reporting = asyncio.create_task(self._report(client))
            try:
                async for event in client.events():
                    if event.type == "device.ordered":
                        await self._obey(client, event)
            finally:
                reporting.cancel()

    async def _obey(self, client: Client, order: Event) -> None:
        done, why = True, ""
        try:
            self.thing.obey(order.data["action"], order.data["settings"])
        except CannotDo as fault:
            done, why = False, str(fault)
        told = {"device": self.name, "command": order.data["command"], "done": done, "why": why}
        with suppress(Refused):  # the connection is gone: the owner sees that, too
            await client.send("device.acknowledge", told)
        self._changed.set()

    async def _report(self, client: Client) -> None:
        """Say what is measured, at once after every order; what is old when the connection is back is not said."""
        while True:
            if client.state.name == "open":
                now = datetime.now(UTC).isoformat()
                with suppress(Refused):
                    await client.send(
                        "device.telemetry", {"device": self.name, "at": now, "readings": self.thing.read()}
                    )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._every)
            self._changed.clear()

    def _tell(self, state: State) -> None:
        wait = "" if state.seconds is None else f", again in {state.seconds:.1f} s"
        code = "" if state.code is None else f" ({state.code})"
        why = f": {state.reason}{code}{wait}" if state.reason else ""
        left = "" if state.expires_in is None else f", with a token for {state.expires_in:.0f} s"
        self._say(f"{self.name} is {state.name}{left}{why}")


def paired(told: Mapping[str, str], **options: Any) -> Device:
    """The device that the page has told of: its `url`, `device`, `kind` and `key`."""
    thing: Thing = Thermostat() if told["kind"] == "thermostat" else Lamp()
    return Device(told["url"], told["device"], told["key"], thing, **options)


def main() -> int:
    """Run one device; 1 when the server has ended it."""
    text = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else sys.stdin.read()
    device = paired(json.loads(text))
    try:
        asyncio.run(device.run())
    except Stopped as stopped:
        print(f"{device.name} is no longer wanted here ({stopped}); have its owner add it anew", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
