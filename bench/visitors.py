"""Who connects to our server: each with a token of his own, signed here, so that the server spends nothing on it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tornado_wssec.policy.issuance import issue_token
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import TokenRules
from tornado_wssec.stores.keyfile import KeyFile

ISSUER: Final = "https://issuer.example.com"
AUDIENCE: Final = "bench"
ORIGIN: Final = "https://app.example.com"
PERMISSIONS: Final = ("chat:*:*", "board:*:*")
TTL_SECONDS: Final = 7_200.0


class Visitors:
    """A key file for the server, and tokens that it accepts.

    Args:
        folder: where the key file is written.
        permissions: of everybody.
    """

    def __init__(self, folder: Path, permissions: Sequence[str] = PERMISSIONS) -> None:
        self.keys = folder / "keys.json"
        self._ring = KeyRing().generate(now=time.time() - 60)
        self._rules = TokenRules(issuer=ISSUER, audience=AUDIENCE)
        self._permissions = permissions
        self._tokens: list[str] = []
        KeyFile(self.keys).create(self._ring)

    def tokens(self, count: int) -> list[str]:
        """Tokens of so many people, made once."""
        for number in range(len(self._tokens), count):
            self._tokens.append(self._token(f"u{number}"))
        return self._tokens[:count]

    def _token(self, subject: str) -> str:
        return issue_token(
            self._ring,
            self._rules,
            subject=subject,
            permissions=self._permissions,
            ttl=TTL_SECONDS,
            now=time.time(),
        )
