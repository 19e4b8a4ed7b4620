"""What all cookies have in common: a browser sends them along whoever asked, and anybody near may toss one in.

Rules of this file:
1. A cookie alone is never enough: a handshake also shows its CSRF value, and an Origin (R008, H11).
2. Of two cookies of one name neither is believed: a neighbour may have set one of them.
3. A name is compared exactly. Whoever strips more than space and tab around it lets `__Host-` be forged.
4. Whether the cookie is good is decided first; only who holds a good one learns that something else is missing.

Source: RFC 6265bis §4.1.3.2 (`__Host-`), §5.4; OWASP CSRF prevention cheat sheet.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from ..errors import CredentialRefused, OriginRefused, Problem
from ..policy.assertions import Assertion
from ..policy.csrf import ensure_meant
from ..policy.identity import Identity
from ..policy.logins import Login
from ..settings import Secret
from .base import Credential, Desk, LoginDesk, RequestView

HOST_PREFIX: Final = "__Host-"
"""By it a browser vouches that the host itself has set the cookie, over TLS, and no neighbour."""

DEFAULT_NAME: Final = "__Host-wssec"
CSRF_PREFIX: Final = "wssec.csrf."
CSRF_QUERY: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
"""They change nothing (RFC 9110 §9.2.1), and a page elsewhere cannot read what they answer."""

SameSite = Literal["Strict", "Lax"]
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}").fullmatch


class CookieAuthenticator(ABC):
    """What `SignedCookie` and `SessionCookie` share.

    Args:
        cookie_name: which cookie.
        max_age: seconds after which it is refused; None: as long as a token may live.
        same_site: of the cookie as `sign_in` sets it.
        allow_unprefixed: accept a name without `__Host-`, which a neighbouring host can set, too.

    Raises:
        ValueError: a name that is none, or lacks the prefix; says the remedy.
    """

    name: str

    def __init__(self, cookie_name: str, max_age: float | None, same_site: SameSite, *, allow_unprefixed: bool) -> None:
        if not _NAME(cookie_name):
            raise ValueError(f"{cookie_name!r} is no name of a cookie; use letters, digits, - and _")
        if not cookie_name.startswith(HOST_PREFIX) and not allow_unprefixed:
            remedy = f"name it {HOST_PREFIX}{cookie_name}, or say allow_unprefixed=True"
            raise ValueError(f"any neighbouring host can set the cookie {cookie_name!r}; {remedy}")
        if same_site not in ("Strict", "Lax"):
            raise ValueError(f"same_site={same_site!r} sends the cookie along from other sites; use Strict or Lax")
        if max_age is not None and not max_age > 0:
            raise ValueError(f"max_age={max_age!r} lets nobody in; give seconds")
        self.cookie_name = cookie_name
        self.max_age = max_age
        self.same_site = same_site
        self.allow_unprefixed = allow_unprefixed

    def find(self, request: RequestView) -> Credential | None:
        """The cookie, whatever is in it; refused when it is there twice."""
        values = self.values_in(request.headers.get("cookie", ()))
        if len(values) > 1:
            raise CredentialRefused(f"{len(values)} cookies of the name {self.cookie_name}")
        return Credential(values[0], "cookie") if values else None

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        """Who has signed in with it, when it was a page of ours that sent it."""
        if request.is_handshake and request.origin is None:
            raise OriginRefused("a cookie without an Origin", remedy="native clients show a token instead")
        identity = await self.prove(credential.value, desk)
        ensure_meant(credential.value, csrf_values(request), is_required=needs_csrf(request))
        return identity

    async def prove(self, value: str, desk: Desk) -> Identity:
        """Who has signed in with it, whoever sent it; CredentialRefused."""
        said, began_at = await self._read(value, desk.logins)
        end = began_at + desk.logins.lifetime(self.max_age)
        return desk.vouch(replace(said, expires_at=end if said.expires_at is None else min(said.expires_at, end)))

    def values_in(self, headers: Iterable[str]) -> list[str]:
        """Every value of this cookie in the Cookie headers."""
        return list(cookie_values(headers, self.cookie_name))

    @abstractmethod
    async def _read(self, value: str, logins: LoginDesk) -> tuple[Assertion, float]:
        """What it says of somebody, and when `max_age` began to run; CredentialRefused."""

    @abstractmethod
    async def begin(self, login: Login, logins: LoginDesk) -> str:
        """The value for a fresh login."""

    async def end(self, identity: Identity, logins: LoginDesk) -> None:
        """Forget a login that has been revoked; a cookie that holds all of it itself leaves nothing behind."""
        return

    def problems(self, cookie_secret: Secret | None, longest: float) -> Iterator[Problem]:
        """What keeps a server from starting with it.

        Args:
            cookie_secret: of its settings.
            longest: seconds that a token may live, and so what revocations outlive.
        """
        if self.max_age is not None and self.max_age > longest:
            fault = f"{self.max_age:g} s is longer than the {longest:g} s that a revocation is sure to outlive"
            yield Problem(f"{type(self).__name__}.max_age", fault, "lower it, or raise TokenRules.max_lifetime")


def cookie_values(headers: Iterable[str], name: str) -> Iterator[str]:
    """Yield every value of one cookie. Linear: nothing is unescaped, and no other pair is looked into.

    Tornado puts quotes around a value that holds "="; they are taken off. What is escaped by a backslash inside
    stays so, and matches nothing.
    """
    for header in headers:
        for pair in header.split(";"):
            found, equals, value = pair.partition("=")
            if equals and found.strip(" \t") == name:
                value = value.strip(" \t")
                is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
                yield value[1:-1] if is_quoted else value


def csrf_values(request: RequestView) -> Sequence[str]:
    """Every CSRF value that a request shows: a handshake in subprotocol or query, any other in its header."""
    if not request.is_handshake:
        return request.headers.get(CSRF_HEADER, ())
    offered = [item.removeprefix(CSRF_PREFIX) for item in request.offered if item.startswith(CSRF_PREFIX)]
    return [*offered, *request.query.get(CSRF_QUERY, ())]


def needs_csrf(request: RequestView) -> bool:
    """Whether a cookie is not enough: at every handshake, and where something may change and no Origin speaks for it.

    An Origin that is there has been found on the list before any credential is looked at.
    """
    if request.is_handshake or "upgrade" in request.headers:
        return True
    if request.method in SAFE_METHODS:
        return is_embedded_elsewhere(request)
    return request.origin is None


def is_embedded_elsewhere(request: RequestView) -> bool:
    """Whether the browser says that a page of another site asks for it, other than by a link to it."""
    site, mode = (request.headers.get(f"sec-fetch-{what}", ()) for what in ("site", "mode"))
    return "cross-site" in site and "navigate" not in mode
