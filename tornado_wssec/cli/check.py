"""`wssec check`: what an application exposes, and what must not start as it is."""

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Iterator
from contextlib import redirect_stdout
from typing import Any, Final

import click
from tornado.web import Application

from ..guard import Guard
from .application_audit import audit
from .audit_lines import Line
from .commands import FAILED, Command, Refused
from .output import json_option, print_json, print_table
from .programs import find_attribute, from_here

TITLES: Final = ("", "where", "what", "remedy")


@click.command(cls=Command, example="wssec check app:make_app")
@click.argument("app", metavar="APP")
@json_option
def check(app: str, as_json: bool) -> None:
    """Check what an application exposes; exit 1 where something is open.

    APP is module:attribute, looked for in the current directory too: a tornado.web.Application, or a function, plain or
    async, that makes one without arguments; a Jupyter or Bokeh server will do as well. Problems keep a server from
    starting; what is open can be used by strangers; what cannot be told is decided by code that is not ours; what is
    declared or changed is less than the default, and meant. Each route is listed with what guards it.

    JSON: {ok, lines: [{level, where, what, remedy}]}; level is problem, open, cannot tell, declared, changed, route or
    in force.
    """
    lines = _audited(app)
    is_closed = not any(line.fails for line in lines)
    if as_json:
        print_json({"ok": is_closed, "lines": [_entry(line) for line in lines]})
    else:
        print_table(TITLES, [(str(line.level), line.where, line.what, line.remedy) for line in lines])
    if not is_closed:
        raise click.exceptions.Exit(FAILED)


def _audited(name: str) -> list[Line]:
    with redirect_stdout(sys.stderr):  # what the application prints is no part of the result
        found = find_attribute(name)
        with from_here(name):
            made = found if isinstance(found, Application) or not callable(found) else found()
            if inspect.isawaitable(made):
                return asyncio.run(_audit_made(name, made))
        return _audit(name, made)


async def _audit_made(name: str, made: Awaitable[Any]) -> list[Line]:
    return _audit(name, await made)


def _audit(name: str, made: object) -> list[Line]:
    app = next(_applications_of(made), None)
    if app is None:
        raise Refused(
            f"{name} is of type {type(made).__name__}; name a tornado.web.Application or a function that makes one"
        )
    guard = app.settings.get("wssec")
    return audit(app, guard if isinstance(guard, Guard) else None)


def _applications_of(made: object) -> Iterator[Application]:
    """The application itself, or what a Jupyter Server (`web_app`) or a Bokeh server (`_tornado`) serves."""
    for found in (made, getattr(made, "web_app", None), getattr(made, "_tornado", None)):
        if isinstance(found, Application):
            yield found


def _entry(line: Line) -> dict[str, str | None]:
    return {"level": str(line.level), "where": line.where, "what": line.what, "remedy": line.remedy}
