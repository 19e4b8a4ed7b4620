"""Channels and their moderation as a person asks for them: what is declared, and what is in force."""

from typing import Any, Final

import click

from ..policy.moderation import ModerationIndex
from ..policy.moderation_entries import Moderation
from ..policy.registry import ChannelSpec
from ..stores.base import Store
from .context import now
from .output import print_json, print_table, show_time
from .revocation_log import read_log

DECLARED_TITLES: Final = ("channel", "subscribe", "publish", "bind", "kept", "presence")
MODERATED_TITLES: Final = ("channel", "measure", "who", "issuer", "until", "since", "reason")


async def read_moderation(store: Store) -> ModerationIndex:
    """What is in force, as servers hold it in memory."""
    index = ModerationIndex()
    async for entry in read_log(store):
        if isinstance(entry.body, Moderation):
            index.apply(entry.body, now())
    return index


def print_channels(declared: tuple[ChannelSpec, ...], measures: list[Moderation], as_json: bool) -> None:
    """Print what is declared, and what is in force."""
    if as_json:
        print_json({"channels": [_terms(spec) for spec in declared], "moderation": [describe(one) for one in measures]})
        return
    if declared:
        print_table(DECLARED_TITLES, [_declared_row(spec) for spec in declared])
        click.echo()
    print_table(MODERATED_TITLES, [_moderated_row(one) for one in measures])


def _terms(spec: ChannelSpec) -> dict[str, Any]:
    return {
        "pattern": spec.pattern.text,
        "subscribe": spec.subscribe.text,
        "publish": spec.publish.text if spec.publish else None,
        "accepts": None if spec.accepts is None else sorted(spec.accepts),
        "bind": dict(spec.bind),
        "rates": [{"count": rate.count, "seconds": rate.seconds} for rate in spec.rates],
        "subscribers": spec.subscribers,
        "subscriptions": spec.subscriptions,
        "history": spec.history,
        "ttl": spec.ttl if spec.history else None,
        "presence": spec.presence,
    }


def _declared_row(spec: ChannelSpec) -> tuple[object, ...]:
    bind = ", ".join(f"{segment}={claim}" for segment, claim in spec.bind.items())
    kept = f"{spec.history} for {spec.ttl:g}s" if spec.history else None
    publish = spec.publish.text if spec.publish else None
    return (spec.pattern.text, spec.subscribe.text, publish, bind or None, kept, "yes" if spec.presence else None)


def describe(body: Moderation) -> dict[str, Any]:
    """A measure for programs; times are Unix seconds."""
    names = ("id", "channel", "measure", "subject", "issuer", "address", "seconds", "at", "until", "reason")
    return {name: getattr(body, name) for name in names}


def _moderated_row(body: Moderation) -> tuple[object, ...]:
    measure = f"{body.measure} {body.seconds:g}s" if body.seconds else body.measure
    who, times = body.subject or body.address, (show_time(body.until), show_time(body.at))
    return (body.channel, measure, who, body.issuer, *times, body.reason or None)
