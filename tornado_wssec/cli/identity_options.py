"""What a token or a ticket says of its bearer, as options of the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from .values import claim, name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom a credential is for, and what it shall grant."""

    subject: str
    permissions: tuple[str, ...]
    claims: dict[str, str]
    tenant: str | None
    session: str | None


def identity_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them to the command as `wanted`."""

    @click.option("--subject", type=name, metavar="U", required=True, help="Whom it is for (sub).")
    @click.option("--permission", "permissions", multiple=True, metavar="P", help="A permission or a pattern; repeats.")
    @click.option(
        "--claim",
        "claims",
        type=claim,
        metavar="NAME=VALUE",
        multiple=True,
        help="A claim of the application's own, as text; repeats.",
    )
    @click.option("--tenant", type=name, metavar="T", help="The tenant.")
    @click.option("--session", type=name, metavar="SID", help="The session id (sid).")
    @wraps(command)
    def gathered(
        subject: str,
        permissions: tuple[str, ...],
        claims: tuple[tuple[str, str], ...],
        tenant: str | None,
        session: str | None,
        **others: Any,
    ) -> Any:
        if len(dict(claims)) != len(claims):
            raise click.UsageError("--claim names one claim twice")
        wanted = Wanted(subject=subject, permissions=permissions, claims=dict(claims), tenant=tenant, session=session)
        return command(wanted=wanted, **others)

    return gathered
