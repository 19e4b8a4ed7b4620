"""Redis that accepts connections and says nothing (SIGSTOP): row 3, attack line K13."""

import asyncio
import time
from pathlib import Path

from tests.faults.node import environment_of, is_served_alone, make_store, running, until_status
from tests.redis_server import RedisServer
from tests.stores.kit import in_loop
from tests.waiting import until

CALL_SECONDS = 2.0


@in_loop
async def test_frozen(own_redis: RedisServer, tmp_path: Path) -> None:
    """A hundred tickets get 503, one after the other waits for nobody; messages are handled, tokens come in."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path, timeouts={"store_call": CALL_SECONDS}) as node:
        token = await node.token()
        await until_status(node, 101, token)
        live = await node.connect(token)
        own_redis.freeze()
        started = time.monotonic()
        tickets = await asyncio.gather(*(node.status(ticket="x" * 43) for _ in range(100)))
        took = time.monotonic() - started
        served = [await is_served_alone(live) for _ in range(3)]
        by_token = await node.status(token)
        await until(lambda: node.told("ERROR", "the store does not answer") > 0, "the alert")
        own_redis.thaw()

        assert ({503}, {True}, 101) == (set(tickets), set(served), by_token)
        assert took < 100 * CALL_SECONDS / 2, "they waited one after the other"
        await until(lambda: node.told("WARNING", "the store answers again") > 0, "its end")
        assert "acknowledged" == await node.ask("revoke", "subject", "ann")
        await live.assert_closed(4403)
        assert 1 == node.told("ERROR", "the store does not answer")
