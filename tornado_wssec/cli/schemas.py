"""`wssec schemas`: what an application's messages and channels declare, and what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from ..errors import Problem
from ..exports.comparison import Change
from ..policy.registry import ChannelSpec, MessageSpec, Registry
from .commands import FAILED, Group, WrongUsage, told_as
from .context import read_settings
from .output import json_option, print_json, print_problems
from .programs import from_here
from .schema_exports import FORMATS, changes_since, envelope_of, print_changes, write_export
from .tables import print_table

MESSAGE_TITLES: Final = ("type", "direction", "permission", "rate", "max bytes", "path", "what")
CHANNEL_TITLES: Final = ("channel", "subscribe", "publish")

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_modules_argument = click.argument("modules", metavar="[MODULE...]", nargs=-1)


@click.group(cls=Group, example="wssec schemas check schemas.chat")
def schemas() -> None:
    """Declared messages and channels. MODULE is imported from the current directory; WSSEC_SCHEMAS otherwise."""


@schemas.command("list", example="wssec schemas list schemas.chat --json")
@_modules_argument
@json_option
def list_schemas(modules: Sequence[str], as_json: bool) -> None:
    """List the messages and channels.

    The path is how its data is checked: `typed` and `compiled` by what was written for the schema at the start,
    `marshmallow` by that alone, always with the same outcome.

    JSON: {messages: [{type, direction, permission, rates: [{count, seconds}], max_bytes, bind, cost, signed, path,
    what}], channels: [{pattern, subscribe, publish}], files}.
    """
    registry = _scanned(modules)
    if as_json:
        messages = [_message(spec) for spec in registry.messages.values()]
        channels = [_channel(spec) for spec in registry.channels]
        print_json({"messages": messages, "channels": channels, "files": list(registry.files)})
        return
    print_table(MESSAGE_TITLES, [_row(spec) for spec in registry.messages.values()])
    if registry.channels:
        click.echo()
        print_table(CHANNEL_TITLES, [tuple(_channel(spec).values()) for spec in registry.channels])


@schemas.command("check", example="wssec schemas check schemas.chat")
@_modules_argument
@click.option("--against", type=_FILE, metavar="FILE", help="Compare with this export (json-schema) of an earlier day.")
@json_option
def check_schemas(modules: Sequence[str], against: Path | None, as_json: bool) -> None:
    """Print everything that keeps the declarations from starting, with the remedy; exit 1 where there is any.

    With --against, also what has changed since the export was made; exit 1 where a change breaks clients.

    JSON: {ok, problems: [{where, fault, remedy}], files}, and with --against changes: [{where, what, breaking}].
    """
    registry = _scanned(modules)
    problems = registry.problems()
    changes = None if against is None else changes_since(against, registry)
    is_fine = not problems and not any([change.is_breaking for change in changes or ()])
    if as_json:
        print_json(_told(is_fine, registry, problems, changes))
    elif problems:
        print_problems(problems)
    else:
        click.echo(f"{len(registry.messages)} messages and {len(registry.channels)} channels, nothing wrong")
    if changes is not None and not as_json:
        print_changes(changes)
    if not is_fine:
        raise click.exceptions.Exit(FAILED)


@schemas.command("export", example="wssec schemas export schemas.chat --format typescript -o chat.ts")
@_modules_argument
@click.option("--format", type=click.Choice(tuple(FORMATS)), required=True, help="What to write.")
@click.option("--flat", metavar="KEY", help="For endpoints with a flat envelope: the key that names the type.")
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Where to write it; standard output otherwise.")
def export_schemas(modules: Sequence[str], format: str, flat: str | None, output: Path | None) -> None:
    """Write the contract of the messages for clients: the same declarations give the same text.

    json-schema is JSON Schema 2020-12, asyncapi is AsyncAPI 3, typescript has a union for each direction, and python
    has TypedDicts by which mypy knows what is in `data`.
    """
    with told_as(WrongUsage):
        envelope = envelope_of(flat)
    write_export(_scanned(modules), format, output, envelope)


def _told(
    is_fine: bool, registry: Registry, problems: Sequence[Problem], changes: Sequence[Change] | None
) -> dict[str, Any]:
    found = [{"where": one.where, "fault": one.fault, "remedy": one.remedy} for one in problems]
    told = {"ok": is_fine, "problems": found, "files": list(registry.files)}
    if changes is None:
        return told
    return {**told, "changes": [{"where": o.where, "what": o.what, "breaking": o.is_breaking} for o in changes]}


def _scanned(modules: Sequence[str]) -> Registry:
    names = tuple(modules) or read_settings("schemas").schemas
    with from_here(", ".join(names)):
        return Registry.scan(*names)


def _message(spec: MessageSpec) -> dict[str, Any]:
    return {
        "type": spec.type,
        "direction": spec.direction,
        "permission": spec.permission.text if spec.permission else None,
        "rates": [{"count": rate.count, "seconds": rate.seconds} for rate in spec.rates],
        "max_bytes": spec.max_bytes,
        "bind": dict(spec.bind),
        "cost": spec.cost,
        "signed": spec.signed,
        "path": spec.path,
        "what": _first_line(spec.message.__doc__),
    }


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _row(spec: MessageSpec) -> tuple[object, ...]:
    rates = ", ".join(f"{rate.count:g}/{rate.seconds:g}s" for rate in spec.rates)
    told = _message(spec)
    return (spec.type, spec.direction, told["permission"], rates or None, spec.max_bytes, spec.path, told["what"])


def _channel(spec: ChannelSpec) -> dict[str, Any]:
    return {
        "pattern": spec.pattern.text,
        "subscribe": spec.subscribe.text,
        "publish": spec.publish.text if spec.publish else None,
    }
