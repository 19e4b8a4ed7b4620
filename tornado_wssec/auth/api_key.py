"""An API key in a header of its own: for programs, never for pages (R023).

Rules of this file:
1. A key is never taken from the query or a subprotocol: it lives for months, and browsers and proxies keep both.
2. What its shape says decides who is asked; nobody is asked after somebody else has refused.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from ..errors import CredentialRefused
from ..policy.api_keys import looks_like_key
from ..policy.assertions import Assertion
from ..policy.digests import digest_of
from ..policy.identity import Identity
from .base import Credential, Desk, RequestView

Lookup = Callable[[str], Awaitable[Assertion | None]]

_PRESENTABLE: Final = re.compile(r"[\x21-\x7e]{16,512}").fullmatch
"""What may be a key of somebody else's making: shorter ones can be guessed, and a header has one spelling of these."""

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}").fullmatch


class ApiKey:
    """Accept API keys: those of `wssec apikeys create`, and those that `lookup` knows.

    Args:
        header: the header in which they are shown.
        lookup: for keys that your application has given out before: a coroutine function that gets the SHA-256 (hex)
            of a whole key and returns who that is, or None. Raise `NotReady` when it cannot know.
    """

    name = "api_key"

    def __init__(self, *, header: str = "X-Api-Key", lookup: Lookup | None = None) -> None:
        if not _FIELD_NAME(header) or header.lower() in ("authorization", "cookie"):
            raise ValueError(f"{header!r} cannot be the header of API keys; name one of their own, such as X-Api-Key")
        self.header = header
        self._lookup = lookup

    def find(self, request: RequestView) -> Credential | None:
        """The key in the header; a second one makes the request malformed."""
        value = request.header(self.header)
        return None if value is None else Credential(value, "header")

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        """Who the key stands for."""
        if self._lookup is None or looks_like_key(credential.value):
            return await desk.identify_api_key(credential.value)
        if not _PRESENTABLE(credential.value):
            raise CredentialRefused("what was shown cannot be an API key: 16 to 512 printable ASCII characters")
        assertion = await self._lookup(digest_of(credential.value))
        if assertion is None:
            raise CredentialRefused("an API key that the application does not know")
        return desk.vouch(assertion)
