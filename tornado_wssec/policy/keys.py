"""The ring of keys that sign and verify tokens, and its rotation (R081).

The first key that can sign is current, later ones are next. `rotate` promotes the oldest next,
making one if there is none, and retires the current, which verifies until the longest token that
it signed has ended: no session is lost.

Rules of this file:
1. A ring does not change; every operation returns another.
2. Signing goes on: whatever takes the current key away puts another in its place.
3. A compromised key verifies nothing at once, everywhere, and can never come back.
4. Keys only move on, so that stale news from another node takes nothing back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, final

from ..errors import ConfigurationError, Problem
from ..settings import LEEWAY_MOST, RSA_BITS_OF_ISSUERS, TokenRules
from .key import Key, KeyState
from .key_documents import JWKS, read_issuer_keys, read_key_file, read_published
from .key_material import DEFAULT_ALGORITHM, generate

__all__ = ["Key", "KeyRing", "KeyState"]

_AGES: Final[Mapping[KeyState, int]] = {state: age for age, state in enumerate(KeyState)}


@final
@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one issuer, ourselves or another. Equal when its keys, states and times are.

    Args:
        keys: in the order in which they were made.
        requires_kid: whether a token must name its key; False for an external issuer with one key.

    Raises:
        ConfigurationError: two keys have one name.
    """

    keys: tuple[Key, ...] = ()
    requires_kid: bool = True
    _by_kid: Mapping[str, Key] = field(init=False, repr=False, compare=False)
    compromised: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_kid = {key.kid: key for key in self.keys}
        if len(by_kid) != len(self.keys):
            raise ConfigurationError([Problem("key ring", "has two keys of one name", "keep one of them")])
        object.__setattr__(self, "_by_kid", by_kid)
        burnt = frozenset(kid for kid, key in by_kid.items() if key.state is KeyState.COMPROMISED)
        object.__setattr__(self, "compromised", burnt)

    # --- documents ------------------------------------------------------------------

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> Self:
        """Read our own JWK Set, as `to_jwks` makes it.

        Raises:
            ConfigurationError: listing every problem: a weak key, a key twice, a torn document.
        """
        keys, problems = read_key_file(document)
        del document  # it holds private halves, and a traceback may be printed with its locals
        return cls(_sound(keys, problems))

    @classmethod
    def from_issuer(
        cls, document: Mapping[str, Any], rsa_bits: int = RSA_BITS_OF_ISSUERS
    ) -> tuple[Self, tuple[Problem, ...]]:
        """Read an external issuer's JWKS; return its usable keys, and why the others are ignored.

        Raises:
            ConfigurationError: it is no JWK Set, or has one name for two keys.
        """
        keys, problems = read_issuer_keys(document, rsa_bits)
        del document  # it may hold what should never have been published
        if any(problem.where == JWKS for problem in problems):
            raise ConfigurationError(problems)
        return cls(tuple(keys), requires_kid=len(keys) != 1), tuple(problems)

    def to_jwks(self) -> dict[str, Any]:
        """The JWK Set with private halves, states and times: for the key file, and for nothing else."""
        return {"keys": [key.private_entry() for key in self.keys]}

    def public_document(self) -> dict[str, Any]:
        """Public halves, states and times, to be published to every node. Of shared secrets only the state."""
        return {"keys": [key.public_entry() for key in self.keys]}

    def jwks(self, now: float) -> dict[str, Any]:
        """The JWK Set for `/.well-known/jwks.json`: the public half of what verifies, next keys too."""
        shown = [key for key in self.keys if key.verifies(now) and key.material and not key.material.is_shared]
        return {"keys": [key.public_jwk() for key in shown]}

    def merge_public(self, document: Mapping[str, Any]) -> "KeyRing":
        """The ring with what another node published: its keys to verify by, and where each stands.

        A state only ever moves on, so a stale document changes nothing. Whoever can write the store can
        add a key to it: the store is trusted. The result is for verifying and signing, not for the key file.

        Raises:
            ConfigurationError: the document is not ours; keep the ring that you have.
        """
        keys, problems = read_published(document)
        del document  # it may hold what should never have been published
        return self._with(*map(self._moved_on, _sound(keys, problems)))

    def _moved_on(self, published: Key) -> Key:
        ours = self._by_kid.get(published.kid)
        if ours is None:
            return published
        if ours.alg != published.alg:
            fault = f"is for {ours.alg} here and for {published.alg} there"
            raise ConfigurationError([Problem(f"key {ours.kid}", fault, "import it under one algorithm only")])
        if _AGES[published.state] <= _AGES[ours.state]:
            return ours
        return ours.moved(published.state, retired_at=published.retired_at, verify_until=published.verify_until)

    # --- look-up --------------------------------------------------------------------

    @property
    def current(self) -> Key:
        """The key that signs.

        Raises:
            ValueError: there is none here, with the remedy.
        """
        current = [key for key in self.keys if key.state is KeyState.CURRENT]
        for key in current:
            if key.can_sign:
                return key
        if current:
            raise ValueError(
                f"the private half of the current key {current[0].kid} is not here; copy the key file to this node"
            )
        raise ValueError("there is no current key; make one with `wssec keys generate`")

    def verifying(self, kid: str | None, now: float) -> Key | None:
        """The key of this name if it verifies at `now`; of None the only key, where names are not required."""
        if kid is None:
            key = self.keys[0] if len(self.keys) == 1 and not self.requires_kid else None
        else:
            key = self._by_kid.get(kid)
        return key if key is not None and key.verifies(now) else None

    # --- life -----------------------------------------------------------------------

    def generate(self, alg: str = DEFAULT_ALGORITHM, *, now: float) -> "KeyRing":
        """The ring with a new random key: current where there is none, else next.

        Raises:
            ValueError: for an unknown algorithm.
        """
        return self.add(_made(alg, now))

    def add(self, imported: Key) -> "KeyRing":
        """The ring with an imported key: current where there is none and it can sign, else next.

        Raises:
            ConfigurationError: it is here already, or has been compromised.
        """
        if known := self._by_kid.get(imported.kid):
            fault = f"is here already: {known.state}, for {known.alg}"
            remedy = "make a new one: this never comes back" if known.kid in self.compromised else "use it as it is"
            raise ConfigurationError([Problem(f"key {known.kid}", fault, remedy)])
        is_first = imported.can_sign and not any(key.state is KeyState.CURRENT for key in self.keys)
        return self._with(imported.moved(KeyState.CURRENT if is_first else KeyState.NEXT))

    def rotate(self, now: float, max_lifetime: float | None = None) -> "KeyRing":
        """The ring after its regular rotation.

        Args:
            max_lifetime: seconds that the longest token may live; None: the default cap.
        """
        return self._succeeded(now, max_lifetime, self._successor(now))

    def promote(self, kid: str, now: float, max_lifetime: float | None = None) -> "KeyRing":
        """The ring with this next key current, and the current one retired.

        Raises:
            ValueError: it is unknown, not next, or cannot sign here.
        """
        key = self._known(kid)
        if key.state is not KeyState.NEXT or not key.can_sign:
            fault = "has no private half here" if key.state is KeyState.NEXT else f"is {key.state}, not next"
            raise ValueError(f"key {kid} {fault}; make a next key with `wssec keys generate`")
        return self._succeeded(now, max_lifetime, key)

    def retire(self, kid: str, now: float, compromised: bool = False, max_lifetime: float | None = None) -> "KeyRing":
        """The ring with this key retired. Retiring the current one promotes the oldest next, or makes a new key.

        A key that is retired, or compromised, already stays as it is.

        Args:
            compromised: it verifies nothing from now on, and never comes back.
            max_lifetime: seconds that the longest token may live; None: the default cap.

        Raises:
            ValueError: it is unknown.
        """
        key = self._known(kid)
        target = KeyState.COMPROMISED if compromised else KeyState.RETIRED
        if _AGES[target] <= _AGES[key.state]:
            return self
        until = now if compromised else _last_token_ends(now, max_lifetime)
        successors = [self._successor(now).moved(KeyState.CURRENT)] if key.state is KeyState.CURRENT else []
        return self._with(key.moved(target, retired_at=now, verify_until=until), *successors)

    def _succeeded(self, now: float, max_lifetime: float | None, successor: Key) -> "KeyRing":
        until = _last_token_ends(now, max_lifetime)
        current = [key for key in self.keys if key.state is KeyState.CURRENT]
        retired = [key.moved(KeyState.RETIRED, retired_at=now, verify_until=until) for key in current]
        return self._with(*retired, successor.moved(KeyState.CURRENT))

    def _successor(self, now: float) -> Key:
        """The oldest next key that can sign, or a new one for the algorithm of the current key."""
        for key in self.keys:
            if key.state is KeyState.NEXT and key.can_sign:
                return key
        current = [key.alg for key in self.keys if key.state is KeyState.CURRENT]
        return _made(current[0] if current else DEFAULT_ALGORITHM, now)

    def _known(self, kid: str) -> Key:
        if kid not in self._by_kid:
            raise ValueError(f"there is no key {ascii(kid)[:64]}; `wssec keys list` shows those that there are")
        return self._by_kid[kid]

    def _with(self, *changed: Key) -> "KeyRing":
        """The ring with these keys in the place of those of the same name, or at its end."""
        return KeyRing(tuple({**self._by_kid, **{key.kid: key for key in changed}}.values()), self.requires_kid)


def _sound(keys: list[Key], problems: list[Problem]) -> tuple[Key, ...]:
    if problems:
        raise ConfigurationError(problems)
    return tuple(keys)


def _made(alg: str, now: float) -> Key:
    material = generate(alg)
    return Key(kid=material.thumbprint, alg=alg, state=KeyState.NEXT, created_at=now, material=material)


def _last_token_ends(now: float, max_lifetime: float | None) -> float:
    """When the last token that was signed until `now` has ended, on clocks that differ as much as they may."""
    longest = TokenRules().max_lifetime if max_lifetime is None else max_lifetime
    return now + longest + LEEWAY_MOST
