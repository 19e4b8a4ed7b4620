"""`wssec store`: whether the store answers, is made, and agrees with the key file."""

import os
import time
from typing import Any

import click

from ..settings import Settings, Timeouts
from ..stores.base import Store
from ..timekeeping import accept_clock, machine_name, marks_of
from .asking import confirm, yes_is_fine, yes_option
from .commands import FAILED, Group
from .context import held_generation, in_store, key_file, keys_option, make_store, now, read_settings, store_option
from .doctor import Finding, examine
from .output import json_option, note, print_facts, print_json, show_time
from .publication import publish
from .tables import print_table


@click.group(cls=Group, example="wssec store doctor")
def store() -> None:
    """The store: where revocations, published keys and tickets are."""


@store.command("ping", example="wssec store ping")
@store_option
@json_option
def ping(store: str | None, as_json: bool) -> None:
    """Ask the store for its generation; exit 1 where it does not answer or holds none.

    JSON: {url, generation, made_at, milliseconds}.
    """
    settings = read_settings("store", store=store)
    started_at = time.monotonic()
    facts = in_store(settings, _ask)
    _print({**facts, "milliseconds": round((time.monotonic() - started_at) * 1000, 1)}, as_json)


@store.command("migrate", example="wssec store migrate")
@yes_is_fine
@store_option
@keys_option
@json_option
def migrate(store: str | None, keys: str | None, as_json: bool) -> None:
    """Make the store and its generation where absent, bring its tables up to date, and publish the keys.

    A new generation ends every token that was issued before it, since nobody knows any more which of them were
    revoked. Keys are published where WSSEC_KEYS is set.

    JSON: {url, generation, made_at, made, published}.
    """
    settings = read_settings("store", optional=("keys", "keys_passphrase"), store=store, keys=keys)
    made = make_store(settings, now())
    published = settings.keys is not None and _published(settings)
    _print({**in_store(settings, _ask), "made": made, "published": published}, as_json)


@store.command("doctor", example="wssec store doctor --json")
@store_option
@keys_option
@json_option
def doctor(store: str | None, keys: str | None, as_json: bool) -> None:
    """Look at the store, at the key file where WSSEC_KEYS is set, and at whether they agree; exit 1 for a fault.

    JSON: {ok, checks: [{check, ok, found, remedy}]}; remedy is null where nothing is to be done.
    """
    settings = read_settings("store", optional=("keys", "keys_passphrase"), store=store, keys=keys)
    findings = examine(settings, now())
    is_well = all(finding.ok for finding in findings)
    if as_json:
        print_json({"ok": is_well, "checks": [_entry(finding) for finding in findings]})
    else:
        print_table(("check", "", "found", "remedy"), [_row(finding) for finding in findings])
    if not is_well:
        raise click.exceptions.Exit(FAILED)


@store.command("clock", example="wssec store clock --accept --yes")
@click.option("--accept", is_flag=True, help="The clock is right now, though it read later before.")
@yes_option
@store_option
@json_option
def clock(accept: bool, yes: bool, store: str | None, as_json: bool) -> None:
    """Show how far this machine's clock had come as its servers last kept it; exit 1 where it reads earlier now.

    A clock that goes back brings expired tokens to life, so servers let nobody new in until it is where it was. Where
    it was wrong before and is right now, --accept says so to this machine's servers, those that run and those that
    start.

    JSON: {now, mark, behind, accepted}; mark is null where none was kept, behind is in seconds.
    """
    settings = read_settings("store", store=store)
    at = now()
    if accept:
        confirm("Accept this clock? What expired since the time that it reads is good again for as long.", yes)
        in_store(settings, lambda opened: accept_clock(opened, at))
    mark = in_store(settings, _kept_mark)
    behind = max(0.0, mark - at) if mark is not None else 0.0
    facts = {"now": at, "mark": mark, "behind": round(behind, 1), "accepted": accept}
    if as_json:
        print_json(facts)
    else:
        print_facts(
            {**facts, "now": show_time(at), "mark": show_time(mark) or "none", "accepted": "yes" if accept else "no"}
        )
    if behind > Timeouts().clock_step:
        raise click.exceptions.Exit(FAILED)


async def _kept_mark(opened: Store) -> float | None:
    return max(await marks_of(opened, machine_name(), 0.0), default=None)


def _published(settings: Settings) -> bool:
    """Publish the keys; False, with a note, where the key file has yet to be made."""
    file = key_file(settings)
    if os.path.lexists(file.path):
        return publish(settings, file)
    note(f"{file.path} is not there yet, so no keys were published; `wssec keys generate` makes and publishes them")
    return False


async def _ask(opened: Store) -> dict[str, Any]:
    generation = await held_generation(opened)
    return {"url": opened.url, "generation": generation.id, "made_at": generation.made_at}


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    shown = {
        name.replace("_", " "): ("yes" if fact else "no") if isinstance(fact, bool) else fact
        for name, fact in facts.items()
    }
    print_facts({**shown, "made at": show_time(facts["made_at"])})


def _entry(finding: Finding) -> dict[str, Any]:
    return {"check": finding.check, "ok": finding.ok, "found": finding.found, "remedy": finding.remedy}


def _row(finding: Finding) -> tuple[str | None, ...]:
    return (finding.check, "ok" if finding.ok else "WRONG", finding.found, finding.remedy)
