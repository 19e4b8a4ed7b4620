"""A server with channels that are kept, as a service manager runs it: it says goodbye slowly, at SIGTERM.

`python -m tests.processes.leaving PORT PER_SECOND` writes its port to standard output.
"""

import asyncio
import sys
from dataclasses import replace

from tornado.web import Application

from tests.kits import GENEROUS
from tornado_wssec import Guard

from .records import RECORDS, TIMEOUTS, Socket


class Native(Socket):
    """Programs come without an Origin."""

    allow_missing_origin = True


async def main(port: int, per_second: float) -> None:
    """Serve."""
    limits = replace(GENEROUS, departures_per_second=per_second)
    async with Guard.from_env(registry=RECORDS, limits=limits, timeouts=TIMEOUTS) as guard:
        port = guard.listen(Application([("/ws", Native), *guard.routes()], wssec=guard), port)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await guard.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
