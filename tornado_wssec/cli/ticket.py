"""`wssec ticket`: single-use tickets, as `POST /wssec/ticket` gives them out.

Rules of this file:
1. A ticket is printed once, alone on standard output; the store has only its digest.
2. It lets in for as long as a token would, and no longer.
"""

from typing import Any

import click

from ..errors import ConfigurationError
from ..policy.identity import Identity
from ..policy.origins import OriginPolicy
from ..policy.permissions import Grants
from ..policy.tickets import TicketRecord, new_ticket
from ..settings import Limits, TokenRules
from .commands import Group, Refused, WrongUsage, told_as
from .context import in_store, now, read_settings, store_option
from .identity_options import Wanted, identity_options
from .values import duration


@click.group(cls=Group, example="wssec ticket issue --subject u42")
def ticket() -> None:
    """Single-use tickets for one handshake."""


@ticket.command("issue", example="wssec ticket issue --subject u42 --permission 'chat:read:*' --path /ws/chat")
@identity_options
@click.option("--path", help="The only path that it opens; any otherwise.")
@click.option("--origin", help="The only Origin that may present it; any otherwise.")
@click.option("--address", help="The only client address that may present it; any otherwise.")
@click.option(
    "--ttl", type=duration, metavar="SPAN", default="30s", show_default=True, help="How long it waits to be used."
)
@click.option(
    "--lifetime", type=duration, metavar="SPAN", default="10m", show_default=True, help="How long it lets in."
)
@click.option("--issuer", help="Who vouches for the subject; WSSEC_ISSUER otherwise.")
@store_option
def issue(
    wanted: Wanted,
    path: str | None,
    origin: str | None,
    address: str | None,
    ttl: float,
    lifetime: float,
    issuer: str | None,
    store: str | None,
) -> None:
    """Print a ticket, alone on standard output.

    It opens one handshake, and is spent by it. Tickets carry permissions, not roles: only the server knows
    the table that expands those.
    """
    settings = read_settings("store", "issuer", store=store, issuer=issuer)
    at = now()
    with told_as(WrongUsage):
        _bound(path, origin)
        _ensure_spans(ttl, lifetime)
        identity = _identity(wanted, str(settings.issuer), at, lifetime)
        record = TicketRecord.of(identity, path=path, origin=origin, address=address, expires_at=at + ttl)
        payload = record.to_json()
    made, digest = new_ticket()
    most = Limits().tickets_per_subject
    kept = in_store(
        settings,
        lambda opened: opened.put_ticket(
            digest, owner=record.owner, payload=payload, expires_at=record.expires_at, most=most, now=at
        ),
    )
    if not kept:
        raise Refused(f"{most} tickets of {wanted.subject} are outstanding, which is all; wait until one has expired")
    click.echo(made)


def _ensure_spans(ttl: float, lifetime: float) -> None:
    """Refuse a ticket that could not be used, or would let in for longer than a token; ValueError."""
    longest = TokenRules().max_lifetime
    if not 0 < lifetime <= longest:
        raise ValueError(f"a lifetime of {lifetime:g} s is not within 1 s and {longest:g} s; choose another")
    if not 0 < ttl <= lifetime:
        raise ValueError(f"a ticket that waits {ttl:g} s and lets in for {lifetime:g} s is of no use; change --ttl")


def _bound(path: str | None, origin: str | None) -> None:
    """Refuse a binding that no request can meet; ValueError."""
    if path is not None and not path.startswith("/"):
        raise ValueError(f"{path!r} is no path; begin it with /")
    if origin is not None and not _is_origin(origin):
        raise ValueError(f"no browser sends the origin {origin!r}; write it as https://app.example.com")


def _is_origin(origin: str) -> bool:
    try:
        return OriginPolicy([origin]).allows(origin)
    except ConfigurationError:
        return False


def _identity(wanted: Wanted, issuer: str, at: float, lifetime: float) -> Identity:
    """Whom the ticket lets in, with the claims that a token of the same would have.

    Raises:
        ValueError: a permission is malformed, or a claim has an option of its own.
    """
    own: dict[str, Any] = {"iss": issuer, "sub": wanted.subject, "iat": int(at), "exp": int(at + lifetime)}
    own |= {"tenant": wanted.tenant, "sid": wanted.session}
    if taken := own.keys() & wanted.claims.keys():
        raise ValueError(f"--claim cannot set {', '.join(sorted(taken))}; use the option that is for it")
    return Identity(
        subject=wanted.subject,
        issuer=issuer,
        permissions=Grants(wanted.permissions),
        claims={**wanted.claims, **{name: value for name, value in own.items() if value is not None}},
        tenant=wanted.tenant,
        session_id=wanted.session,
        issued_at=at,
        expires_at=at + lifetime,
    )
