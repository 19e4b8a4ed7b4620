"""`wssec revoke`: close the sockets of a token, session, subject, tenant or key, and accept it no more.

Rules of this file:
1. What is named need not be known: whoever revokes may know more than we do. Twice is as good as once.
2. It is done when the store says that a crash cannot take it back; else the command says so and exits 1.
3. It does not ask, since it can be taken back (`wssec revocations undo`) and may be urgent; only a time in the future
   is asked about, since it is rarely meant. API keys are the exception: those that it names are dropped for good, and
   are told one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Final

import click

from ..api_keys import revoke_with_keys
from ..errors import CredentialRefused, NotAcknowledged, TokenRefused
from ..policy.api_keys import ApiKeyText, looks_like_key
from ..policy.revocations import Kind, Revocation, make_revocation
from ..policy.tokens import read_unverified
from ..settings import Limits, TokenRules
from .asking import confirm, yes_option
from .commands import FAILED, Group, Refused, WrongUsage, told_as
from .context import in_store, now, read_settings, store_option
from .output import error, json_option, print_facts, print_json, show_time
from .revocation_log import describe
from .secrets_in import STANDARD_INPUT, read_line
from .values import JWS, duration, moment, name

NOT_ACKNOWLEDGED: Final = (
    "not acknowledged: it was written, but a crash may take it back; see to the store and run it again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a revocation is made, whatever it names."""

    issuer: str | None
    reason: str
    margin: float
    max_lifetime: float | None
    yes: bool
    store: str | None
    as_json: bool

    def rules(self) -> TokenRules:
        """The rules whose longest lifetime the entry must outlive."""
        return TokenRules() if self.max_lifetime is None else TokenRules(max_lifetime=self.max_lifetime)


def _manner_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all of them have, and hand them to the command as `manner`."""

    @click.option("--reason", default="", help="Why, for the audit; clients are never told.")
    @click.option(
        "--margin",
        type=duration,
        metavar="SPAN",
        default="0s",
        help="Time in which clients may authenticate anew, such as 30s.",
    )
    @click.option("--issuer", help="Whose it is; that of any issuer otherwise.")
    @click.option(
        "--max-lifetime",
        type=duration,
        metavar="SPAN",
        help="Longest life of a token, where servers accept more than 24h.",
    )
    @yes_option
    @store_option
    @json_option
    @wraps(command)
    def gathered(
        reason: str,
        margin: float,
        issuer: str | None,
        max_lifetime: float | None,
        yes: bool,
        store: str | None,
        as_json: bool,
        **others: Any,
    ) -> Any:
        manner = Manner(
            issuer=issuer,
            reason=reason,
            margin=margin,
            max_lifetime=max_lifetime,
            yes=yes,
            store=store,
            as_json=as_json,
        )
        return command(manner=manner, **others)

    return gathered


_before_option = click.option(
    "--before", type=moment, metavar="T", help="Only tokens issued up to T: ISO 8601, Unix seconds or now (default)."
)


@click.group(cls=Group, example="wssec revoke subject u42 --reason 'laptop stolen'")
def revoke() -> None:
    """Revoke a token, session, subject, tenant or key: its sockets close within a second.

    Done when the store has it for good; else it says "not acknowledged" and exits 1. API keys of a subject or a tenant,
    and one that is named as a token, are dropped; an undo does not bring them back.

    JSON: {id, kind, value, issuer, at, before, effective_at, expires_at, reason, dropped_api_keys, acknowledged};
    times are Unix seconds or null.
    """


@revoke.command("token", takes_dashes=True, example="wssec token issue --subject u42 | wssec revoke token -")
@click.argument("jti", metavar="JTI|-")
@_manner_options
def revoke_token(jti: str, manner: Manner) -> None:
    """Revoke one token by its jti, or an API key by its id.

    With -, the jti or the token itself is read from standard input.
    """
    revoke_named(Kind.TOKEN, read_name() if jti == STANDARD_INPUT else _checked(jti), manner)


@revoke.command("session", takes_dashes=True, example="wssec revoke session 8c1f0a --margin 30s")
@click.argument("sid", type=name)
@_manner_options
def revoke_session(sid: str, manner: Manner) -> None:
    """Revoke a session: every token with this sid, also those that refreshed it."""
    revoke_named(Kind.SESSION, sid, manner)


@revoke.command("subject", takes_dashes=True, example="wssec revoke subject u42 --before 2030-01-31T12:00:00Z --yes")
@click.argument("subject", type=name)
@_before_option
@_manner_options
def revoke_subject(subject: str, before: float | None, manner: Manner) -> None:
    """Revoke every token of a subject that was issued up to now, or up to --before."""
    revoke_named(Kind.SUBJECT, subject, manner, before)


@revoke.command("tenant", takes_dashes=True, example="wssec revoke tenant acme")
@click.argument("tenant", type=name)
@_before_option
@_manner_options
def revoke_tenant(tenant: str, before: float | None, manner: Manner) -> None:
    """Revoke every token of a tenant that was issued up to now, or up to --before."""
    revoke_named(Kind.TENANT, tenant, manner, before)


@revoke.command("key", takes_dashes=True, example="wssec revoke key NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
@click.argument("kid", type=name)
@_manner_options
def revoke_key(kid: str, manner: Manner) -> None:
    """Revoke every token that this key signed, for good. Of our own keys, rather `keys retire --compromised`."""
    revoke_named(Kind.KEY, kid, manner)


Report = Callable[[Revocation, list[str] | None, bool], None]


def revoke_named(
    kind: Kind, value: str, manner: Manner, before: float | None = None, *, report: Report | None = None
) -> None:
    """Revoke what is named, and report.

    Args:
        report: gets the entry, the ids of the API keys that were dropped (None: not known), and whether it holds.
    """
    tell = report or partial(_report, manner.as_json)
    settings = read_settings("store", store=manner.store)
    at = now()
    if before is not None and before > at:
        confirm(
            f"--before {show_time(before)} is in the future: refuse tokens that are not issued yet too?", manner.yes
        )
    with told_as(WrongUsage):
        body = make_revocation(
            kind,
            value,
            at,
            rules=manner.rules(),
            issuer=manner.issuer,
            before=before,
            allow_future=True,
            margin=manner.margin,
            reason=manner.reason,
        )
    try:
        dropped = in_store(settings, lambda store: revoke_with_keys(store, body, at))
    except NotAcknowledged:
        tell(body, None, False)
        error(NOT_ACKNOWLEDGED)
        raise click.exceptions.Exit(FAILED) from None
    tell(body, dropped, True)


def read_name() -> str:
    """The jti on standard input, or that of the token there; of an API key its id.

    Nobody verifies the token: a forged one can name only a jti that its maker knows.
    """
    text = read_line(STANDARD_INPUT, Limits().token_bytes, "the jti or token")
    if looks_like_key(text):
        return _id_of_key(text)
    if not JWS.fullmatch(text):
        return _checked(text)
    try:
        _, claims = read_unverified(text)
    except TokenRefused as refusal:
        raise Refused(f"the token cannot be read: {refusal.evidence}; give its jti") from None
    return _checked(claims.get(TokenRules().jti_claim or "jti"))


def _id_of_key(text: str) -> str:
    try:
        return ApiKeyText.parse(text).id
    except CredentialRefused:
        raise Refused("the API key cannot be read; give its id, the part that begins with ak") from None


def _checked(jti: Any) -> str:
    return name(jti if isinstance(jti, str) else "")


def _report(as_json: bool, body: Revocation, dropped: list[str] | None, acknowledged: bool) -> None:
    if as_json:
        print_json({**describe(body), "dropped_api_keys": dropped, "acknowledged": acknowledged})
        return
    facts = {
        "id": body.id,
        "revoked": f"{body.kind} {body.value}",
        "issuer": body.issuer or "any",
        "effective": show_time(body.effective_at),
        "issued up to": show_time(body.before),
        "forgotten": show_time(body.expires_at) or "never",
        "reason": body.reason or None,
        "API keys dropped": ", ".join(dropped or ()) or None,
        "acknowledged": "yes" if acknowledged else "no",
    }
    print_facts({name: fact for name, fact in facts.items() if fact is not None})
