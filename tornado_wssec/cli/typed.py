"""Lines that are typed or come through a pipe, read beside an event loop."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from .spoken import Screen

PROMPT: Final = "> "
LINE_CHARACTERS: Final = 1024 * 1024


async def lines_of(screen: Screen) -> AsyncIterator[str]:
    """Each line of standard input; at a terminal with a prompt, and the arrows bring the ones before."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    room = threading.Semaphore(1)  # one line is read ahead
    is_asked = sys.stdin is not None and sys.stdin.isatty() and not screen.as_json
    if is_asked:
        import readline  # noqa: F401 -- its import alone gives input() its history; no pipe needs it

    def read() -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile: nobody wants the line
            while True:
                line = _line(is_asked)
                loop.call_soon_threadsafe(lines.put_nowait, line)
                if line is None:
                    return
                room.acquire()

    threading.Thread(target=read, daemon=True).start()  # nothing can interrupt a read
    while (line := await lines.get()) is not None:
        yield line
        room.release()


def _line(is_asked: bool) -> str | None:
    if is_asked:
        try:
            return input(PROMPT)
        except EOFError:
            return None
    line = sys.stdin.readline(LINE_CHARACTERS) if sys.stdin is not None else ""
    return line.rstrip("\r\n") if line else None
