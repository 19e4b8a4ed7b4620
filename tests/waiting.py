"""Wait for what nobody tells of, by looking again and again; bounded by a time that no busy machine needs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PATIENCE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.005
ASK_SECONDS: Final = 0.02
"""Between two questions to another process, which has something else to do, too."""


async def until(holds: Callable[[], bool], what: str = "what was to happen") -> None:
    """Return once it is so: what others bring about, in whatever process.

    Raises:
        AssertionError: it never was.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


async def until_found(expected: object, find: Callable[[], Awaitable[object]]) -> None:
    """Ask somebody else until the answer is this.

    Raises:
        AssertionError: with what it was last.
    """
    found: object = None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await find()) != expected:  # noqa: ASYNC110 -- it is asked
                await asyncio.sleep(ASK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {expected!r}; it was {found!r}") from None


async def until_turned(holds: Callable[[], bool]) -> None:
    """Return once it is so: what this loop brings about, which is let turn as fast as it can.

    Raises:
        AssertionError: it never was.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError("the loop has turned in vain") from None
