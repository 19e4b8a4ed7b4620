"""Keys out of documents: our own key file, what another node published, an issuer's JWKS, a single import.

Rules of this file:
1. Every problem of a document is found and reported; none of them quotes a key.
2. Our keys are named by their thumbprint, so that one name is never two keys or two algorithms.
3. What is published holds no private member; one that does is a leak, and is refused.
4. No error leaves here with a frame that held private members, since tracebacks are printed with their locals.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from ..errors import ConfigurationError, Problem
from ..settings import RSA_BITS_OF_ISSUERS
from .jwk import read_jwk, read_object, read_pem, read_secret
from .key import Key, KeyState
from .key_material import ALGORITHMS, PRIVATE_MEMBERS, KeyMaterial

KEYS_MOST: Final = 1_000
"""More in one document is an attack on whoever parses it: years of daily rotation."""

_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch

NAME_LENGTH_MOST: Final = 256
"""Of an issuer's kid, in characters."""

JWKS: Final = "JWKS"

_LEAKED: Final = "retire it with `wssec keys retire --compromised`: its private half has been published"


Read = tuple[list[Key], list[Problem]]
"""The keys that can be read, and every problem: as values, since an exception carries the frames that held keys."""


def read_key_file(document: Any) -> Read:
    """Return the keys of our own JWK Set, and what is wrong with it."""
    keys, problems = _collect(document, "key file", _own_key)
    current = [key for key in keys if key.state is KeyState.CURRENT]
    if len(current) > 1:
        names = ", ".join(key.kid for key in current)
        problems.append(
            Problem("key file", f"has {len(current)} current keys, {names}", "leave one; make the others next")
        )
    return keys, problems + [_needs_private(key) for key in current if not key.can_sign]


def read_published(document: Any) -> Read:
    """Return the keys of a published document, public halves and of shared secrets the state, and what is wrong."""
    return _collect(document, "published keys", _published_key)


def read_issuer_keys(document: Any, rsa_bits: int = RSA_BITS_OF_ISSUERS) -> Read:
    """Return the usable keys of an external issuer's JWKS, under its own names, and why the others are not.

    An RSA key that does not say its algorithm is for RS256, as Entra's are. A problem of the document
    itself, and not of one key, is told of the place `JWKS`.
    """
    return _collect(document, JWKS, partial(_issuer_key, rsa_bits=rsa_bits))


def import_jwk(jwk: Any, *, now: float, alg: str | None = None) -> Key:
    """Return the key of one JWK, private or public, to be added to a ring. It is named by its thumbprint.

    Args:
        alg: needed for RSA where the JWK does not say it.

    Raises:
        ConfigurationError: it is weak, for something else, or no JWK.
    """
    key, problems = _imported(partial(read_jwk, jwk, _IMPORTED, alg=alg), now)
    del jwk  # rule 4
    return _sole(key, problems)


def import_pem(pem: bytes, *, now: float, alg: str | None = None, passphrase: bytes | None = None) -> Key:
    """Return the key of a PEM, private or public, to be added to a ring.

    Args:
        alg: needed for RSA, whose PEM does not say it.
        passphrase: opens an encrypted one.

    Raises:
        ConfigurationError: it is weak, for something else, or no PEM.
    """
    key, problems = _imported(partial(read_pem, pem, _IMPORTED, alg=alg, passphrase=passphrase), now)
    del pem, passphrase  # rule 4
    return _sole(key, problems)


def import_secret(secret: bytes, *, now: float) -> Key:
    """Return the HS256 key whose secret is exactly these bytes, to be added to a ring.

    Raises:
        ConfigurationError: it is short, can be guessed, ends in a newline or looks like a public key.
    """
    key, problems = _imported(partial(read_secret, secret, _IMPORTED), now)
    del secret  # rule 4
    return _sole(key, problems)


_IMPORTED: Final = "imported key"


def _imported(read: Callable[[], KeyMaterial], now: float) -> tuple[Key | None, Sequence[Problem]]:
    try:
        material = read()
    except ConfigurationError as error:
        return None, error.problems
    return Key(kid=material.thumbprint, alg=material.alg, state=KeyState.NEXT, created_at=now, material=material), ()


def _sole(key: Key | None, problems: Sequence[Problem]) -> Key:
    if key is None:
        raise ConfigurationError(problems)
    return key


def _collect(document: Any, name: str, read: Callable[[Mapping[str, Any], str], Key]) -> Read:
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list) or len(entries) > KEYS_MOST:
        return [], [Problem(name, f"is no JWK Set of at most {KEYS_MOST:,} keys", 'give {"keys": [...]}')]
    keys: list[Key] = []
    problems: list[Problem] = []
    for place, entry in enumerate(entries):
        try:
            keys.append(read(read_object(entry, where := f"{name}[{place}]"), where))
        except ConfigurationError as error:
            problems += error.problems
    return keys, problems + _ambiguous(keys, name)


def _ambiguous(keys: list[Key], name: str) -> list[Problem]:
    """One name for two keys or two algorithms: the way to have a public key taken for a shared secret."""
    by_kid: dict[str, list[str]] = {}
    for key in keys:
        by_kid.setdefault(key.kid, []).append(key.alg)
    return [
        Problem(name, f"has {len(algs)} keys named {kid!a}, for {', '.join(algs)}", "give each key a name of its own")
        for kid, algs in by_kid.items()
        if len(algs) > 1
    ]


def _own_key(entry: Mapping[str, Any], where: str) -> Key:
    """One entry of our key file."""
    life = _life(entry, where)
    if life.state is KeyState.COMPROMISED and life.alg == "HS256":
        return life
    material = read_jwk(entry, where, alg=life.alg)
    if material.thumbprint != life.kid:
        raise _problem(where, "has a kid that is not its thumbprint", "restore the key file: it was edited by hand")
    return replace(life, material=material).moved(life.state)


def _published_key(entry: Mapping[str, Any], where: str) -> Key:
    """One entry of a published document; of a shared secret only its life."""
    if leaked := PRIVATE_MEMBERS.intersection(entry):
        raise _problem(where, f"has the private members {', '.join(sorted(leaked))}", _LEAKED)
    return _life(entry, where) if entry.get("alg") == "HS256" else _own_key(entry, where)


def _issuer_key(entry: Mapping[str, Any], where: str, rsa_bits: int) -> Key:
    """One entry of an issuer's JWKS: public, asymmetric, under the issuer's own name."""
    if PRIVATE_MEMBERS.intersection(entry):
        raise _problem(
            where, "has private members, or is a shared secret", "tell the issuer: whoever reads it can sign"
        )
    material = read_jwk(entry, where, rsa_alg="RS256", rsa_bits=rsa_bits)
    kid = entry.get("kid", material.thumbprint)
    if not isinstance(kid, str) or not 0 < len(kid) <= NAME_LENGTH_MOST:
        raise _problem(where, "has a kid that is no short string", "tell the issuer")
    return Key(kid=kid, alg=material.alg, state=KeyState.CURRENT, created_at=0.0, material=material)


def _life(entry: Mapping[str, Any], where: str) -> Key:
    """The key without its material."""
    kid, alg, state = entry.get("kid"), entry.get("alg"), entry.get("state")
    if not isinstance(kid, str) or not _THUMBPRINT(kid):
        raise _problem(where, "has no thumbprint for a kid", "import it with `wssec keys import`")
    if alg not in ALGORITHMS:
        raise _problem(where, f"has no alg of {', '.join(ALGORITHMS)}", "import it with `wssec keys import`")
    if state not in list(KeyState):
        raise _problem(where, f"has no state of {', '.join(KeyState)}", "import it with `wssec keys import`")
    created, retired, until = (_time(entry, name, where) for name in ("created_at", "retired_at", "verify_until"))
    if created is None or (state == KeyState.RETIRED and until is None):
        raise _problem(where, f"is {state} without its times", "restore the key file")
    return Key(kid=kid, alg=str(alg), state=KeyState(state), created_at=created, retired_at=retired, verify_until=until)


def _time(entry: Mapping[str, Any], name: str, where: str) -> float | None:
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        raise _problem(where, f"has a {name} that is no time", "give Unix seconds")
    return float(value)


def _needs_private(key: Key) -> Problem:
    return Problem(f"key {key.kid}", "is current, but its private half is not here", "promote a key that was made here")


def _problem(where: str, fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, fault, remedy)])
