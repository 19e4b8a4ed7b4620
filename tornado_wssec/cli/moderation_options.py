"""What a change of a channel's moderation is made with, as options of the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce, wraps
from typing import Any

import click

from ..policy.moderation_entries import ensure_channel
from .asking import yes_is_fine
from .commands import WrongUsage
from .context import store_option
from .output import json_option
from .values import duration, name

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """In which channels something is changed, why, in which store, and how that is told."""

    channel: str
    reason: str
    store: str | None
    as_json: bool


def _channel(text: str) -> str:
    """A channel's name, or a pattern of names."""
    try:
        ensure_channel(text)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None
    return text


channel_argument = click.argument("channel", type=_channel)
span_option = click.option(
    "--for", "span", type=duration, metavar="SPAN", help="How long, such as 10m or 7d; until taken back otherwise."
)


def order_options(*own: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Add what every change takes, and hand it to the command as `order`.

    Args:
        own: what this one takes as well, behind the channel.
    """

    def add(command: Command) -> Command:
        @channel_argument
        @_all_of(*own)
        @click.option("--reason", default="", help="Why, for the audit; clients are never told.")
        @yes_is_fine
        @store_option
        @json_option
        @wraps(command)
        def gathered(channel: str, reason: str, store: str | None, as_json: bool, **others: Any) -> Any:
            return command(order=Order(channel=channel, reason=reason, store=store, as_json=as_json), **others)

        return gathered

    return add


def who_options(command: Command) -> Command:
    """Add what names one person or one address, and hand it to the command as `who`."""

    @click.argument("subject", type=name, required=False)
    @click.option("--subject", "named", type=name, metavar="U", help="The subject, if not given as an argument.")
    @click.option("--address", metavar="IP", help="Whoever comes from there; an IPv6 address stands for its /64.")
    @click.option("--issuer", help="Whose subject; that of any issuer otherwise.")
    @wraps(command)
    def gathered(subject: str | None, named: str | None, address: str | None, issuer: str | None, **others: Any) -> Any:
        if subject is not None and named is not None:
            raise WrongUsage("the subject is given twice; give it once")
        return command(who={"subject": subject or named, "address": address, "issuer": issuer}, **others)

    return gathered


def _all_of(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)
