"""`wssec token`: issue an access token, look into one, verify one.

Rules of this file:
1. A token is printed once, by `issue`, alone on standard output; it comes in by file or standard input.
2. `inspect` says that nothing was verified, and never shows the signature.
3. `verify` judges as a server does: the same code, the same keys, the same revocations.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from ..errors import FrameError, TokenRefused
from ..policy.identity import Identity
from ..policy.keys import KeyRing
from ..policy.strict_json import decode_json
from ..policy.tokens import TokenVerifier, issue_token, read_unverified
from ..settings import Limits, Settings, TokenRules
from ..stores.base import Store
from .commands import FAILED, Group, Refused, WrongUsage, told_as
from .context import held_generation, in_store, key_file, keys_option, now, read_settings, store_option
from .identity_options import Wanted, identity_options
from .output import error, json_option, note, print_facts, print_json, show_time, warn
from .publication import read_published
from .revocation_log import read_index
from .secrets_in import STANDARD_INPUT, read_bytes, read_line
from .values import JWS, duration

FACTS: Final = (
    "subject",
    "issuer",
    "token_id",
    "session_id",
    "tenant",
    "permissions",
    "key_id",
    "issued_at",
    "expires_at",
)

JWK_BYTES: Final = 4 * 1024
"""A public JWK with everything that a browser writes into it has two hundred."""

token_argument = click.argument("source", metavar="[FILE|-]", default=STANDARD_INPUT)


@click.group(cls=Group, example="wssec token issue --subject u42 | wssec token verify")
def token() -> None:
    """Access tokens: issue, look into, verify."""


@token.command("issue", example="wssec token issue --subject u42 --permission 'chat:write:*' --ttl 10m")
@identity_options
@click.option("--role", "roles", multiple=True, metavar="R", help="A role, expanded by the server's table; repeats.")
@click.option("--ttl", type=duration, metavar="SPAN", help="How long it lives; 10 minutes otherwise.")
@click.option("--cnf", metavar="FILE", help="The public JWK that its holder signs messages with; - for standard input.")
@click.option("--issuer", help="The iss; WSSEC_ISSUER otherwise.")
@click.option("--audience", help="The aud; WSSEC_AUDIENCE otherwise.")
@keys_option
def issue(
    wanted: Wanted,
    roles: tuple[str, ...],
    ttl: float | None,
    cnf: str | None,
    issuer: str | None,
    audience: str | None,
    keys: str | None,
) -> None:
    """Print a token, alone on standard output, signed with the current key."""
    settings = _settings(keys=keys, issuer=issuer, audience=audience)
    rules = _rules(settings)
    ring = key_file(settings).load()
    with told_as(Refused):
        _ = ring.current  # that there is none is no fault of what was asked
    with told_as(WrongUsage):
        made = issue_token(
            ring,
            rules,
            subject=wanted.subject,
            permissions=wanted.permissions,
            roles=roles,
            claims=wanted.claims,
            tenant=wanted.tenant,
            session_id=wanted.session,
            ttl=ttl,
            cnf=None if cnf is None else {"jwk": _read_jwk(cnf)},
            now=now(),
        )
    if (ttl or 0) > rules.warn_lifetime:
        warn(f"the token lives longer than {rules.warn_lifetime:g} s; who steals it can use it as long")
    click.echo(made)


@token.command("inspect", as_root=True, example="wssec token issue --subject u42 | wssec token inspect")
@token_argument
@json_option
def inspect(source: str, as_json: bool) -> None:
    """Show what a token says, WITHOUT verifying it: anybody may have written it.

    It is read from FILE or standard input, since arguments stay in the shell's history. No settings are used.

    JSON: {verified: false, header: {…}, claims: {…}}.
    """
    try:
        header, claims = read_unverified(_read_token(source))
    except TokenRefused as refusal:
        raise Refused(f"it cannot be read: {refusal.evidence}; give one whole token alone") from None
    if as_json:
        print_json({"verified": False, "header": header, "claims": claims})
        return
    print_facts({**_told("header", header), **_told("claim", claims)})
    note("nothing was verified; `wssec token verify` does that")


@token.command("verify", example="wssec token issue --subject u42 | wssec token verify --json")
@token_argument
@click.option("--offline", is_flag=True, help="Leave the store out: revocations are not looked at.")
@click.option("--issuer", help="The iss it must have; WSSEC_ISSUER otherwise.")
@click.option("--audience", help="The aud it must have; WSSEC_AUDIENCE otherwise.")
@keys_option
@store_option
@json_option
def verify(
    source: str,
    offline: bool,
    issuer: str | None,
    audience: str | None,
    keys: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Judge a token as a server does; exit 1, with the reason, where it is refused.

    It is read from FILE or standard input. Revocations count. The keys are those of WSSEC_KEYS and those that were
    published through the store.

    JSON: {valid, reason, subject, issuer, token_id, session_id, tenant, permissions, key_id, issued_at,
    expires_at}; what is not known is null.
    """
    needed = ("keys",) if offline else ("store",)
    settings = _settings(*needed, keys=keys, store=store, issuer=issuer, audience=audience)
    text = _read_token(source)
    try:
        identity = _verified(settings, text, offline)
    except TokenRefused as refusal:
        _tell_refused(refusal, as_json)
        raise click.exceptions.Exit(FAILED) from None
    if as_json:
        print_json(_outcome(identity, None))
    else:
        print_facts({name.replace("_", " "): _shown(name, value) for name, value in _facts(identity).items()})
    if offline:
        note("revocations were not looked at")


def _settings(*required: str, **arguments: str | None) -> Settings:
    needed = required or ("keys",)
    optional = ("keys", "keys_passphrase", "store") if required else ("keys_passphrase",)
    return read_settings("issuer", "audience", *needed, optional=optional, **arguments)


def _rules(settings: Settings) -> TokenRules:
    return TokenRules(issuer=settings.issuer, audience=settings.audience)


def _read_token(source: str) -> str:
    if JWS.fullmatch(source):
        raise WrongUsage(
            "a token is a secret, and arguments stay in the shell's history; give it by file or standard input"
        )
    return read_line(source, Limits().token_bytes, "the token")


def _read_jwk(source: str) -> Any:
    """What a file holds as JSON; whether that is a key is for whoever signs the token to say."""
    try:
        return decode_json(read_bytes(source, JWK_BYTES, "the key"), Limits())
    except FrameError as error:
        fault = error.evidence
    raise WrongUsage(f"the key is no JSON ({fault}); give one public JWK alone")


def _told(kind: str, members: Mapping[str, Any]) -> dict[str, object]:
    """Members as facts, times readable."""
    return {f"{kind} {name}": _shown(name, value) for name, value in members.items()}


def _shown(name: str, value: Any) -> object:
    if name in ("exp", "iat", "nbf", "issued_at", "expires_at") and type(value) in (int, float):
        return f"{value:.0f}  {show_time(value)}"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return json.dumps(value) if isinstance(value, (dict, bool)) else value


def _verified(settings: Settings, text: str, offline: bool) -> Identity:
    verifier = TokenVerifier(_rules(settings))
    ring = key_file(settings).load() if settings.keys else KeyRing()
    if offline:
        return verifier.verify(text, ring, now())

    async def judge(store: Store) -> Identity:
        generation, published = await held_generation(store), await read_published(store)
        known = ring if published is None else ring.merge_public(published)
        identity = verifier.verify(text, known, now(), not_before=generation.made_at)
        revocation = (await read_index(store)).revoked(identity, now())
        if revocation is not None:
            raise TokenRefused(f"revoked: {revocation.kind} {revocation.value} by {revocation.id}")
        return identity

    return in_store(settings, judge)


def _tell_refused(refusal: TokenRefused, as_json: bool) -> None:
    if as_json:
        print_json(_outcome(None, refusal.evidence))
    error(f"refused: {refusal.evidence}")


def _outcome(identity: Identity | None, reason: str | None) -> dict[str, Any]:
    """The verdict for programs, of one shape whatever it is."""
    return {"valid": identity is not None, "reason": reason, **_facts(identity)}


def _facts(identity: Identity | None) -> dict[str, Any]:
    """What the token proves; each None where there is no identity."""
    found = {name: getattr(identity, name, None) for name in FACTS}
    return {**found, "permissions": None if identity is None else list(identity.permissions)}
