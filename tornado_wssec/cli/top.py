"""`wssec top`: who is connected, as it changes.

Rules of this file:
1. A terminal is cleared between two pictures and nothing else: no other mode, so that nothing needs restoring.
2. What is no terminal gets one picture; a terminal that knows no escape codes gets one below the other.
3. What comes from elsewhere cannot move the cursor.
"""

import asyncio
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import click

from ..errors import StoreUnavailable
from ..policy.session_directory import NodeFacts
from ..stores.base import Store
from .commands import Command, WrongUsage
from .context import in_store, now, read_settings, store_option
from .live_entries import read_entries
from .output import json_option, print_json, show_time, warn
from .tables import print_table
from .values import duration

CLEAR: Final = "\x1b[H\x1b[2J"
"""Cursor home, then erase (ECMA-48)."""

DUMB: Final = frozenset({"", "dumb", "unknown"})
MOST_READ: Final = 20_000
"""Entries that are counted one by one: about a second of a store on another machine. Nodes count all of theirs."""

SHOWN: Final = 10
"""Rows of each table; fewer on a low terminal."""

LINES_BESIDE: Final = 10
"""Titles, headings and blank lines of a picture."""


@dataclass(slots=True)
class Picture:
    """Who is connected at one moment."""

    at: float
    nodes: Sequence[NodeFacts]
    is_complete: bool = True
    anonymous: int = 0
    subjects: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    tenants: Counter[str] = field(default_factory=Counter)
    endpoints: Counter[str] = field(default_factory=Counter)

    @property
    def connections(self) -> int:
        """On all nodes."""
        return sum(node.connections for node in self.nodes)


@click.command("top", cls=Command, example="wssec top --json")
@click.option("--interval", type=duration, metavar="SPAN", default="2s", help="Between two pictures; 2s otherwise.")
@store_option
@json_option
def top(interval: float, store: str | None, as_json: bool) -> None:
    """Show who is connected, as it changes, until Ctrl-C; once where the output is no terminal.

    JSON: {at, connections, anonymous, identities, complete, nodes: [{node, connections}], subjects: [{subject,
    issuer, connections}], tenants: [{tenant, connections}], endpoints: [{endpoint, connections}]}, the most
    first, and once; complete is false where there were too many to count by identity.
    """
    if interval <= 0:
        raise WrongUsage("--interval is 0; give a second or more")
    settings = read_settings("store", store=store)
    if as_json:
        print_json(_described(in_store(settings, _look)))
    elif not sys.stdout.isatty():
        _print(in_store(settings, _look), SHOWN)
    else:
        try:
            in_store(settings, lambda opened: _follow(opened, interval, _show))
        except KeyboardInterrupt:
            click.echo()  # the shell's next line is its own


async def _follow(store: Store, interval: float, show: Callable[[Picture], None]) -> None:
    while True:
        try:
            show(await _look(store))
        except StoreUnavailable as error:
            warn(f"{error}; the picture above is old")
        await asyncio.sleep(interval)


async def _look(store: Store) -> Picture:
    picture = Picture(now(), await store.list_nodes(now()))
    read = 0
    async for entry in read_entries(store):
        read += 1
        if read > MOST_READ:
            picture.is_complete = False
            break
        picture.endpoints[entry.endpoint] += 1
        if entry.anonymous:
            picture.anonymous += 1
        else:
            picture.subjects[entry.issuer, entry.subject] += 1
        if entry.tenant is not None:
            picture.tenants[entry.tenant] += 1
    return picture


def _show(picture: Picture) -> None:
    is_smart = os.environ.get("TERM", "") not in DUMB
    if is_smart:
        click.echo(CLEAR, nl=False, color=True)
    room = shutil.get_terminal_size().lines - LINES_BESIDE
    _print(picture, max(1, min(SHOWN, room // 3)) if is_smart else SHOWN)
    if not is_smart:
        click.echo()


def _print(picture: Picture, most: int) -> None:
    counted = "" if picture.is_complete else f" (the first {MOST_READ:,} counted)"
    whom = f"{len(picture.subjects):,} identities{counted}"
    click.echo(f"{show_time(picture.at)}  {picture.connections:,} connections  {whom}  {len(picture.nodes)} nodes")
    _table("node", ((node.node, node.connections) for node in picture.nodes), most)
    _table("subject", ((subject, count) for (_, subject), count in _most(picture.subjects)), most)
    if picture.tenants:
        _table("tenant", _most(picture.tenants), most)
    else:
        _table("endpoint", _most(picture.endpoints), most)


def _table(title: str, rows: Iterable[tuple[str, int]], most: int) -> None:
    shown = sorted(rows, key=lambda row: -row[1])
    if not shown:
        return
    click.echo()
    print_table((title, "connections"), [(what, f"{count:,}") for what, count in shown[:most]])
    if len(shown) > most:
        click.echo(f"… and {len(shown) - most:,} more")


def _most(counter: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], str(item[0])))


def _described(picture: Picture) -> dict[str, Any]:
    return {
        "at": picture.at,
        "connections": picture.connections,
        "anonymous": picture.anonymous,
        "identities": len(picture.subjects),
        "complete": picture.is_complete,
        "nodes": [facts._asdict() for facts in sorted(picture.nodes, key=lambda facts: -facts.connections)],
        "subjects": [
            {"subject": subject, "issuer": issuer, "connections": count}
            for (issuer, subject), count in _most(picture.subjects)
        ],
        "tenants": [{"tenant": tenant, "connections": count} for tenant, count in _most(picture.tenants)],
        "endpoints": [{"endpoint": endpoint, "connections": count} for endpoint, count in _most(picture.endpoints)],
    }
