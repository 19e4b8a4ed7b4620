"""`wssec revocations`: the log of what is revoked.

Rules of this file:
1. An import is read whole and checked before its first entry is written; importing twice changes nothing.
2. An undo is an entry too: what was revoked, and that it was taken back, stays on record until it is pruned.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

import click

from ..api_keys import drop_keys
from ..policy.revocation_entries import BODY_BYTES, Body, Notice, dump_body, load_body
from ..policy.revocations import Kind, make_undo
from ..settings import Settings
from ..stores.base import Store
from .asking import confirm, yes_is_fine, yes_option
from .commands import Group, Refused, WrongUsage, told_as
from .context import in_store, now, read_settings, store_option
from .output import json_is_fine, json_option, print_facts, print_json, show_time
from .revocation_log import Standing, describe, read_log, read_standings
from .secrets_in import STANDARD_INPUT, opened
from .tables import print_table
from .values import name

TITLES: Final = ("id", "kind", "value", "issuer", "effective", "issued up to", "forgotten", "state", "reason")
PRUNED_AT_ONCE: Final = 1_000
"""Few enough that servers are not kept waiting."""


@click.group(cls=Group, example="wssec revocations list --kind subject")
def revocations() -> None:
    """The log of revocations: look, take back, tidy, move."""


@revocations.command("list", example="wssec revocations list --all --json")
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help="Only this kind.")
@click.option("--value", help="Only those of exactly this jti, sid, sub, tenant or kid.")
@click.option("--all", "everything", is_flag=True, help="Those undone and expired too.")
@click.option("--ids", is_flag=True, help="Print ids alone, one a line.")
@store_option
@json_option
def list_revocations(
    kind: str | None, value: str | None, everything: bool, ids: bool, store: str | None, as_json: bool
) -> None:
    """List the revocations that are in force or about to be.

    JSON: [revocation], a revocation being {id, kind, value, issuer, at, before, effective_at, expires_at, reason,
    state, undone_at}; state is active, pending, undone or expired.
    """
    at = now()
    found = [
        standing
        for standing in in_store(_settings(store), read_standings)
        if (everything or standing.state(at) in ("active", "pending"))
        and kind in (None, standing.revocation.kind)
        and value in (None, standing.revocation.value)
    ]
    if as_json:
        print_json([_entry(standing, at) for standing in found])
    elif ids:
        click.echo("".join(f"{standing.revocation.id}\n" for standing in found), nl=False)
    else:
        print_table(TITLES, [_row(standing, at) for standing in found])


@revocations.command(
    "show", takes_dashes=True, example="wssec revocations show $(wssec revocations list --value u42 --ids)"
)
@click.argument("id", type=name)
@store_option
@json_option
def show(id: str, store: str | None, as_json: bool) -> None:
    """Show one revocation.

    JSON: a revocation as in `revocations list`.
    """
    (standing,) = _find(in_store(_settings(store), read_standings), [id])
    at = now()
    if as_json:
        print_json(_entry(standing, at))
        return
    facts = dict(zip(TITLES, _row(standing, at), strict=True))
    print_facts({**facts, "revoked": show_time(standing.revocation.at), "undone": _undone_at(standing)})


@revocations.command(
    "undo", takes_dashes=True, example="wssec revocations undo --yes $(wssec revocations list --value u42 --ids)"
)
@click.argument("ids", metavar="ID...", type=name, nargs=-1, required=True)
@click.option("--reason", default="", help="Why, for the audit.")
@yes_option
@store_option
@json_option
def undo(ids: Sequence[str], reason: str, yes: bool, store: str | None, as_json: bool) -> None:
    """Take revocations back: what they named is accepted again, as far as it has not expired.

    JSON: [{id, undone_at}].
    """
    settings = _settings(store)
    found = _find(in_store(settings, read_standings), ids)
    named = ", ".join(f"{standing.revocation.kind} {standing.revocation.value}" for standing in found)
    confirm(f"Accept again: {named}?", yes)
    with told_as(WrongUsage):
        undos = [standing.undo or make_undo(standing.revocation, now(), reason) for standing in found]
    in_store(settings, lambda log: _append(log, undos))
    if as_json:
        print_json([{"id": body.id, "undone_at": body.at} for body in undos])
    else:
        print_table(("id", "undone"), [(body.id, show_time(body.at)) for body in undos])


@revocations.command("prune", example="wssec revocations prune --yes")
@yes_option
@store_option
@json_option
def prune(yes: bool, store: str | None, as_json: bool) -> None:
    """Delete entries that can match nothing any more, since every token that they could name has expired.

    JSON: {pruned}.
    """
    settings = _settings(store)
    confirm("Delete every entry that has expired, and with it the record that there was one?", yes)
    count = in_store(settings, _prune)
    if as_json:
        print_json({"pruned": count})
    else:
        click.echo(f"{count} pruned")


@revocations.command("export", example="wssec revocations export > revocations.jsonl")
@click.argument("target", metavar="[FILE|-]", default=STANDARD_INPUT)
@store_option
@json_is_fine
def export(target: str, store: str | None) -> None:
    """Write the log's revocations as JSON lines, for `revocations import` elsewhere or after a loss.

    A FILE is made for its owner alone, and must not exist.

    JSON: lines of {class: revocation, id, kind, value, issuer, at, before, effective_at, expires_at, reason} and of
    {class: undo, id, at, expires_at, reason}, in the log's order; what is null is left out.
    """
    settings = _settings(store)
    if target == STANDARD_INPUT:
        in_store(settings, lambda log: _write(log, sys.stdout.buffer))
        return
    with _new_file(target) as stream:
        in_store(settings, lambda log: _write(log, stream))


@revocations.command("import", example="wssec revocations export | wssec revocations import -")
@yes_is_fine
@click.argument("source", metavar="FILE|-")
@store_option
@json_option
def import_revocations(source: str, store: str | None, as_json: bool) -> None:
    """Write the entries of an export to the store. Those that it has already change nothing.

    API keys that they name are dropped, as `wssec revoke` does.

    JSON: {imported, dropped_api_keys}.
    """
    settings = _settings(store)
    bodies = _read(source)
    dropped = in_store(settings, lambda log: _append(log, bodies))
    if as_json:
        print_json({"imported": len(bodies), "dropped_api_keys": dropped})
    else:
        click.echo(f"{len(bodies)} imported")
        for id in dropped:
            click.echo(f"API key {id} dropped")


def _settings(store: str | None) -> Settings:
    return read_settings("store", store=store)


@contextmanager
def _new_file(path: str) -> Iterator[BinaryIO]:
    """A new file for its owner alone; gone again when the block fails, since half a log looks like a whole one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Refused(f"{path} exists already; name another file") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
    except BaseException:
        os.unlink(path)
        raise


def _find(standings: Sequence[Standing], ids: Sequence[str]) -> list[Standing]:
    by_id = {standing.revocation.id: standing for standing in standings}
    if unknown := [id for id in ids if id not in by_id]:
        raise Refused(
            f"there is no revocation {', '.join(unknown)}; `wssec revocations list --all` shows those that there are"
        )
    return [by_id[id] for id in ids]


async def _append(store: Store, bodies: Sequence[Body]) -> list[str]:
    for body in bodies:
        await store.append(body)
    given = {body.id for body in bodies}
    standings = [standing for standing in await read_standings(store) if standing.revocation.id in given]
    return await drop_keys(store, [standing.revocation for standing in standings if standing.undo is None], now())


async def _prune(store: Store) -> int:
    count = 0
    for notices in (False, True):
        while pruned := await store.prune(now(), PRUNED_AT_ONCE, notices=notices):
            count += pruned
    return count


async def _write(store: Store, stream: BinaryIO) -> None:
    async for entry in read_log(store):
        if not isinstance(entry.body, Notice):  # nobody needs it later
            stream.write(f"{dump_body(entry.body)}\n".encode("ascii"))
    stream.flush()


def _read(source: str) -> list[Body]:
    """Every entry of an export; none when one is not as it should be."""
    with opened(source) as stream:
        return _parsed(stream)


def _parsed(stream: BinaryIO) -> list[Body]:
    bodies: list[Body] = []
    number = 0
    while line := stream.readline(BODY_BYTES + 2):
        number += 1
        try:
            body = load_body(line.decode("ascii").rstrip("\r\n"))
            if isinstance(body, Notice):
                raise ValueError("this is a notice, which is no part of an export")
            bodies.append(body)
        except ValueError as error:
            reason = "the record is not ASCII" if isinstance(error, UnicodeError) else str(error)
            raise WrongUsage(f"line {number}: {reason}; nothing was imported") from None
    return bodies


def _entry(standing: Standing, at: float) -> dict[str, Any]:
    undone_at = standing.undo.at if standing.undo else None
    return {**describe(standing.revocation), "state": standing.state(at), "undone_at": undone_at}


def _undone_at(standing: Standing) -> str | None:
    return show_time(standing.undo.at) if standing.undo else None


def _row(standing: Standing, at: float) -> tuple[str | None, ...]:
    body = standing.revocation
    times = (show_time(body.effective_at), show_time(body.before), show_time(body.expires_at) or "never")
    return (body.id, str(body.kind), body.value, body.issuer or "any", *times, standing.state(at), body.reason or None)
