"""`wssec connect`: speak to a socket from a terminal.

Rules of this file:
1. A credential comes by file or standard input, and is shown over TLS or to this machine alone.
2. What the server says cannot move the cursor.
3. Lines that were typed are remembered until the command ends, and nowhere else: they may hold anything.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import click

from ..client import Client, State, Stopped, api_key, bearer, ticket
from ..client.credentials import Credential
from .commands import Command, Refused, WrongUsage, told_as
from .output import json_option, note
from .schema_exports import envelope_of
from .secrets_in import STANDARD_INPUT, read_line
from .spoken import Screen
from .talking import Talk
from .typed import lines_of

Way = Callable[[Callable[[], str]], Credential]
CREDENTIAL_BYTES: Final = 8 * 1024
EXAMPLE: Final = "wssec token issue --subject ann | wssec connect wss://app.example.com/ws/chat --token - --check"
FIRST_SECONDS: Final = 15.0
"""Until a first connection that nobody grants is given up: a script must not hang where no server is."""


@click.command("connect", cls=Command, example=EXAMPLE, as_root=True)
@click.argument("url")
@click.option("--token", metavar="FILE", help="Show the access token in this file, or - for standard input.")
@click.option("--ticket", metavar="FILE", help="Show the ticket in this file, or -. It opens one connection.")
@click.option("--api-key", metavar="FILE", help="Show the API key in this file, or -.")
@click.option("--origin", help="Come as a page of this origin does; without it, as a program.")
@click.option("--flat", metavar="KEY", help="For an endpoint with a flat envelope: the key that names the type.")
@click.option("--channel", "channels", multiple=True, help="Listen to this channel. Repeat it for several.")
@click.option(
    "--follow", is_flag=True, help="Go on: try until there is a server, and listen when standard input has ended."
)
@click.option("--insecure", is_flag=True, help="Allow ws:// to another machine.")
@click.option("--check", is_flag=True, help="Only say whether these can be used; connect to nothing.")
@json_option
def connect(url: str, origin: str | None, channels: tuple[str, ...], insecure: bool, check: bool, **given: Any) -> None:
    """Connect to URL, send what is typed, and show what comes, until Ctrl-D.

    A line is a type and its data, as in: chat.send {"room": "a", "text": "hi"}. /listen CHANNEL, /leave CHANNEL
    and /quit are for this command. A file of lines may come by standard input: each is answered before the next
    is sent. It reconnects as the server's close code asks.

    JSON: one line each: {type, id, data, channel, seq}, as they came; exit 1 where one was refused.
    """
    credential = _credential(given["token"], given["ticket"], given["api_key"])
    screen = Screen(as_json=given["as_json"])
    headers = {"Origin": origin} if origin else {}
    with told_as(WrongUsage):
        envelope, tell = envelope_of(given["flat"]), _telling(screen)
        client = Client(
            url, credential=credential, envelope=envelope, on_state=tell, insecure=insecure, headers=headers
        )
    if check:
        return note(f"{client.url.partition('?')[0]} can be asked")
    try:
        refused = asyncio.run(_talk(client, screen, channels, follow=given["follow"]))
    except KeyboardInterrupt:
        return click.echo(err=True)
    except Stopped as stopped:
        raise Refused(f"the connection has stopped: {stopped}; docs/clients.md says what each reason means") from None
    if refused:
        raise Refused(f"{refused} messages were refused")


async def _talk(client: Client, screen: Screen, channels: tuple[str, ...], *, follow: bool) -> int:
    """How many messages were refused."""
    talk = Talk(client, screen)
    try:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(None if follow else FIRST_SECONDS):
                await stack.enter_async_context(client)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            hearing = group.create_task(talk.hear())
            for channel in channels:
                await talk.obey(f"/listen {channel}")
            await _obey_lines(talk, screen)
            if not follow:
                hearing.cancel()
    except TimeoutError:
        raise Refused(f"there was no connection in {FIRST_SECONDS:g} s; --follow goes on trying") from None
    except ExceptionGroup as group_of_one:
        raise group_of_one.exceptions[0] from None
    return talk.refused


async def _obey_lines(talk: Talk, screen: Screen) -> None:
    async for line in lines_of(screen):
        if not await talk.obey(line):
            return


def _telling(screen: Screen) -> Callable[[State], None]:
    return lambda state: None if state.name == "connecting" else screen.tell_state(state)


def _credential(token: str | None, one_ticket: str | None, key: str | None) -> Credential | None:
    """What the one option that was given names; a file is read again for every attempt."""
    named = [(make, path, what) for make, path, what in _ways(token, one_ticket, key) if path is not None]
    if len(named) > 1:
        raise WrongUsage("one connection shows one credential; give --token, --ticket or --api-key")
    if not named:
        return None
    make, path, what = named[0]
    first = read_line(path, CREDENTIAL_BYTES, what)
    return make(lambda: first if path == STANDARD_INPUT else read_line(path, CREDENTIAL_BYTES, what))


def _ways(token: str | None, one_ticket: str | None, key: str | None) -> tuple[tuple[Way, str | None, str], ...]:
    return (bearer, token, "the token"), (ticket, one_ticket, "the ticket"), (api_key, key, "the API key")
