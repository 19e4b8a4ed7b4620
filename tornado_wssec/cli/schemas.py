"""`wssec schemas`: what an application's messages and channels declare, and what is wrong with them."""

from collections.abc import Sequence
from typing import Any, Final

import click

from ..policy.registry import ChannelSpec, MessageSpec, Registry
from .commands import FAILED, Group
from .context import read_settings
from .output import json_option, print_json, print_problems, print_table
from .programs import from_here

MESSAGE_TITLES: Final = ("type", "direction", "permission", "rate", "max bytes", "what")
CHANNEL_TITLES: Final = ("channel", "subscribe", "publish")

_modules_argument = click.argument("modules", metavar="[MODULE...]", nargs=-1)


@click.group(cls=Group, example="wssec schemas check schemas.chat")
def schemas() -> None:
    """Declared messages and channels. MODULE is imported from the current directory; WSSEC_SCHEMAS otherwise."""


@schemas.command("list", example="wssec schemas list schemas.chat --json")
@_modules_argument
@json_option
def list_schemas(modules: Sequence[str], as_json: bool) -> None:
    """List the messages and channels.

    JSON: {messages: [{type, direction, permission, rates: [{count, seconds}], max_bytes, bind, cost, signed,
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
@json_option
def check_schemas(modules: Sequence[str], as_json: bool) -> None:
    """Print everything that keeps the declarations from starting, with the remedy; exit 1 where there is any.

    JSON: {ok, problems: [{where, fault, remedy}], files}.
    """
    registry = _scanned(modules)
    problems = registry.problems()
    if as_json:
        found = [{"where": one.where, "fault": one.fault, "remedy": one.remedy} for one in problems]
        print_json({"ok": not problems, "problems": found, "files": list(registry.files)})
    elif problems:
        print_problems(problems)
    else:
        click.echo(f"{len(registry.messages)} messages and {len(registry.channels)} channels, nothing wrong")
    if problems:
        raise click.exceptions.Exit(FAILED)


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
        "what": _first_line(spec.message.__doc__),
    }


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _row(spec: MessageSpec) -> tuple[object, ...]:
    rates = ", ".join(f"{rate.count:g}/{rate.seconds:g}s" for rate in spec.rates)
    told = _message(spec)
    return (spec.type, spec.direction, told["permission"], rates or None, spec.max_bytes, told["what"])


def _channel(spec: ChannelSpec) -> dict[str, Any]:
    return {
        "pattern": spec.pattern.text,
        "subscribe": spec.subscribe.text,
        "publish": spec.publish.text if spec.publish else None,
    }
