"""`wssec channels`: what channels there are, and who is muted, banned, removed or slowed down in them.

Rules of this file:
1. What is decided reaches every server within a second, and every one that starts later.
2. It is done when the store says that a crash cannot take it back; else the command says so and exits 1.
3. It does not ask, since it can be taken back and may be urgent.
"""

from collections.abc import Awaitable
from functools import partial
from typing import Any

import click

from ..errors import NotAcknowledged
from ..policy.channels import is_channel_name
from ..policy.moderation_entries import Measure, make_lift, make_moderation
from ..policy.notices import make_notice
from ..policy.registry import Registry
from ..policy.revocation_entries import Body, NoticeKind
from ..settings import Settings
from ..stores.base import Store
from .commands import FAILED, Group, Refused, WrongUsage, told_as
from .context import in_store, now, read_settings, store_option
from .moderated import describe, print_channels, read_listeners, read_moderation
from .moderation_options import Order, channel_argument, order_options, span_option, who_options
from .output import error, json_option, print_facts, print_json, show_time
from .programs import from_here
from .revoke import NOT_ACKNOWLEDGED
from .values import duration, name


def _seconds(text: str) -> float:
    """A span for slow mode; `0` and `off` take it back."""
    return 0.0 if text == "off" else duration(text)


@click.group(cls=Group, example="wssec channels mute room:lobby u42 --for 10m")
def channels() -> None:
    """Channels: what is declared, and moderation on all servers of a store.

    CHANNEL is a name, or a pattern as in a grant, such as "room:*" or "tenant:acme:**".
    """


@channels.command("list", example="wssec channels list --json")
@store_option
@json_option
def list_channels(store: str | None, as_json: bool) -> None:
    """Show the channels that WSSEC_SCHEMAS declares, where that is set, and every measure that is in force.

    JSON: {channels: [{pattern, subscribe, publish, accepts, bind, rates: [{count, seconds}], subscribers,
    subscriptions, history, ttl, presence}], moderation: [{id, channel, measure, subject, issuer, address, seconds, at,
    until, reason}], listening: [{channel, node, connections}]}; times are Unix seconds or null. Who listens where is
    known of Redis stores, a second old; null otherwise.
    """
    settings = read_settings("store", optional=("schemas",), store=store)
    registry, index = _declared(settings), in_store(settings, read_moderation)
    listeners = in_store(settings, read_listeners)
    print_channels(registry.channels if registry else (), index.in_force(now()), listeners, as_json)


@channels.command("show", example="wssec channels show room:lobby")
@channel_argument
@store_option
@json_option
def show(channel: str, store: str | None, as_json: bool) -> None:
    """Show what is declared of one channel, and the measures in force there; exit 1 where it is not declared.

    JSON: as in `channels list`.
    """
    if not is_channel_name(channel):
        raise WrongUsage("this is a pattern; give the name of one channel, or see `wssec channels list`")
    settings = read_settings("store", optional=("schemas",), store=store)
    registry = _declared(settings)
    found = None if registry is None else registry.channel(channel)
    if registry is not None and found is None:
        raise Refused(f"no declared channel has the name {channel}; `wssec channels list` shows their patterns")
    listeners = in_store(settings, read_listeners)
    here = None if listeners is None else {name: at for name, at in listeners.items() if name == channel}
    measures = in_store(settings, read_moderation).covering(channel, now())
    print_channels(() if found is None else (found[0],), measures, here, as_json)


@channels.command("mute", example="wssec channels mute room:lobby u42 --for 10m --reason spam")
@order_options(who_options, span_option)
def mute(order: Order, span: float | None, who: dict[str, Any]) -> None:
    """Let a subject or an address listen to a channel, and publish nothing there.

    JSON: the entry, as in `channels list`, and acknowledged.
    """
    _impose(Measure.MUTE, order, duration=span, **who)


@channels.command("unmute", example="wssec channels unmute room:lobby u42")
@order_options(who_options)
def unmute(order: Order, who: dict[str, Any]) -> None:
    """Take a mute back, named as it was made; exit 1 where there is none.

    JSON: as of `channels mute`.
    """
    _lift(Measure.MUTE, order, **who)


@channels.command("ban", example="wssec channels ban 'room:*' --address 192.0.2.7 --for 7d")
@order_options(who_options, span_option)
def ban(order: Order, span: float | None, who: dict[str, Any]) -> None:
    """Keep a subject or an address out of a channel: who listens is unsubscribed, and can neither return nor publish.

    JSON: as of `channels mute`.
    """
    _impose(Measure.BAN, order, duration=span, **who)


@channels.command("unban", example="wssec channels unban 'room:*' --address 192.0.2.7")
@order_options(who_options)
def unban(order: Order, who: dict[str, Any]) -> None:
    """Take a ban back, named as it was made; exit 1 where there is none. Nobody is subscribed again by it.

    JSON: as of `channels mute`.
    """
    _lift(Measure.BAN, order, **who)


@channels.command("slow", example="wssec channels slow room:lobby 30s --for 1h")
@order_options(click.argument("seconds", type=_seconds, metavar="SPAN|off"), span_option)
def slow(order: Order, seconds: float, span: float | None) -> None:
    """Let everybody publish once in so long in a channel, on each server; off takes it back.

    JSON: as of `channels mute`.
    """
    if seconds:
        _impose(Measure.SLOW, order, duration=span, seconds=seconds)
    else:
        _lift(Measure.SLOW, order, seconds=1.0)


@channels.command("kick", example="wssec channels kick room:lobby u42")
@order_options(
    click.argument("subject", type=name, required=False),
    click.option("--session", type=name, metavar="SID", help="Only of this session."),
    click.option("--tenant", type=name, metavar="T", help="Only of this tenant."),
    click.option("--issuer", help="Only of this issuer; of any otherwise."),
)
def kick(order: Order, **meant: str | None) -> None:
    """Unsubscribe a subject, a session or a tenant from a channel, once; they may come back.

    JSON: {id, channel, acknowledged}.
    """
    settings = read_settings("store", store=order.store)
    with told_as(WrongUsage):
        notice = make_notice(NoticeKind.REMOVE, now(), channel=order.channel, reason=order.reason, **meant)
    _report({"id": notice.id, "channel": order.channel}, _append(settings, notice), order)


def _impose(measure: Measure, order: Order, **given: Any) -> None:
    settings = read_settings("store", store=order.store)
    given["reason"] = order.reason
    with told_as(WrongUsage):
        first = make_moderation(measure, order.channel, now(), **given)
    known = in_store(settings, read_moderation).last(first.place)
    body = first if known is None else make_moderation(measure, order.channel, now(), known=known, **given)
    _report(describe(body), _append(settings, body), order)


def _lift(measure: Measure, order: Order, **given: Any) -> None:
    settings = read_settings("store", store=order.store)
    with told_as(WrongUsage):
        place = make_moderation(measure, order.channel, now(), **given).place
    known = in_store(settings, read_moderation).held(place, now())
    if known is None:
        remedy = "`wssec channels list` shows what is in force, and how it was named"
        raise Refused(f"there is no such {measure} to take back in {order.channel}; {remedy}")
    body = make_lift(known, now(), order.reason)
    _report(describe(body), _append(settings, body), order)


def _append(settings: Settings, body: Body) -> bool:
    """Put it into the log; False where it may be lost."""
    try:
        in_store(settings, partial(_put, body))
    except NotAcknowledged:
        return False
    return True


def _put(body: Body, store: Store) -> Awaitable[object]:
    return store.append(body)


def _report(facts: dict[str, Any], is_safe: bool, order: Order) -> None:
    if order.as_json:
        print_json({**facts, "acknowledged": is_safe})
    else:
        times: dict[str, Any] = {key: show_time(facts[key]) for key in ("at", "until") if key in facts}
        shown = {key: value for key, value in {**facts, **times}.items() if value not in (None, "", 0.0)}
        print_facts({**shown, "acknowledged": "yes" if is_safe else "no"})
    if not is_safe:
        error(NOT_ACKNOWLEDGED)
        raise click.exceptions.Exit(FAILED)


def _declared(settings: Settings) -> Registry | None:
    """What the modules of WSSEC_SCHEMAS declare; None where that is not set."""
    if not settings.schemas:
        return None
    with from_here(", ".join(settings.schemas)):
        return Registry.scan(*settings.schemas)
