"""What frames travel over: each event loop that we support, with TLS and without."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final

import pytest
import uvloop

LOOPS: Final[Mapping[str, Callable[[], asyncio.AbstractEventLoop] | None]] = MappingProxyType(
    {"asyncio": None, "uvloop": uvloop.new_event_loop}
)


def in_each_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an asynchronous test once in an event loop of each kind."""

    @functools.wraps(test)
    def run(*arguments: Any, loop_kind: str, **fixtures: Any) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop_kind]) as runner:
            runner.run(test(*arguments, **fixtures))

    # pytest would take the wrapped function for one that it cannot run.
    del run.__wrapped__
    signature = inspect.signature(test)
    kind = inspect.Parameter("loop_kind", inspect.Parameter.KEYWORD_ONLY)
    asked = signature.replace(parameters=[*signature.parameters.values(), kind])
    run.__signature__ = asked  # type: ignore[attr-defined]  # what pytest asks for fixtures
    found: Callable[..., None] = pytest.mark.parametrize("loop_kind", LOOPS)(run)
    return found
