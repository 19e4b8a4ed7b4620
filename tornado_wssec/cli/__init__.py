"""`wssec`: keys, tokens, tickets, revocations, live sessions and the store, from a terminal.

Nouns then verbs; one module a noun. Tables for people, `--json` for programs. `main` is a click
group, so that `click.testing.CliRunner` can run it.
"""

from importlib import metadata

import click

from .apikeys import apikeys
from .audit import audit
from .channels import channels
from .check import check
from .commands import PROGRAM, Root
from .completion import completion
from .connect import connect
from .init import init
from .keys import keys
from .publish import publish
from .revocations import revocations
from .revoke import revoke
from .schemas import schemas
from .sessions import sessions
from .store import store
from .ticket import ticket
from .token import token
from .top import top

__all__ = ["main"]


def _print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version of the installed package; a tree that was never installed has none."""
    if not asked or ctx.resilient_parsing:
        return
    try:
        version = metadata.version("tornado-wssec")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"{PROGRAM} {version}")
    ctx.exit()


@click.group(cls=Root, example="wssec init chat")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Keys, tokens, tickets, revocations and sessions of tornado_wssec servers.

    Server and command read the same WSSEC_* environment; `wssec init` writes one. Exit codes: 0 done,
    1 failed, 2 wrong usage.
    """


for noun in (
    init,
    keys,
    token,
    ticket,
    revoke,
    revocations,
    sessions,
    channels,
    publish,
    connect,
    apikeys,
    top,
    schemas,
    store,
    audit,
    check,
    completion,
):
    main.add_command(noun)
