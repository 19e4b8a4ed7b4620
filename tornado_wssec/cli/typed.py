"""Lines that are typed or come through a pipe, read beside an event loop."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Final

from .spoken import Screen

PROMPT: Final = "> "
LINE_CHARACTERS: Final = 1024 * 1024


async def lines_of(screen: Screen) -> AsyncIterator[str]:
    """Each line of standard input; at a terminal with a prompt, and the arrows bring the ones before."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue(1)
    is_asked = sys.stdin is not None and sys.stdin.isatty() and not screen.as_json
    if is_asked:
        import readline  # noqa: F401 -- its import alone gives input() its history; no pipe needs it

    def read() -> None:
        with suppress(RuntimeError, CancelledError):  # the loop has ended meanwhile: nobody wants the line
            while True:
                line = _line(is_asked)
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
                if line is None:
                    return

    threading.Thread(target=read, daemon=True).start()  # nothing can interrupt a read
    while (line := await lines.get()) is not None:
        yield line


def _line(is_asked: bool) -> str | None:
    if is_asked:
        try:
            return input(PROMPT)
        except EOFError:
            return None
    line = sys.stdin.readline(LINE_CHARACTERS) if sys.stdin is not None else ""
    return line.rstrip("\r\n") if line else None
