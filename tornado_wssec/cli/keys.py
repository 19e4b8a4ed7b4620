"""`wssec keys`: the keys that sign tokens, through their life.

Rules of this file:
1. What is printed is public: names, states, times, public halves.
2. The key file changes first and durably, then the store is told; what fails between is said, and can be done again.
3. What the store is told is what the file holds in the end, also when two commands run at once.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import click

from ..errors import KeyFileError, StoreError
from ..policy.key_material import ALGORITHMS, DEFAULT_ALGORITHM
from ..policy.keys import Key, KeyRing, KeyState
from ..policy.revocations import Kind, make_revocation
from ..settings import Settings, TokenRules
from ..stores.keyfile import KeyFile
from .asking import confirm, yes_is_fine, yes_option
from .commands import Group, Refused, WrongUsage, told_as
from .context import in_store, key_file, keys_option, make_store, now, read_settings, store_option
from .key_sources import alg_option, read_keys
from .output import json_is_fine, json_option, note, print_facts, print_json, show_time
from .publication import publish
from .secrets_in import STANDARD_INPUT, read_passphrase
from .tables import print_table
from .values import duration

lifetime_option = click.option(
    "--max-lifetime", type=duration, metavar="SPAN", help="Longest life of a token, where servers accept more than 24h."
)

Change = Callable[[KeyRing, float], KeyRing]

TITLES: Final = ("kid", "alg", "state", "created", "retired", "verifies until")


@click.group(cls=Group, example="wssec keys list")
def keys() -> None:
    """Keys that sign tokens: next, current, retired, compromised.

    They are in a file of mode 0600 (WSSEC_KEYS). Public halves and states are published through the store
    (WSSEC_STORE), so that every server follows without a restart.
    """


@keys.command("generate", example="wssec keys generate --alg ES256")
@yes_is_fine
@click.option(
    "--alg", type=click.Choice(ALGORITHMS), default=DEFAULT_ALGORITHM, show_default=True, help="What it signs with."
)
@keys_option
@store_option
@json_option
def generate(alg: str, keys: str | None, store: str | None, as_json: bool) -> None:
    """Make a key: the first is current, a later one next.

    The key file and the store are made where they are absent.

    JSON: {changed: [key], current, published}, a key being as in `keys list`.
    """
    settings = _settings(keys, store)
    _apply(settings, lambda ring, at: ring.generate(alg, now=at), as_json, create=True)


@keys.command("list", example="wssec keys list --json")
@keys_option
@json_option
def list_keys(keys: str | None, as_json: bool) -> None:
    """List the keys of the key file.

    JSON: [key], a key being {kid, alg, state, created_at, retired_at, verify_until, can_sign}; times are Unix
    seconds or null.
    """
    _print_keys(key_file(_settings(keys)).load().keys, as_json)


@keys.command("show", takes_dashes=True, example="wssec keys show current")
@click.argument("kid", default="current")
@keys_option
@json_option
def show(kid: str, keys: str | None, as_json: bool) -> None:
    """Show the public part of one key, the current one unless KID says otherwise; KID may be "current" or "next".

    JSON: a key as in `keys list`, and {jwk}: its public half, null for a shared secret.
    """
    key = _find(key_file(_settings(keys)).load(), kid)
    jwk = key.public_jwk() if key.material and not key.material.is_shared else None
    if as_json:
        print_json({**_entry(key), "jwk": jwk})
        return
    print_facts(
        {**dict(zip(TITLES, _row(key), strict=True)), "can sign": "yes" if key.can_sign else "no", **(jwk or {})}
    )


@keys.command("rotate", example="wssec keys rotate")
@yes_is_fine
@lifetime_option
@keys_option
@store_option
@json_option
def rotate(max_lifetime: float | None, keys: str | None, store: str | None, as_json: bool) -> None:
    """Make the next key current and retire the current one.

    Where there is no next key, one is made. The retired key verifies until the longest token that it signed has ended:
    no session is lost.

    JSON: {changed: [key], current, published}.
    """
    _apply(_settings(keys, store), lambda ring, at: ring.rotate(at, max_lifetime), as_json)


@keys.command("promote", takes_dashes=True, example="wssec keys promote next")
@yes_is_fine
@click.argument("kid", default="next")
@lifetime_option
@keys_option
@store_option
@json_option
def promote(kid: str, max_lifetime: float | None, keys: str | None, store: str | None, as_json: bool) -> None:
    """Make a certain next key current; without KID the oldest of them, which is "next".

    The current one is retired, as by `keys rotate`.

    JSON: {changed: [key], current, published}.
    """
    _apply(_settings(keys, store), lambda ring, at: ring.promote(_find(ring, kid).kid, at, max_lifetime), as_json)


@keys.command("retire", takes_dashes=True, example="wssec keys retire current --compromised --yes")
@click.argument("kid")
@click.option(
    "--compromised", is_flag=True, help="Somebody else has it: it verifies nothing from now on, and sockets close."
)
@yes_option
@lifetime_option
@keys_option
@store_option
@json_option
def retire(
    kid: str,
    compromised: bool,
    yes: bool,
    max_lifetime: float | None,
    keys: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Let a key sign no more, or trust it no more; KID may be "current" or "next".

    Of the current key, the next one takes the place, or a new one. A retired key verifies until the longest
    token that it signed has ended; a compromised one verifies nothing, and every connection that came in on it is
    closed.

    JSON: {changed: [key], current, published}.
    """
    settings = _settings(keys, store, needs_store=compromised)
    key = _find(key_file(settings).load(), kid)
    confirm(_consequence(key, compromised), yes)
    _apply(
        settings,
        lambda ring, at: ring.retire(key.kid, at, compromised, max_lifetime),
        as_json,
        revoked=key.kid if compromised else None,
    )


@keys.command("import", example="wssec keys import key.pem")
@yes_is_fine
@click.argument("source", metavar="FILE|-")
@alg_option
@click.option("--secret", is_flag=True, help="FILE holds the bytes of an HS256 secret, and nothing else.")
@click.option("--passphrase-file", metavar="FILE", help="File with the passphrase of an encrypted PEM.")
@keys_option
@store_option
@json_option
def import_keys(
    source: str,
    alg: str | None,
    secret: bool,
    passphrase_file: str | None,
    keys: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Take in a key made elsewhere: a JWK, a JWK Set, a PEM, or a secret.

    Each is next, or current where there is none. A key that is weak, or on a foreign curve, is refused.

    JSON: {changed: [key], current, published}.
    """
    settings = _settings(keys, store)
    if source == passphrase_file == STANDARD_INPUT:
        raise WrongUsage("standard input cannot hold both the key and its passphrase; name a file for one of them")
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    found = read_keys(source, now=now(), alg=alg, is_secret=secret, passphrase=passphrase)
    _apply(settings, lambda ring, _: _added(ring, found), as_json, create=True)


@keys.command("export", example="wssec keys export > jwks.json")
@keys_option
@json_is_fine
def export(keys: str | None) -> None:
    """Print the public keys that verify now as a JWK Set (RFC 7517), for other verifiers.

    It is what servers offer at /.well-known/jwks.json: no private half, no shared secret, no compromised key.

    JSON: {keys: [{kty, kid, alg, use, and the public members of its kty}]}.
    """
    print_json(key_file(_settings(keys)).load().jwks(now()))


def _settings(keys: str | None, store: str | None = None, *, needs_store: bool = False) -> Settings:
    required = ("keys", "store") if needs_store else ("keys",)
    return read_settings(*required, optional=("keys_passphrase", "store"), keys=keys, store=store)


def _find(ring: KeyRing, kid: str) -> Key:
    """The key of that name, or of that state; a kid has 43 characters, so no kid is called "current"."""
    wanted = [key for key in ring.keys if kid == key.kid or (kid in ("current", "next") and kid == key.state)]
    if not wanted:
        raise Refused(f"there is no key {kid!r}; `wssec keys list` shows those that there are")
    return wanted[0]


def _consequence(key: Key, compromised: bool) -> str:
    if compromised:
        return f"Close every connection that came in on key {key.kid} and never accept it again?"
    return f"Retire the {key.state} key {key.kid}, whose private half is then deleted?"


def _added(ring: KeyRing, found: Sequence[Key]) -> KeyRing:
    for key in found:
        ring = ring.add(key)
    return ring


def _apply(
    settings: Settings, change: Change, as_json: bool, *, create: bool = False, revoked: str | None = None
) -> None:
    """Change the key file, tell the store, and print what changed.

    Args:
        create: make the key file and the store where they are absent.
        revoked: the kid of a key whose connections are to be closed.
    """
    at = now()
    before: dict[str, Key] = {}

    def edited(ring: KeyRing) -> KeyRing:
        before.update((key.kid, key) for key in ring.keys)
        return change(ring, at)

    file = key_file(settings)
    if create and settings.store is not None:
        make_store(settings, at)  # first: where it fails, no key has been made
    with told_as(Refused):
        after = _made(file, edited) if create and not os.path.lexists(file.path) else file.edit(edited)
    if revoked is not None:
        _revoke_key(settings, revoked)  # before anything that may fail for another reason
    published = publish(settings, file)
    changed = [key for key in after.keys if before.get(key.kid) != key]
    _report(after, changed, published, as_json)


def _made(file: KeyFile, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Make the file, or change the one that another command has made in the meantime."""
    ring = change(KeyRing())
    try:
        file.create(ring)
    except KeyFileError:
        if not os.path.lexists(file.path):
            raise
        return file.edit(change)
    return ring


def _report(ring: KeyRing, changed: Sequence[Key], published: bool, as_json: bool) -> None:
    if as_json:
        current = next((key.kid for key in ring.keys if key.state is KeyState.CURRENT), None)
        print_json({"changed": [_entry(key) for key in changed], "current": current, "published": published})
    elif changed:
        _print_keys(changed, False)
    else:
        note("nothing changed: it is so already")


def _revoke_key(settings: Settings, kid: str) -> None:
    """Close the sockets that came in on this key.

    Raises:
        Refused: the store does not take it. The key file is changed all the same, and names another current key.
    """
    body = make_revocation(Kind.KEY, kid, now(), rules=TokenRules(), reason="key compromised")
    try:
        in_store(settings, lambda store: store.append(body))
    except StoreError as error:
        again = f"`wssec keys retire {kid} --compromised --yes`, with this kid, once that is mended"
        raise Refused(
            f"the key file no longer trusts {kid}, but the store was not told: {error}; run {again}"
        ) from None


def _print_keys(shown: Sequence[Key], as_json: bool) -> None:
    if as_json:
        print_json([_entry(key) for key in shown])
    else:
        print_table(TITLES, map(_row, shown))


def _entry(key: Key) -> Mapping[str, Any]:
    """A key for programs: what is public of it."""
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": str(key.state),
        "created_at": key.created_at,
        "retired_at": key.retired_at,
        "verify_until": key.verify_until,
        "can_sign": key.can_sign,
    }


def _row(key: Key) -> tuple[str | None, ...]:
    times = (key.created_at, key.retired_at, key.verify_until)
    return (key.kid, key.alg, str(key.state), *map(show_time, times))
