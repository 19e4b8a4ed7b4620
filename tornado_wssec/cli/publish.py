"""`wssec publish`: say something in a channel from a shell, as `guard.publish` does in a server.

Rules of this file:
1. What is published passes what the declarations say, here as there; what does not is told by field, never by value.
2. What would reach nobody is refused: without Redis each server process hands out only what it publishes itself.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import click

from ..channels import Channels
from ..policy.broker import Broadcast
from ..policy.registry import Registry
from ..settings import Settings
from ..stores.base import Store
from ..stores.brokers import brings_publications, broker_of
from .commands import Command, Refused, WrongUsage
from .context import PATIENCE, in_store, read_settings, store_option
from .output import json_option, print_facts, print_json
from .programs import from_here
from .secrets_in import STANDARD_INPUT, read_bytes

DATA_BYTES: Final = 1024 * 1024
NODE: Final = "wssec"
EXAMPLE: Final = """
WSSEC_SCHEMAS=schemas.chat wssec publish room:a chat.posted '{"room": "a", "text": "hi", "author": "me"}' --check
"""


@click.command(cls=Command, example=EXAMPLE)
@click.argument("channel")
@click.argument("type")
@click.argument("data", default="{}", metavar="[DATA|-]")
@click.option("--check", is_flag=True, help="Only say whether it could be published; ask no store.")
@store_option
@json_option
def publish(channel: str, type: str, data: str, check: bool, store: str | None, as_json: bool) -> None:
    """Send a message to everyone who listens to a channel and may receive it, on every server of a Redis store.

    DATA is a JSON object, or - for standard input. What WSSEC_SCHEMAS declares decides whether it can be sent. With
    SQLite a server hands out only what it publishes itself: use `guard.publish` there.

    JSON: {channel, type, id, seq}; seq is null where nothing is kept, id too with --check.
    """
    settings = read_settings("schemas", optional=("store",), store=store)
    with from_here(", ".join(settings.schemas)):
        registry = Registry.scan(*settings.schemas)
    channels = Channels(registry, time.monotonic)
    broadcast = _prepared(channels, registry, channel, type, _object(data))
    seq = None if check else _published(settings, channels, broadcast)
    facts = {"channel": channel, "type": type, "id": None if check else broadcast.id, "seq": seq}
    if as_json:
        print_json(facts)
    else:
        print_facts({key: value for key, value in facts.items() if value is not None})


def _prepared(channels: Channels, registry: Registry, channel: str, type: str, data: Mapping[str, Any]) -> Broadcast:
    spec = registry.messages.get(type)
    if spec is None or spec.direction == "in":
        fault = "is declared for clients only" if spec else "is not declared"
        raise WrongUsage(f"{type} {fault}; `wssec schemas list` shows what the server may send")
    return channels.prepare(channel, spec.message, data)


def _object(text: str) -> dict[str, Any]:
    given = read_bytes(STANDARD_INPUT, DATA_BYTES, "the data") if text == STANDARD_INPUT else text
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        raise WrongUsage("the data is no JSON; quote it for the shell, or give it by standard input and -") from None
    if not isinstance(found, dict):
        raise WrongUsage('the data is no object; write it as in \'{"text": "hi"}\'')
    return found


def _published(settings: Settings, channels: Channels, broadcast: Broadcast) -> int | None:
    settings.require("store")
    if not brings_publications(None, settings.store):
        fault = "this store brings nothing from a shell to a server: only Redis does"
        raise Refused(f"{fault}; call guard.publish in the server, such as in a plain handler, or use a redis:// store")

    async def say(store: Store) -> int | None:
        channels.broker = broker_of(store, NODE, channels, timeouts=PATIENCE, wall=time.time)
        try:
            return await channels.hand_on(replace(broadcast, origin=NODE))
        finally:
            await channels.broker.stop()

    return in_store(settings, say)
