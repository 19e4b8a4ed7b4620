"""Tornado's signed cookie, of our own login or of an application that has one already (R017).

Rules of this file:
1. Version 1, which is HMAC-SHA1, is refused; so is a time stamp from the future.
2. The cookie's own time stamp counts for revocations and for the end, whatever the application says of it.
"""

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..errors import ConfigurationError, CredentialRefused, Problem
from ..policy.assertions import Assertion
from ..policy.logins import Login
from ..settings import COOKIE_SECRET_BYTES, Secret
from .base import LoginDesk, Signed
from .cookie import DEFAULT_NAME, CookieAuthenticator, SameSite

COOKIE_BYTES: Final = 4096
"""Name and value together; browsers drop longer ones without a word. Source: RFC 6265bis §5.6."""

Said = Assertion | str | None
Identify = Callable[[str], Said | Awaitable[Said]]


class SignedCookie(CookieAuthenticator):
    """Accept Tornado's signed cookie, version 2, by the secret in WSSEC_COOKIE_SECRET.

    Args:
        name: of the cookie.
        identify: for applications that call `self.set_signed_cookie` themselves: who the value names, as a subject or
            an `Assertion`; None: nobody. It may be a coroutine. Without it the cookie is what `guard.sign_in` has set.
        max_age: seconds after its time stamp; None: as long as a token may live.
        same_site: of the cookie that `guard.sign_in` sets.
        allow_unprefixed: accept a name without `__Host-`, which a neighbouring host can set, too.
        secrets: instead of WSSEC_COOKIE_SECRET, for applications whose `cookie_secret` is a dict of versions; the
            highest signs.

    Raises:
        ValueError: the name lacks the prefix, a secret is short, or something else cannot be; says the remedy.
    """

    name = "signed_cookie"

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        *,
        identify: Identify | None = None,
        max_age: float | None = None,
        same_site: SameSite = "Strict",
        allow_unprefixed: bool = False,
        secrets: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(name, max_age, same_site, allow_unprefixed=allow_unprefixed)
        if secrets is not None and (not secrets or min(map(_size, secrets.values())) < COOKIE_SECRET_BYTES):
            raise ValueError(f"secrets= needs secrets of {COOKIE_SECRET_BYTES} bytes or more; make them of random ones")
        self._identify = identify
        self._secrets = None if secrets is None else dict(secrets)

    async def begin(self, login: Login, logins: LoginDesk) -> str:
        """Sign what the login says.

        Raises:
            ConfigurationError: the application sets this cookie itself.
            ValueError: it is too much for a cookie.
        """
        if self._identify is not None:
            fault = "names who is in a cookie that the application sets itself"
            raise ConfigurationError([Problem("SignedCookie(identify=)", fault, "call self.set_signed_cookie instead")])
        value = logins.sign(self.cookie_name, login.to_json(), self._secrets)
        size = _size(self.cookie_name) + _size(value)
        if size > COOKIE_BYTES:
            remedy = "give roles instead of permissions, or use SessionCookie()"
            raise ValueError(f"the cookie would be {size} bytes long, and browsers keep {COOKIE_BYTES}; {remedy}")
        return value

    async def _read(self, value: str, logins: LoginDesk) -> tuple[Assertion, float]:
        signed = logins.unsign(self.cookie_name, value, self._secrets)
        if self._identify is None:
            return Login.from_json(signed.text).assertion, signed.at
        said = await self._identified(self._identify, signed)
        issued_at = signed.at if said.issued_at is None else min(said.issued_at, signed.at)
        return replace(said, session_id=said.session_id or _session_of(value), issued_at=issued_at), signed.at

    @staticmethod
    async def _identified(identify: Identify, signed: Signed) -> Assertion:
        answer = identify(signed.text)
        said = await answer if inspect.isawaitable(answer) else answer
        if isinstance(said, str):
            return Assertion(subject=said)
        if not isinstance(said, Assertion):
            raise CredentialRefused("identify= knows nobody by that cookie")
        return said

    def problems(self, cookie_secret: Secret | None, longest: float) -> Iterator[Problem]:
        """What keeps a server from starting with it."""
        yield from super().problems(cookie_secret, longest)
        if cookie_secret is None and self._secrets is None:
            remedy = f"set it to {COOKIE_SECRET_BYTES} random bytes or more, for an existing application to its own"
            yield Problem("WSSEC_COOKIE_SECRET", "is not set, and SignedCookie verifies with it", remedy)


def _session_of(value: str) -> str:
    """The session of an application's cookie, by which it can be revoked: all of its sockets share it."""
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
