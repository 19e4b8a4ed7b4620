"""How a guard starts, keeps time, and stops."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from typing import Any, Final

from .alerts import Alarm
from .channels import Channels
from .clock import Clock
from .closing import Close, CloseCode
from .directory import Directory
from .doorstep import Doorstep
from .draining import Drain
from .enforcement import Enforcer
from .errors import StoreError, StoreUnavailable
from .hub import Hub
from .issuers import TrustedIssuers
from .keeper import KeyKeeper
from .policy.revocations import RevocationIndex
from .pressure import STALL_SECONDS, Pressure
from .processes import First, Follower, sharing
from .readiness import Readiness
from .server import Listener
from .settings import Timeouts, TokenRules
from .stores.base import Store
from .stores.brokers import broker_of
from .supervision import Supervisor
from .telemetry.audit import Audit
from .telemetry.incidents import Incidents
from .telemetry.redact import where_raised
from .telemetry.sampling import Sampler, tell_untold
from .telemetry.tornado_log import TornadoLog
from .timekeeping import Timekeeping
from .watcher import Watcher

logger = logging.getLogger(__name__)

PRUNED_A_TICK: Final = 1_000


class Lifecycle:
    """Starts and stops what follows the store, the keys and the clock, for one guard.

    Args:
        make_store: gives the store, not yet open; called at each start, in the event loop that will use it.
        departures: goodbyes a second, while draining.
    """

    def __init__(
        self,
        *,
        make_store: Callable[[], Store],
        readiness: Readiness,
        hub: Hub,
        doorstep: Doorstep,
        index: RevocationIndex,
        directory: Directory,
        channels: Channels,
        keeper: KeyKeeper,
        issuers: TrustedIssuers,
        enforcer: Enforcer,
        rules: Sequence[TokenRules],
        clock: Clock,
        timeouts: Timeouts,
        history_bytes: int,
        departures: float,
        timekeeping: Timekeeping,
        pressure: Pressure,
        audit: Audit,
        incidents: Incidents,
        sampler: Sampler,
        alarm: Alarm,
    ) -> None:
        self._make_store = make_store
        self._readiness = readiness
        self._hub = hub
        self._doorstep = doorstep
        self._index = index
        self._directory = directory
        self._channels = channels
        self._keeper = keeper
        self._issuers = issuers
        self._enforcer = enforcer
        self._rules = rules
        self._clock = clock
        self._timeouts = timeouts
        self._history_bytes = history_bytes
        self._departures = departures
        self._timekeeping = timekeeping
        self._pressure = pressure
        self._audit = audit
        self._incidents = incidents
        self._sampler = sampler
        self._alarm = alarm
        self._tornado_log = TornadoLog(sampler)
        self._listeners: list[Listener] = []
        self._shared: First | Follower | None = None
        self._drain: Drain | None = None
        self._supervisor: Supervisor | None = None
        self._is_told = False
        self.loop_lag = 0.0
        """Seconds by which the newest look at the deadlines was late."""
        self.watchers: list[Callable[[float], None]] = []
        """Who else is told the time, in monotonic seconds."""
        self._followers: list[asyncio.Task[None]] = []
        self._hooks: set[asyncio.Task[None]] = set()
        self._context = Context()

    async def start(self, *, following: bool) -> None:
        """Read the keys, open the store, and follow both; see `Guard.start`."""
        if self._readiness.watcher is not None:
            raise RuntimeError("this guard has been started already; one guard serves one event loop at a time")
        self._context = copy_context()
        self._keeper.start()
        self._timekeeping.look()
        watcher = Watcher(
            self._make_store(),
            self._index,
            self._clock,
            self._enforcer,
            self._keeper,
            self._rules,
            self._timeouts,
            self._timekeeping,
        )
        self._incidents.adopt(*watcher.incidents)
        if self._enforcer.moderator is not None:
            watcher.reassertion.moderations = self._enforcer.moderator.index.__iter__
        try:
            await watcher.catch_up()
        except StoreUnavailable as error:
            logger.warning("the store does not answer yet: %s; handshakes get 503 until it does", error)
        except StoreError:
            await watcher.store.close()
            raise
        await self._directory.start(watcher.store, following=following)
        await self._open_channels(watcher.store)
        self._readiness.watcher = watcher
        self._readiness.is_leaving = self._readiness.is_draining = False
        await self._issuers.look()
        if following:
            loop = asyncio.get_running_loop()
            keys = (self._keeper.follow(self._timeouts.tick), self._issuers.follow())
            lasting = (watcher.reassertion.run(watcher.store), self._timekeeping.run(watcher.store))
            work = (watcher.run(), *lasting, self._directory.run(), *keys, self._sweep())
            self._followers = [loop.create_task(follower) for follower in work]

    async def stop(self) -> None:
        """Accept nobody, let handlers finish, say goodbye, and let go of the store; see `Guard.stop`."""
        await self._leave()
        await self._hub.emptied(self._timeouts.close)
        for listener in self._listeners:
            await listener.close()
        self._listeners.clear()
        self._tornado_log.remove()
        tell_untold(self._sampler, self._audit, self._clock.wall(), at_the_end=True)
        await self._alarm.stop(self._timeouts.close)
        await asyncio.gather(*self._hooks, return_exceptions=True)  # each has a deadline of its own
        for follower in self._followers:
            follower.cancel()
        await asyncio.gather(*self._followers, return_exceptions=True)
        self._followers.clear()
        await self._issuers.stop()
        if self._channels.broker is not None:
            await self._channels.broker.stop()
            self._channels.broker = None
        await self._directory.stop()
        if self._readiness.watcher is not None:
            await self._readiness.watcher.store.close()
            self._readiness.watcher = None
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        if self._shared is not None:
            await self._shared.ended(self._timeouts.drain + self._timeouts.close)
            self._shared = None

    async def _leave(self) -> None:
        """Take nobody in any more, and tell everybody to go elsewhere."""
        drain = self._drain = Drain(self._hub, per_second=self._departures, patience=self._timeouts.drain)
        self._readiness.is_leaving = True
        if self._shared is not None:
            self._shared.stop()
        if self._listeners:
            await drain.pause(self._timeouts.drain_notice)
        self._readiness.is_draining = True
        for listener in self._listeners:
            listener.stop_accepting()
        self._doorstep.clear()
        connections, seconds = len(self._hub), drain.plan()
        if self._supervisor is not None:
            self._supervisor.leave(connections)
        if self._readiness.watcher is not None:
            logger.info("draining %d connections over %.1f s", connections, seconds)
            self._audit.record("drain.began", self._clock.wall(), connections=connections, seconds=round(seconds, 3))
        early = await drain.run()
        if self._readiness.watcher is not None:
            level = logging.WARNING if early else logging.INFO
            logger.log(level, "drained; %d connections were told to go before their turn, or a handler's end", early)
            self._audit.record("drain.ended", self._clock.wall(), connections=connections, early=early)

    def hurry(self) -> None:
        """Let a drain wait for nobody any more, in no process of this program."""
        if self._drain is not None:
            self._drain.hurry()
        if self._shared is not None:
            self._shared.hurry()

    def share(self, processes: int, port: int, address: str) -> First | Follower:
        """How this process takes part in serving a port with others.

        Raises:
            ConfigurationError: it cannot be shared.
        """
        return sharing(processes, port, address, self._make_store())

    def serve(self, listener: Listener, shared: First | Follower | None = None) -> None:
        """Close this listener at the end, and look after the other processes."""
        self._tornado_log.install()
        self._listeners.append(listener)
        if self._supervisor is None and not isinstance(shared, Follower):
            self._supervisor = Supervisor(os.environ, os.getpid())
        self._is_told = True
        if shared is not None:
            self._shared = shared
            shared.begin(listener.port)

    @property
    def process_number(self) -> int:
        """Which of the processes this is; 0 where there is one."""
        return self._shared.number if self._shared else 0

    def tell_of_bare_server(self) -> None:
        """Warn once that the server that brings handshakes is not ours, and what it lacks."""
        if not self._is_told:
            self._is_told = True
            logger.warning(
                "served by an HTTPServer that guard.listen() did not make: it lacks the header deadline and the caps on"
                " headers and bodies, and tokens sent to other routes are logged; use guard.listen() where you can"
            )

    def spawn(self, hook: Coroutine[Any, Any, None]) -> None:
        """Run a hook of the application beside everything else; `stop` waits for it."""
        # In a context of its own: a connection is lost in that of whoever has met its end, say another one's handler.
        task = asyncio.get_running_loop().create_task(hook, context=self._context.copy())
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)

    def tick(self, now: float) -> None:
        """Look at every deadline; `now` in monotonic seconds."""
        self._timekeeping.look()
        self._pressure.look(now)
        self._enforcer.tick()
        self._index.forget_expired(self._timekeeping.settled, PRUNED_A_TICK)
        if self._readiness.is_too_stale():
            self._hub.end_where(lambda live: True, Close(CloseCode.TRY_AGAIN_LATER), "the store is out of reach")
        self._hub.sweep(now)
        self._doorstep.sweep(now)
        if self._channels.broker is not None:
            self._channels.broker.tick()
        for listener in self._listeners:
            listener.look(self._clock.wall())
        if self._shared is not None:
            self._shared.look(now)
        if self._supervisor is not None:
            self._supervisor.look(now, is_ready=self._readiness.is_ready())
        tell_untold(self._sampler, self._audit, self._clock.wall())
        self._alarm.look(now)
        for look in self.watchers:
            look(now)

    async def _open_channels(self, store: Store) -> None:
        node, channels = self._directory.membership.node, self._channels
        # The numbers of a history are times: by a clock that was set back, new ones would seem to be old.
        wall = self._clock.unstepped()
        channels.broker = broker_of(
            store, node, channels, timeouts=self._timeouts, wall=wall, history_bytes=self._history_bytes
        )
        await channels.broker.start()

    async def _sweep(self) -> None:
        expected = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            self.loop_lag = max(now - expected, 0.0)
            try:
                if now - expected > STALL_SECONDS:
                    self._pressure.stood_still(now - expected)
                    self._readiness.extend(now - expected)
                    self._hub.extend(now - expected)
                    self._doorstep.extend(now - expected)
                self.tick(now)
            except Exception as error:
                # A mistake of ours must not end the sweep: nobody's token would expire any more.
                logger.error("a sweep over the deadlines failed: %s", where_raised(error))
            expected = now + self._timeouts.tick
            await asyncio.sleep(self._timeouts.tick)
