"""The program around an example's application: settings from the environment, one line when it listens, SIGTERM."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable

from tornado.web import Application

from tornado_wssec import Guard


def serve(make_app: Callable[[], Application], *background: Callable[[Guard], Awaitable[None]]) -> None:
    """Serve until SIGTERM or Ctrl-C; then say goodbye to everybody.

    Args:
        make_app: gives the application, whose setting `wssec` is its guard; `wssec check` takes it, too.
        background: coroutine functions that run meanwhile, such as one that feeds a channel; given the guard.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(_serve(make_app, *background))


async def _serve(make_app: Callable[[], Application], *background: Callable[[Guard], Awaitable[None]]) -> None:
    app = make_app()
    wanted = int(os.environ.get("PORT", "8888"))
    async with app.settings["wssec"] as guard:
        try:
            port = guard.listen(app, wanted, address=address())
        except OSError as error:
            sys.exit(f"port {wanted} cannot be used ({error.strerror}); another one: PORT=0, or --port")
        print(f"listening on http://127.0.0.1:{port}", flush=True)
        tasks = [asyncio.ensure_future(each(guard)) for each in background]
        try:
            await guard.until_stopped()
        finally:
            for task in tasks:
                task.cancel()


def address() -> str | None:
    """Where to bind; where anybody is whoever they say they are, this machine alone, TLS or not."""
    return "127.0.0.1" if os.environ.get("EXAMPLE_SIGN_IN") == "1" else None
