"""`wssec audit`: what the servers and the commands have recorded, and whether anybody has touched it."""

import json
import re
import time
from pathlib import Path
from typing import Any, Final

import click

from ..settings import Limits, Timeouts
from ..telemetry.anomaly_alerts import Alert
from ..telemetry.anomaly_replay import alerts_of
from ..telemetry.audit_chain import Head
from ..telemetry.audit_reading import Follower, events
from ..telemetry.audit_verdict import ChainVerdict, judged
from ..telemetry.pseudonyms import Pseudonyms
from .commands import FAILED, Group, Refused
from .context import read_settings
from .output import error, json_option, note, print_json, printable, show_time
from .tables import print_table
from .values import moment

HEAD: Final = re.compile(r"([a-z0-9-]{1,64}):(\d{1,15}):([0-9a-f]{64})").fullmatch
OUR_OWN: Final = frozenset({"v", "at", "event", "chain", "seq", "hash"})
"""What every line has; the rest are facts of its event."""
LOOK_SECONDS: Final = 0.3

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the audit; WSSEC_AUDIT otherwise."
)
event_option = click.option(
    "--event",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only events of this name, or `handshake.` for a group; may be repeated.",
)
subject_option = click.option("--subject", metavar="U", help="Only of this subject.")
session_option = click.option("--session", metavar="SID", help="Only of this session.")
address_option = click.option("--address", metavar="IP", help="Only from this address.")


def head_of(text: str) -> tuple[str, Head]:
    """A chain and one of its lines, from `CHAIN:SEQ:HASH` as the log tells it."""
    match = HEAD(text)
    if match is None:
        raise click.BadParameter(
            f"{text!r} is no head; write it as CHAIN:SEQ:HASH, with what the log says of the chain"
        )
    return match[1], Head(int(match[2]), match[3])


@click.group(cls=Group, example="wssec audit verify")
def audit() -> None:
    """The evidence that servers and commands leave in the folder WSSEC_AUDIT: look, search, prove that it is whole."""


@audit.command("tail", example="wssec audit tail --lines 20")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 100_000), default=20, show_default=True, help="How many to begin with."
)
@click.option("-f", "--follow", "goes_on", is_flag=True, help="Go on with what comes, until interrupted.")
@event_option
@folder_option
@json_option
def tail(lines: int, goes_on: bool, names: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Show the newest events of all chains.

    JSON: one object a line, as in `audit query`.
    """
    follower = Follower(_folder(folder))
    found = [event for event in follower.look() if _is_named(event, names)]
    _print_lines(found[max(len(found) - lines, 0) :], as_json)
    while goes_on:
        time.sleep(LOOK_SECONDS)
        _print_lines([event for event in follower.look() if _is_named(event, names)], as_json)


@audit.command("query", example="wssec audit query --event handshake.refused --since 2026-01-31T08:00:00Z --limit 50")
@event_option
@subject_option
@session_option
@address_option
@click.option("--since", type=moment, metavar="T", help="Not before: ISO 8601 or Unix seconds.")
@click.option("--until", type=moment, metavar="T", help="Not after.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True, help="The newest so many."
)
@folder_option
@json_option
def query(
    names: tuple[str, ...],
    since: float | None,
    until: float | None,
    limit: int,
    folder: Path | None,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Find events, the oldest first.

    Where people have pseudonyms in the audit, `--subject` takes one of these; or the name, with WSSEC_AUDIT_PSEUDONYMS
    as the servers have it.

    JSON: one object a line: {v, at, event, chain, seq, hash} and the facts of the event; `at` in Unix seconds.
    """
    asked = {key: value for key, value in wanted.items() if value is not None}
    subject = asked.pop("subject", None)
    pseudonyms = _pseudonyms()
    found = [
        event
        for event in events(_folder(folder))
        if _is_named(event, names)
        and all(event.get(key) == value for key, value in asked.items())
        and (subject is None or _is_of(event, subject, pseudonyms))
        and (since is None or event["at"] >= since)
        and (until is None or event["at"] <= until)
    ]
    if len(found) > limit:
        note(f"{len(found)} events match; these are the newest {limit}, and --limit takes more")
    _print_lines(found[-limit:], as_json)


@audit.command("verify", example="wssec audit verify --json")
@click.option(
    "--head",
    "heads",
    type=head_of,
    multiple=True,
    metavar="CHAIN:SEQ:HASH",
    help="A line that was told elsewhere; may be repeated.",
)
@folder_option
@json_option
def verify(heads: tuple[tuple[str, Head], ...], folder: Path | None, as_json: bool) -> None:
    """Prove that no line was changed, removed, added or moved; exit 1 where one was.

    A chain belongs to one process. It is `ended`, `live`, `crashed` (its process was killed; a later one has seen how
    far it came), or the commands' own, `shared`. JSON: [{chain, state, lines, seq, hash, faults, notes}].
    """
    place = _folder(folder)
    verdicts = judged(place, heads)
    if as_json:
        print_json([_described(verdict) for verdict in verdicts])
    else:
        print_table(
            ["chain", "state", "lines", "faults"], [[v.name, v.state, v.lines, len(v.faults)] for v in verdicts]
        )
        for verdict in verdicts:
            for told in verdict.notes:
                note(f"{verdict.name}: {told}")
            for told in verdict.faults:
                error(f"{verdict.name}: {told}")
    if any(verdict.faults for verdict in verdicts):
        raise click.exceptions.Exit(FAILED)


@audit.command("replay", example="wssec audit replay --since 2026-01-31T08:00:00Z")
@click.option("--since", type=moment, metavar="T", help="Tell of none before; what is usual is learned all the same.")
@folder_option
@json_option
def replay(since: float | None, folder: Path | None, as_json: bool) -> None:
    """Judge what was recorded: which alerts a server with the default limits would have raised.

    The whole folder is read, so that it is learned what is usual; the lines of several servers count together. JSON:
    [{id, kind, is_abuse, what, unit, subject, issuer, address, value, usual, band, since, ended_at}] and the evidence.
    """
    found: dict[str, Alert] = {}
    for alert in alerts_of(events(_folder(folder)), Limits(), Timeouts()):
        found[alert.id] = alert
    told = [alert for alert in found.values() if since is None or alert.since >= since]
    if as_json:
        print_json([alert.facts() for alert in told])
        return
    titles = ["since", "until", "kind", "whom", "value", "usual", "up to", "unit"]
    print_table(titles, [_row_of(alert) for alert in told])


def _row_of(alert: Alert) -> list[object]:
    numbers = [f"{number:.0f}" for number in (alert.value, alert.usual, alert.band)]
    times = show_time(alert.since), show_time(alert.ended_at)
    return [*times, alert.kind, alert.whom, *numbers, alert.about.unit]


def _described(verdict: ChainVerdict) -> dict[str, Any]:
    return {
        "chain": verdict.name,
        "state": verdict.state,
        "lines": verdict.lines,
        "seq": verdict.head.seq,
        "hash": verdict.head.hash,
        "faults": verdict.faults,
        "notes": verdict.notes,
    }


def _folder(folder: Path | None) -> Path:
    named = folder or read_settings("audit").audit
    place = Path(named or "")
    if not place.is_dir():
        raise Refused(f"{place} is no folder; WSSEC_AUDIT, or --folder, names the one that the servers write to")
    return place


def _is_named(event: dict[str, Any], names: tuple[str, ...]) -> bool:
    name = event.get("event")
    return not names or any(name == one or (one.endswith(".") and str(name).startswith(one)) for one in names)


def _pseudonyms() -> Pseudonyms | None:
    settings = read_settings(optional=("audit_pseudonyms", "issuer"))
    return None if settings.audit_pseudonyms is None else Pseudonyms(settings.audit_pseudonyms, settings.issuer)


def _is_of(event: dict[str, Any], subject: str, pseudonyms: Pseudonyms | None) -> bool:
    """Whether somebody has done it, or is named in it, openly or by his pseudonym."""
    if event.get("subject") == subject:
        return True
    return pseudonyms is not None and event.get("subject") == pseudonyms.of(subject, event.get("issuer"))


def _print_lines(found: list[dict[str, Any]], as_json: bool) -> None:
    for event in found:
        if as_json:
            click.echo(json.dumps(event))
        else:
            facts = " ".join(f"{name}={value}" for name, value in event.items() if name not in OUR_OWN)
            click.echo(printable(f"{show_time(event['at'])}  {event.get('event')!s:<24}  {facts}"))
