"""A server that tells how far it has come in ending, and goes on when it is told to, on standard input.

`python -m tests.processes.ending SECONDS`: for how long a signal changes nothing once it has drained.
"""

import asyncio
import atexit
import os
import sys
from collections.abc import Callable

from tornado.web import Application

from tests.kits import CHAT, ChatSocket
from tornado_wssec import Guard, stop_signals


def reach(
    step: str, write: Callable[[int, bytes], int] = os.write, read: Callable[[int, int], bytes] = os.read
) -> None:
    """Say so, and wait."""
    write(1, f"{step}\n".encode())
    read(0, 1)


class Last:
    """Goes when the interpreter takes the modules apart."""

    def __del__(self, reach: Callable[[str], None] = reach) -> None:
        reach("interpreter")


async def main() -> None:
    """Serve."""
    async with Guard.from_env(registry=CHAT) as guard:
        guard.listen(Application([("/ws", ChatSocket), *guard.routes()], wssec=guard), 0)
        asyncio.get_running_loop().call_soon(os.write, 1, b"serving\n")
        await guard.until_stopped()
        reach("drained")
    reach("stopped")


if __name__ == "__main__":
    last = Last()
    atexit.register(reach, "exit")
    stop_signals.ENDING_SECONDS = float(sys.argv[1])  # type: ignore[misc]  # the default, on whatever machine
    asyncio.run(main())
    reach("loop")
