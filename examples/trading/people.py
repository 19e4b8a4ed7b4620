"""Who may trade, and how one signs in: with a name, and the public half of the key that will sign.

A product checks a password or asks an identity provider where these handlers believe a name; the rest stays.
"""

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import tornado.web

from examples.pages import Api
from tornado_wssec import StoreError

from .market import LISTED

SESSION_SECONDS: Final = 12 * 3_600
"""How long one may go on without signing in again, however often the token is renewed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in."""

    account: str | None
    permissions: tuple[str, ...]


def trader(account: str) -> Person:
    """Reads the market, and trades for one account."""
    return Person(account, ("market:read:*", f"orders:place:{account}", f"orders:read:{account}"))


PEOPLE: Final[Mapping[str, Person]] = {
    "ann": trader("1001"),
    "bob": trader("2002"),
    "eve": Person(None, ("market:read:*",)),
}


class Tokens(Api):
    """What both ways to a token share."""

    def answer(self, name: str, session: str, signed_in_at: int, cnf: dict[str, Any] | None) -> None:
        """Give a token with the rights that this person has now, and the key that signs for it."""
        person = PEOPLE[name]
        claims = {"auth_time": signed_in_at, **({"account": person.account} if person.account else {})}
        try:
            token = self.guard.issue_token(name, person.permissions, session=session, claims=claims, cnf=cnf)
        except (TypeError, ValueError):
            raise tornado.web.HTTPError(400) from None  # what was shown is no public key
        symbols = [{"symbol": each.symbol, "name": each.name} for each in LISTED]
        self.write({"token": token, "name": name, "account": person.account, "symbols": symbols})


class SignIn(Tokens):
    """`GET /sign-in`: who there is. `POST /sign-in {"name", "key"}`: whoever you say you are."""

    def get(self) -> None:
        """Name everybody."""
        self.write({"people": [{"name": name, "account": person.account} for name, person in PEOPLE.items()]})

    def post(self) -> None:
        """Start a session; what signs is fixed from here on."""
        name = self.said("name")
        if name not in PEOPLE:
            raise tornado.web.HTTPError(401)
        key = self.sent("key")
        self.answer(name, secrets.token_urlsafe(16), int(time.time()), {"jwk": key} if key else None)


class Renew(Tokens):
    """`POST /renew` with a token that still holds: a fresh one, for the same session and the same key."""

    async def post(self) -> None:
        """Look up the rights anew, so that what was taken away is gone."""
        identity = await self.guard.authenticate(self.request)
        signed_in_at = identity.claims.get("auth_time", 0)
        if identity.subject not in PEOPLE or not identity.session_id or time.time() > signed_in_at + SESSION_SECONDS:
            raise tornado.web.HTTPError(401)
        self.answer(identity.subject, identity.session_id, signed_in_at, identity.claims.get("cnf"))


class SignOut(Api):
    """`POST /sign-out` with a token ends its session: every token and every screen of it."""

    async def post(self) -> None:
        """Revoke, and say nothing; 503 where it may not hold, since the store did not acknowledge it."""
        identity = await self.guard.authenticate(self.request)
        whole = {"session": identity.session_id} if identity.session_id else {"token": identity.token_id}
        try:
            await self.guard.revoke(**whole, reason="signed out")
        except StoreError as error:
            raise tornado.web.HTTPError(503) from error
        self.set_status(204)


def routes() -> list[Any]:
    """Where all this is; nobody signs in by a mere name unless EXAMPLE_SIGN_IN=1 says so."""
    sign_in = [("/sign-in", SignIn)] if os.environ.get("EXAMPLE_SIGN_IN") == "1" else []
    return [*sign_in, ("/renew", Renew), ("/sign-out", SignOut)]
