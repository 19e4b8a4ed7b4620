"""Channels and their moderation as a person asks for them: what is declared, and what is in force."""

from collections.abc import Mapping
from typing import Any, Final

import click

from ..policy.broker import Broadcast, Present
from ..policy.moderation import ModerationIndex
from ..policy.moderation_entries import Moderation
from ..policy.registry import ChannelSpec
from ..stores.base import Store
from ..stores.brokers import broker_of
from ..stores.redis_broker import RedisBroker
from .context import PATIENCE, now
from .output import print_json, show_time
from .revocation_log import read_log
from .tables import print_table

Listeners = Mapping[str, Mapping[str, int]]
"""Channel → server → connections."""

DECLARED_TITLES: Final = ("channel", "subscribe", "publish", "bind", "kept", "presence")
LISTENING_TITLES: Final = ("channel", "listened to at", "connections")
MODERATED_TITLES: Final = ("channel", "measure", "who", "issuer", "until", "since", "reason")


async def read_moderation(store: Store) -> ModerationIndex:
    """What is in force, as servers hold it in memory."""
    index = ModerationIndex()
    async for entry in read_log(store):
        if isinstance(entry.body, Moderation):
            index.apply(entry.body, now())
    return index


async def read_listeners(store: Store) -> Listeners | None:
    """How many connections listen to each channel at each server; None: this store is not told."""
    broker = broker_of(store, "wssec", _Nobody(), timeouts=PATIENCE, wall=now)
    try:
        return await broker.listeners() if isinstance(broker, RedisBroker) else None
    finally:
        await broker.stop()


class _Nobody:
    """Hears nothing: a command only asks."""

    def deliver(self, broadcast: Broadcast) -> None:
        """Nothing is wanted."""

    def gap(self, channel: str) -> None:
        """Nothing is missed."""

    def moved(self, channel: str, who: Present, is_here: bool) -> None:
        """Nobody is told."""


def print_channels(
    declared: tuple[ChannelSpec, ...], measures: list[Moderation], listeners: Listeners | None, as_json: bool
) -> None:
    """Print what is declared, who listens where, and what is in force."""
    rows = [(channel, node, count) for channel, at in sorted((listeners or {}).items()) for node, count in at.items()]
    if as_json:
        listening = [dict(zip(("channel", "node", "connections"), row, strict=True)) for row in rows]
        facts = {"channels": [_terms(spec) for spec in declared], "moderation": [describe(one) for one in measures]}
        print_json({**facts, "listening": None if listeners is None else listening})
        return
    if declared:
        print_table(DECLARED_TITLES, [_declared_row(spec) for spec in declared])
        click.echo()
    if rows:
        print_table(LISTENING_TITLES, rows)
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
