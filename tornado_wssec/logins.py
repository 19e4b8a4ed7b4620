"""What cookie authenticators ask of a guard: Tornado's signatures, and the records of logins in the store.

Rules of this file:
1. Nothing from before the store's generation counts: what had been revoked until then is forgotten.
2. Nothing from the future counts: a clock that was ahead must not carry it past a revocation.
3. A store that does not answer lets nobody in.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tornado.web import create_signed_value, decode_signed_value

from .auth.base import CookieSecrets, Signed
from .clock import Clock
from .errors import CredentialRefused, NotReady, StoreError
from .policy.credential_records import RecordKind
from .policy.logins import Login, LoginCookie
from .settings import Secret, TokenRules
from .watcher import Watcher

_VERSION: Final = 2
_DAY_SECONDS: Final = 86_400
_STAMP: Final = re.compile(r"2\|\d{1,2}:\d{1,20}\|\d{1,2}:(\d{1,12})\|").match
"""Version, key version and time stamp, as `tornado.web.create_signed_value` writes them."""


class Logins:
    """The logins of one guard.

    Args:
        secret: WSSEC_COOKIE_SECRET; None where nothing is signed with it.
        rules: how long a login may last at most: revocations outlive a token.
        mirror: gives the watcher, which knows the store and its generation.
    """

    def __init__(
        self, *, secret: Secret | None, rules: TokenRules, mirror: Callable[[], Watcher], clock: Clock
    ) -> None:
        self._secret = secret
        self._rules = rules
        self._mirror = mirror
        self._clock = clock

    def lifetime(self, max_age: float | None) -> float:
        """Seconds that a login may last: what is asked for, or as long as a token may."""
        return self._rules.max_lifetime if max_age is None else min(max_age, self._rules.max_lifetime)

    def sign(self, cookie_name: str, text: str, secrets: CookieSecrets) -> str:
        """The value of Tornado's signed cookie of that name."""
        version = max(secrets) if secrets else None
        signed = create_signed_value(
            self._secrets(secrets), cookie_name, text, version=_VERSION, clock=self._clock.wall, key_version=version
        )
        return signed.decode("ascii")

    def unsign(self, cookie_name: str, value: str, secrets: CookieSecrets) -> Signed:
        """Read such a value.

        Raises:
            CredentialRefused: it is not of that name and by one of these secrets, too old, or from the future.
        """
        now = self._clock.wall()
        longest = self._rules.max_lifetime / _DAY_SECONDS
        text = decode_signed_value(
            self._secrets(secrets), cookie_name, value, longest, clock=lambda: now, min_version=_VERSION
        )
        stamp = _STAMP(value)
        if text is None or stamp is None:
            raise CredentialRefused("the cookie is not signed by us, or too old")
        at = float(stamp[1])
        self._ensure_of_this_life(at, now)
        return Signed(_text(text), at)

    async def keep(self, login: Login) -> str:
        """Remember a login under its id; the cookie's value that proves it.

        Raises:
            StoreError: it may not have been kept.
        """
        cookie = LoginCookie.of(login.id)
        payload = replace(login, digest=cookie.digest).to_json()
        kept = await self._mirror().store.put_record(
            RecordKind.LOGIN, login.id, payload, expires_at=login.expires_at, now=self._clock.wall()
        )
        if not kept:
            raise StoreError(f"there is a login {login.id} already")
        return cookie.text

    async def find(self, value: str) -> Login:
        """The login that a cookie's value proves.

        Raises:
            CredentialRefused: there is none, not by that secret, or it is from the future.
            NotReady: the store does not answer.
        """
        cookie = LoginCookie.parse(value)
        now = self._clock.wall()
        try:
            payload = await self._mirror().store.find_record(RecordKind.LOGIN, cookie.id, now)
        except StoreError as error:
            raise NotReady(f"no login could be looked up: {error}") from error
        if payload is None:
            raise CredentialRefused("a login that is unknown or has ended")
        login = Login.from_json(payload)
        login.ensure_proven(cookie)
        self._ensure_of_this_life(login.issued_at, now)
        return login

    async def drop(self, id: str) -> None:
        """Forget a login; StoreError."""
        await self._mirror().store.drop_record(RecordKind.LOGIN, id)

    def _secrets(self, secrets: CookieSecrets) -> str | dict[int, str]:
        if secrets:
            return dict(secrets)
        if self._secret is None:
            raise CredentialRefused("WSSEC_COOKIE_SECRET is not set", remedy="set it; see `wssec check`")
        return self._secret.reveal()

    def _ensure_of_this_life(self, at: float, now: float) -> None:
        if at > now + self._rules.leeway:
            raise CredentialRefused(f"the cookie was made {at - now:.0f} s ahead of this clock")
        generation = self._mirror().generation
        if generation is not None and at < generation.made_at:
            raise CredentialRefused("the cookie was made before this store was")


def _text(signed: bytes) -> str:
    try:
        return signed.decode("utf-8")
    except UnicodeDecodeError:
        raise CredentialRefused("what is signed in the cookie is no text") from None
