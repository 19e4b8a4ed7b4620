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
from .doctor import Finding
from .output import json_option, print_json
from .programs import find_attribute, from_here
from .report import deployment, described, markdown
from .standards import Answer, answers
from .tables import print_table

TITLES: Final = ("", "where", "what", "remedy")


@click.command(cls=Command, example="wssec check app:make_app")
@click.argument("app", metavar="APP")
@click.option("--report", "is_report", is_flag=True, help="With the store, the keys and the standards, for a reviewer.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown"]),
    default="table",
    show_default=True,
    help="How it is printed; markdown is the whole report.",
)
@json_option
def check(app: str, as_json: bool, is_report: bool, form: str) -> None:
    """Check what an application exposes; exit 1 where something is open.

    APP is module:attribute, looked for in the current directory too: a tornado.web.Application, or a function, plain or
    async, that makes one without arguments; a Jupyter, Bokeh or Panel server will do, too. Problems keep a server from
    starting; what is open can be used by strangers; what cannot be told is decided by code that is not ours; what is
    declared or changed is less than the default, and meant. Each route is listed with what guards it.

    JSON: {ok, lines: [{level, where, what, remedy}]}; level is problem, open, cannot tell, declared, changed, route or
    in force. A report has {standards: [{standard, item, asks, state, because}], deployment: [{check, ok, found,
    remedy}]}, too; state is met, weakened, open or for you.
    """
    lines, guard = _audited(app)
    is_report = is_report or form == "markdown"
    findings = deployment(guard) if is_report else []
    answered = answers(lines) if is_report else []
    is_closed = not any(line.fails for line in lines) and all(finding.ok for finding in findings)
    if as_json:
        more = described(answered, findings) if is_report else {}
        print_json({"ok": is_closed, "lines": [_entry(line) for line in lines], **more})
    elif form == "markdown":
        click.echo(markdown(app, lines, findings, answered))
    else:
        _print(lines, findings, answered)
    if not is_closed:
        raise click.exceptions.Exit(FAILED)


def _print(lines: list[Line], findings: list[Finding], answered: list[Answer]) -> None:
    print_table(TITLES, [(str(line.level), line.where, line.what, line.remedy) for line in lines], wraps=True)
    if findings:
        click.echo()
        rows = [(one.check, "ok" if one.ok else "not ok", one.found, one.remedy) for one in findings]
        print_table(("deployment", "", "found", "remedy"), rows, wraps=True)
    if answered:
        click.echo()
        rows = [(f"{one.item.standard} {one.item.number}", one.state, one.item.asks, one.because) for one in answered]
        print_table(("standard", "", "asks for", "because"), rows, wraps=True)


def _audited(name: str) -> tuple[list[Line], Guard | None]:
    with redirect_stdout(sys.stderr):  # what the application prints is no part of the result
        found = find_attribute(name)
        with from_here(name):
            made = found if isinstance(found, Application) or not callable(found) else found()
            if inspect.isawaitable(made):
                return asyncio.run(_audit_made(name, made))
        return _audit(name, made)


async def _audit_made(name: str, made: Awaitable[Any]) -> tuple[list[Line], Guard | None]:
    return _audit(name, await made)


def _audit(name: str, made: object) -> tuple[list[Line], Guard | None]:
    app = next(_applications_of(made), None)
    if app is None:
        raise Refused(
            f"{name} is of type {type(made).__name__}; name a tornado.web.Application or a function that makes one"
        )
    found = app.settings.get("wssec")
    guard = found if isinstance(found, Guard) else None
    return audit(app, guard), guard


def _applications_of(made: object) -> Iterator[Application]:
    """The application itself, or what a Jupyter Server (`web_app`) or a Bokeh server (`_tornado`) serves."""
    for found in (made, getattr(made, "web_app", None), getattr(made, "_tornado", None)):
        if isinstance(found, Application):
            yield found


def _entry(line: Line) -> dict[str, str | None]:
    return {"level": str(line.level), "where": line.where, "what": line.what, "remedy": line.remedy}
