"""Which broker goes with a store."""

import math
from collections.abc import Callable

from ..policy.broker import Broker, Listener
from ..settings import Secret, Timeouts
from .base import Store
from .local_broker import LocalBroker
from .redis import RedisStore
from .redis_broker import RedisBroker


def broker_of(
    store: Store,
    node: str,
    listener: Listener,
    *,
    timeouts: Timeouts,
    wall: Callable[[], float],
    history_bytes: float = math.inf,
) -> Broker:
    """What brings publications from node to node; made in the event loop that uses it, and not started yet.

    Args:
        node: the name of this one.
        listener: who hears.
        timeouts: what bounds each call.
        wall: seconds of the wall clock.
        history_bytes: what histories may take that this process keeps itself.
    """
    if isinstance(store, RedisStore):
        return RedisBroker(store.place, node, listener, timeouts)
    return LocalBroker(node, listener, wall, history_bytes)


def brings_publications(store: Store | None, url: Secret | None) -> bool:
    """Whether publications leave the process.

    Args:
        store: a ready-made one; None: the one at `url`.
    """
    if store is not None:
        return isinstance(store, RedisStore)
    return url is not None and url.reveal().startswith("redis")
