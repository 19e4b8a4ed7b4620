"""The broker for several nodes: Redis 6.2 or later, or Valkey, with sharded pub/sub where the server has it.

Rules of this file:
1. Only nodes that want a channel get its publications, the node that publishes by the same way as all others.
2. Nobody waits longer than the budget, and no more wait than a bound: then it is StoreUnavailable, never a queue.
3. What a broken link may have cost is fetched from the history, or told as a gap.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from ..errors import StoreCorrupt, StoreError, StoreUnavailable
from ..policy.broker import Broadcast, Kept, Listener, Present, Resumed
from ..policy.history import FRESH, MICROSECONDS, Position, Told, remembered, resume
from ..settings import Timeouts
from .rarely import Rarely
from .redis_attendance import RENEWAL_SECONDS, RedisAttendance
from .redis_broker_scripts import READ_ON, SAY_AND_KEEP, SAY_ONCE, WHICH_LIFE
from .redis_census import RedisCensus
from .redis_course import Course
from .redis_ear import Ear
from .redis_link import RedisLink
from .redis_primary import hash_tag
from .redis_url import Manner, RedisPlace

logger = logging.getLogger(__name__)

PUBLISHING_MOST: Final = 1_000
"""Publications of one node on their way to the server; further ones are refused at once."""

RESUMED_BYTES: Final = 4 * 1024 * 1024
"""Of what one who comes back has missed; more is a gap."""

UPKEEP_SECONDS: Final = 0.5
UNSTEADY_SECONDS: Final = 1.0
"""Between two renewals: then this process or the server has stood still. No ear is given up as silent before that."""

STEADY_SECONDS: Final = 2.0
"""After an outage: within them whoever lives is connected again, and only then is anybody told by his connections."""

WARNED_SECONDS: Final = 10.0
"""For so long a publication may have gone to a server that was no primary any more without anybody noticing."""

WARNED_MOST: Final = 10_000
GAP: Final = b"gap"
SAFEST: Final = 2**53 - 1
"""The highest number that a browser can hold exactly."""

CHANNEL_KEYS: Final = ("life", "last:", "told:", "ears", "here:", "here-at:", "heard-at:")
"""Behind the store's tag; a channel or a node follows a colon."""

SAY: Final = "say:"
"""Behind the tag, in front of a channel: where its publications travel."""


class RedisBroker:
    """Channels of all nodes that use one server and prefix.

    Args:
        place: where the server is.
        node: the name of this node.
        listener: who hears.
        timeouts: `store_call` bounds each call, `node_lease` how long a killed node counts as there.
    """

    def __init__(self, place: RedisPlace, node: str, listener: Listener, timeouts: Timeouts) -> None:
        self.node = node
        self._place = place
        self._listener = listener
        self._tag = hash_tag(place.prefix)
        self._say = f"{self._tag}:{SAY}"
        self._link = RedisLink(place, timeouts.store_call)
        self._ear = Ear(place, timeouts.store_call, hear=self._hear, returned=self._returned)
        self._attendance = RedisAttendance(self._link, self._tag, node, timeouts.node_lease, self._moved)
        self._courses: dict[str, Course] = {}
        self._census = RedisCensus(self._link, self._tag, node, timeouts.node_lease)
        self._publishing = 0
        self._published: dict[str, float] = {}
        self._life = ""
        self._heard_life = b""
        self._latest = 0
        self._unwarned: dict[str, None] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._due = asyncio.Event()
        self._renewed_at = self._steady_since = -math.inf
        self._rarely = Rarely(logger)

    @property
    def reach(self) -> str:
        """Who hears."""
        return f"the clients of every process that uses {self._place.url}"

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._ear.wish(self._attendance.sign_of_life)
        self._tasks = [
            loop.create_task(self._ear.run()),
            loop.create_task(self._keep_up()),
            loop.create_task(self._keep_seats()),
            loop.create_task(self._seat()),
        ]

    async def stop(self) -> None:
        """Let go."""
        for task in self._tasks:
            task.cancel()
        for course in self._courses.values():
            course.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            await self._quietly(self._say_goodbye())
        self._tasks.clear()
        await self._link.close()

    def tick(self) -> None:
        """Nothing: what has to be done in time has tasks of its own."""

    # --- hearing ---

    def want(self, channel: str, kept: Kept | None) -> Awaitable[None] | None:
        """One more who listens."""
        course = self._courses.get(channel)
        if course is None:
            read = self._reader(channel, kept)
            course = self._courses[channel] = Course(channel, kept, self._listener, read, self._ignored)
        course.listeners += 1
        self._census.count(channel, course.listeners)
        wish = self._ear.wish(self._say + channel)
        return None if wish is None and course.has_begun else self._begin(course, wish)

    def unwant(self, channel: str) -> None:
        """One less."""
        course = self._courses.get(channel)
        if course is None:
            return
        course.listeners -= 1
        self._census.count(channel, course.listeners)
        if course.listeners == 0:
            del self._courses[channel]
            course.end()
            self._ear.drop(self._say + channel)

    async def _begin(self, course: Course, wish: asyncio.Event | None) -> None:
        if wish is not None:
            await self._ear.granted(wish)
        await course.begin()

    def _hear(self, name: str, payload: bytes) -> None:
        course = self._courses.get(name.removeprefix(self._say))
        if course is None:
            return  # it is not wanted any more
        life, _, said = payload.partition(b" ")
        if said == GAP:
            self._hear_from(life)
            course.warn()
            return
        try:
            seq, after, text = said.split(b" ", 2)
            number, before = int(seq), int(after)
            broadcast = Broadcast.from_text(text.decode(), number or None)
        except ValueError:
            self._ignored()
            return
        # The server numbers behind the last one, or by its clock.
        if broadcast.channel != course.channel or not 0 <= number <= SAFEST or before not in (FRESH, number - 1):
            self._ignored()
            return
        self._hear_from(life)
        course.hear(broadcast, before)

    def _ignored(self) -> None:
        self._rarely.error(f"{self._place.url}: what arrived in a channel is none of ours; see who publishes there")

    def _hear_from(self, life: bytes) -> None:
        """Two that take turns as the primary may do so twice without a connection being broken."""
        before, self._heard_life = self._heard_life, life
        if before not in (b"", life) and self._place.manner is not Manner.FIXED:
            for course in self._courses.values():
                course.mend()

    def _returned(self, name: str) -> None:
        if course := self._courses.get(name.removeprefix(self._say)):
            course.mend()

    # --- saying ---

    async def publish(self, broadcast: Broadcast, kept: Kept | None) -> int | None:
        """Bring it to every node that wants its channel."""
        if self._publishing >= PUBLISHING_MOST:
            raise StoreUnavailable(f"{self._publishing} publications are on their way to {self._place.url} already")
        self._publishing += 1
        try:
            self._note(broadcast.channel)
            return await self._publish(broadcast, kept)
        except StoreCorrupt as error:
            self._tell_damage(error)
            raise
        finally:
            self._publishing -= 1

    async def _publish(self, broadcast: Broadcast, kept: Kept | None) -> int | None:
        channel, text = broadcast.channel, broadcast.to_text()
        for _ in range(2):
            first = GAP if channel in self._unwarned else b""
            head = (self._life, first, self._say + channel)
            if kept is None:
                answer = await self._say_once(channel, *head, f"0 0 {text}")
            else:
                spans = (math.ceil(kept.seconds * 1000), math.ceil(remembered(kept) * 1000))
                keys = [*self._keys_of(channel), *self._census.keys]
                words = (*head, text, kept.most, *spans, channel, self.node, self._latest)
                answer = await self._link.run(SAY_AND_KEEP, keys, *words)
            life, *said = answer
            if first and said:
                self._unwarned.pop(channel, None)
            self._be_in(life.decode())  # behind that: where another has answered meanwhile, it holds no more
            if said:
                if channel in self._published:
                    self._census.saw_elsewhere(channel, int(said[1]))
                self._learn_of(*said[2:])
                return int(said[0]) if said[0] else None
        raise StoreUnavailable(f"{self._place.url} is being taken over by another server; nothing was done, try again")

    def _say_once(self, channel: str, *words: str | bytes) -> Awaitable[Any]:
        return self._link.run(SAY_ONCE, [self._say + channel, *self._census.keys], *words, channel, self.node)

    def elsewhere(self, channel: str) -> int:
        """Connections that listen at other nodes, as the last publication there has found."""
        return self._census.elsewhere(channel)

    async def resume(self, channel: str, kept: Kept, since: int | None) -> Resumed:
        """What came behind a number."""
        try:
            return await self._resume(channel, kept, since)
        except StoreCorrupt as error:
            self._tell_damage(error)
            raise

    async def _resume(self, channel: str, kept: Kept, since: int | None) -> Resumed:
        behind = "" if since is None else since
        words = (behind, RESUMED_BYTES, self._latest)
        life, last, now, *rest = await self._link.run(READ_ON, self._keys_of(channel), *words)
        self._learn_of(life)
        position = Position(int(life), int(last) if last else None, int(now) / MICROSECONDS)
        if rest == [b"more"]:
            return Resumed(position.seq, is_whole=False)
        return resume(since, [self._told(rest[at : at + 4]) for at in range(0, len(rest), 4)], kept, position)

    def _told(self, entry: Sequence[bytes]) -> Told:
        id, text, after, at = entry
        try:
            seq = int(id.partition(b"-")[0])
            return Told(seq, int(after), int(at) / MICROSECONDS, Broadcast.from_text(text.decode(), seq))
        except ValueError:
            fault = "the history of a channel is none of ours"
            raise StoreCorrupt(f"{self._place.url}: {fault}; see who wrote it") from None

    def _reader(self, channel: str, kept: Kept | None) -> Callable[[int | None], Awaitable[Resumed]]:
        async def read(since: int | None) -> Resumed:
            found = await self.resume(channel, kept or Kept(0, 0.0), since)
            # Of two that both take themselves for the primary, the numbers of the one say nothing of the other's.
            asked, heard = self._link.address, self._ear.address
            if None not in (asked, heard) and asked != heard:
                raise StoreUnavailable(f"{self._place.url} is being taken over by another server; try again")
            return found

        return read

    def _keys_of(self, channel: str) -> list[str]:
        return [f"{self._tag}:life", f"{self._tag}:last:{channel}", f"{self._tag}:told:{channel}"]

    def _note(self, channel: str) -> None:
        """Remember where something was published of late, in order."""
        self._published.pop(channel, None)
        self._published[channel] = asyncio.get_running_loop().time()
        self._forget_published()

    def _forget_published(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._published:
            first = next(iter(self._published))
            if self._published[first] > now - WARNED_SECONDS and len(self._published) <= WARNED_MOST:
                return
            del self._published[first]
            self._census.saw_elsewhere(first, 0)

    # --- who is there ---

    def enter(self, channel: str, who: Present) -> None:
        """One more connection."""
        if self._attendance.enter(channel, who):
            self._due.set()

    def leave(self, channel: str, who: Present) -> None:
        """One connection less."""
        if self._attendance.leave(channel, who):
            self._due.set()

    async def present(self, channel: str) -> Sequence[Present]:
        """Who is there, on all nodes."""
        return await self._attendance.present(channel)

    async def listeners(self) -> Mapping[str, Mapping[str, int]]:
        """Channel → node → connections that listen there; at most a second old."""
        return await self._census.read()

    def _moved(self, channel: str, who: Present, is_here: bool) -> None:
        self._listener.moved(channel, who, is_here)

    async def _seat(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            await self._quietly(self._attendance.write())

    # --- upkeep ---

    async def _keep_up(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(UPKEEP_SECONDS)

    async def _look(self) -> None:
        """Each by itself: a key that somebody else has written stops what needs it, and nothing beside it."""
        for step in (self._census.tell, self._link.look_for_primary, self._warn_of_move):
            await self._quietly(step())
        self._forget_published()

    async def _keep_seats(self) -> None:
        while True:
            await self._quietly(self._renew())
            if self._attendance.is_behind:
                self._due.set()
            await asyncio.sleep(RENEWAL_SECONDS)

    async def _renew(self) -> None:
        """Renew the lease; and judge others, where nothing has stood still or was cut off here of late."""
        clock = asyncio.get_running_loop().time
        if self._ear.address is None or clock() - self._renewed_at > UNSTEADY_SECONDS:
            self._steady_since = clock()
        await self._attendance.renew(judges=clock() - self._steady_since >= STEADY_SECONDS)
        self._renewed_at = clock()

    def _be_in(self, life: str) -> None:
        """Take note of the server that answers: to the one before it, of late, things may have been said in vain."""
        if self._place.manner is Manner.FIXED or life == self._life:
            return  # a server that is alone breaks every connection as it ends
        if self._life:
            self._unwarned.update(dict.fromkeys(self._published))
        self._life = life

    def _learn_of(self, *lives: bytes) -> None:
        """Keep the latest life: a server that is in an earlier one is told of it, and numbers above it from then on."""
        self._latest = max((self._latest, *map(int, lives)))

    async def _warn_of_move(self) -> None:
        """Say of each channel where something was said of late to another server that something may be missing."""
        [life] = await self._link.run(WHICH_LIFE, [f"{self._tag}:life"], "", "", "")
        self._be_in(life.decode())
        for channel in list(self._unwarned):
            life, *_ = await self._say_once(channel, "", "", self._say + channel, GAP)
            self._unwarned.pop(channel, None)
            self._be_in(life.decode())

    async def _say_goodbye(self) -> None:
        await self._attendance.write()
        await self._attendance.end()

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that is tried again anyway; the ear tells of an outage."""
        try:
            await work
        except StoreError as error:
            if isinstance(error, StoreCorrupt):
                self._tell_damage(error)
        except Exception as error:
            # A mistake of ours must not end this: the lease would, and everybody here would be taken for gone.
            self._rarely.error(f"looking after channels failed: {type(error).__name__}")

    def _tell_damage(self, error: StoreCorrupt) -> None:
        """Nothing of it mends itself: the operator is told where to look."""
        names = ", ".join(f"{self._tag}:{name}{'*' if name.endswith(':') else ''}" for name in CHANNEL_KEYS)
        self._rarely.error(f"channels are out of order: {error}; their keys are {names}")
