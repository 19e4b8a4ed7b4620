"""`wssec`: keys, tokens, tickets, revocations and the store, from a terminal.

Nouns then verbs; one module a noun. Tables for people, `--json` for programs. `main` is a click
group, so that `click.testing.CliRunner` can run it.
"""

import click

from .check import check
from .commands import PROGRAM, Root
from .completion import completion
from .init import init
from .keys import keys
from .revocations import revocations
from .revoke import revoke
from .schemas import schemas
from .store import store
from .ticket import ticket
from .token import token

__all__ = ["main"]


@click.group(cls=Root, example="wssec init chat")
@click.version_option(package_name="tornado-wssec", prog_name=PROGRAM, message="%(prog)s %(version)s")
def main() -> None:
    """Keys, tokens, tickets and revocations of a tornado_wssec server.

    Server and command read the same WSSEC_* environment; `wssec init` writes one. Exit codes: 0 done,
    1 failed, 2 wrong usage.
    """


for noun in (init, keys, token, ticket, revoke, revocations, schemas, store, check, completion):
    main.add_command(noun)
