"""The connection by which a node hears what is published in the channels that it wants.

Rules of this file:
1. A wish is granted when the server has confirmed it: what is published from then on arrives, or `returned` is called.
2. A connection that says nothing, not even to a ping, is given up; so is one to a server that is no primary any more.
3. Nothing queues here: what arrives is handed over at once, and a server that cannot get rid of it cuts us off.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from redis import exceptions as redis_errors

from ..errors import StoreUnavailable
from .redis_broker_scripts import IS_SHARDED
from .redis_faults import store_error
from .redis_link import evaluate
from .redis_primary import Address, Lane, Primary, find_primary
from .redis_url import Manner, RedisPlace

logger = logging.getLogger(__name__)

PING_SECONDS: Final = 1.0
"""Between two looks at whether the server lives; after two without a sign of life it is given up."""

NAMES_AT_ONCE: Final = 1_000
HEARD_AT_ONCE: Final = 64
"""Publications handed over until others get their turn in the event loop."""

RETRY_SECONDS: Final = (0.05, 1.0)
"""Between two attempts to connect, at first and at most."""


class _Wish:
    """A channel of the server that is wanted."""

    __slots__ = ("granted", "was_granted")

    def __init__(self) -> None:
        self.granted = asyncio.Event()
        self.was_granted = False


class Ear:
    """Hears what it wishes to, on one connection, which is made anew whenever it breaks.

    Args:
        place: where the server is.
        patience: seconds for a connection, and for a wish to be granted.
        hear: is given a channel of the server, and a publication in it.
        returned: is told of a channel that is heard again, and was not for a while.
    """

    def __init__(
        self,
        place: RedisPlace,
        patience: float,
        *,
        hear: Callable[[str, bytes], None],
        returned: Callable[[str], None],
    ) -> None:
        self._place = place
        self._patience = patience
        self._hear = hear
        self._returned = returned
        self._wishes: dict[str, _Wish] = {}
        self._changed: dict[str, None] = {}
        self._sent: set[str] = set()
        self._owed: Counter[tuple[str, str]] = Counter()
        self._kick = asyncio.Event()
        self._signs = 0
        self._is_silent = False
        self.address: Address | None = None
        """Of the server that is heard; None: of none at the moment."""

    def wish(self, name: str) -> asyncio.Event | None:
        """Wish to hear a channel; None: it is heard, else what is set once it is."""
        wish = self._wishes.get(name)
        if wish is None:
            wish = self._wishes[name] = _Wish()
            if name in self._sent and not self._owed["ubscribe", name]:
                # It was dropped a moment ago, and the server has not been told: nothing would be confirmed again.
                wish.granted.set()
                wish.was_granted = True
            self._change(name)
        return None if wish.granted.is_set() else wish.granted

    async def granted(self, event: asyncio.Event) -> None:
        """Wait until a wish is granted.

        Raises:
            StoreUnavailable: it was not in time.
        """
        try:
            async with asyncio.timeout(self._patience):
                await event.wait()
        except TimeoutError:
            fault = f"{self._place.url} did not confirm within {self._patience:g} s that a channel is listened to"
            raise StoreUnavailable(f"{fault}; try again") from None

    def drop(self, name: str) -> None:
        """Hear a channel no more."""
        if self._wishes.pop(name, None) is not None:
            self._change(name)

    async def run(self) -> None:
        """Connect, and listen, until cancelled."""
        pause, most = RETRY_SECONDS
        while True:
            try:
                await self._listen()
            except* (redis_errors.RedisError, OSError) as group:
                self._tell(group.exceptions[0])
            except* Exception as group:
                # A mistake of ours must not end this: nobody here would hear anything any more.
                logger.error("hearing channels failed: %s", type(group.exceptions[0]).__name__)
            if self.address is not None:
                pause = RETRY_SECONDS[0]
            self._lose()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- so that nodes do not come all at once
            pause = min(most, pause * 2)

    async def _listen(self) -> None:
        address = await find_primary(self._place, self._patience)
        primary = Primary(self._place, address, self._patience)
        client = primary.client(Lane.FOLLOWING)
        pool: Any = client.connection_pool  # it has no types of its own, nor has its connection
        connection = pool.make_connection()
        try:
            async with asyncio.timeout(2 * self._patience):
                is_sharded = bool(await evaluate(client, IS_SHARDED, []))
                await connection.connect()
            self.address = address
            self._tell_joined()
            self._changed = dict.fromkeys(self._wishes)
            self._kick.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(connection))
                group.create_task(self._send_wishes(connection, "S" if is_sharded else ""))
                group.create_task(self._watch(connection, address))
        finally:
            with suppress(redis_errors.RedisError, OSError):
                await connection.disconnect(nowait=True)
            await primary.close(self._patience)

    async def _read(self, connection: Any) -> None:
        while True:
            for _ in range(HEARD_AT_ONCE):
                self._take(await connection.read_response(disable_decoding=True))
            await asyncio.sleep(0)

    def _take(self, answer: Any) -> None:
        self._signs += 1
        if not isinstance(answer, list) or len(answer) != 3:
            return  # the answer to a ping
        kind, name = answer[0].decode("ascii").lstrip("s"), answer[1].decode("utf-8", "replace")
        if kind == "message":
            self._hear(name, answer[2])
        elif kind in ("ubscribe", "unsubscribe"):
            self._confirmed(kind, name)

    def _confirmed(self, kind: str, name: str) -> None:
        if not self._owed[kind, name]:
            raise redis_errors.ConnectionError("the server has moved a channel elsewhere")
        self._owed[kind, name] -= 1
        if self._owed[kind, name]:
            return
        del self._owed[kind, name]
        wish = self._wishes.get(name)
        if kind == "ubscribe" and wish is not None and name in self._sent and not wish.granted.is_set():
            wish.granted.set()
            if wish.was_granted:
                self._returned(name)
            wish.was_granted = True

    async def _send_wishes(self, connection: Any, kind: str) -> None:
        while True:
            await self._kick.wait()
            self._kick.clear()
            changed, self._changed = self._changed, {}
            gone = [name for name in changed if name not in self._wishes and name in self._sent]
            new = [name for name in changed if name in self._wishes and name not in self._sent]
            self._sent.difference_update(gone)
            self._sent.update(new)
            for verb, names in (("UNSUBSCRIBE", gone), ("SUBSCRIBE", new)):
                self._owed.update((verb.lower().lstrip("s"), name) for name in names)
                for some in _chunks(names):
                    await connection.send_command(f"{kind}{verb}", *some)

    async def _watch(self, connection: Any, address: Address) -> None:
        """Look whether the server lives, and whether it is the one still."""
        silent = 0
        while True:
            signs = self._signs
            await connection.send_command("PING")
            await asyncio.sleep(PING_SECONDS)
            # Two in a row: an event loop that stood still has heard nothing either, and reads it before the second.
            silent = silent + 1 if self._signs == signs else 0
            if silent == 2:
                raise redis_errors.TimeoutError("the server is silent")
            if self._place.manner is not Manner.FIXED and await self._has_moved(address):
                raise redis_errors.ConnectionError("another server is the primary")

    async def _has_moved(self, address: Address) -> bool:
        with suppress(redis_errors.RedisError, OSError):
            return await find_primary(self._place, self._patience) != address
        return False  # nobody who can be asked: nothing has changed

    def _change(self, name: str) -> None:
        self._changed[name] = None
        self._kick.set()

    def _lose(self) -> None:
        self.address = None
        self._sent.clear()
        self._owed.clear()
        for wish in self._wishes.values():
            wish.granted.clear()

    def _tell(self, error: BaseException) -> None:
        """Say once in an outage what holds meanwhile."""
        if not self._is_silent:
            told = store_error(error, self._place.url, self._patience)
            logger.warning("channels are cut off from other nodes: %s; listeners are told what they may miss", told)
        self._is_silent = True

    def _tell_joined(self) -> None:
        if self._is_silent:
            logger.warning("channels hear other nodes again by %s", self._place.url)
        self._is_silent = False


def _chunks(names: list[str]) -> Iterable[list[str]]:
    return (names[start : start + NAMES_AT_ONCE] for start in range(0, len(names), NAMES_AT_ONCE))
