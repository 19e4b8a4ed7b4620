"""An application with a login and a logout, and a browser that keeps its cookie."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from tornado.web import RequestHandler, create_signed_value

from tests.kits import CHAT, ChatSocket
from tornado_wssec import Guard
from tornado_wssec.auth import Authenticator, SignedCookie
from tornado_wssec.policy.csrf import csrf_value
from tornado_wssec.testing import Client, GuardKit, Response
from tornado_wssec.testing.kit import ORIGIN

SECRET: Final = "of-the-cookies-and-32-bytes-long"
OTHER_SECRET: Final = "of-the-others-and-32-bytes-long."
JSON: Final = ("Content-Type", "application/json")
FROM_US: Final = ("Origin", ORIGIN)
WANTS: Final = '{"path": "/ws"}'


class Plain(RequestHandler):
    """What the plain handlers share."""

    @property
    def guard(self) -> Guard:
        guard: Guard = self.settings["wssec"]
        return guard


class LoginHandler(Plain):
    """Believes whatever name it is told."""

    async def post(self) -> None:
        asked = json.loads(self.request.body)
        asked.pop("password", None)
        csrf = await self.guard.sign_in(self, asked.pop("name"), asked.pop("permissions", ["chat:**"]), **asked)
        self.write({"csrf": csrf})


class LogoutHandler(Plain):
    """Ends the login."""

    async def post(self) -> None:
        await self.guard.sign_out(self)

    async def get(self) -> None:
        await self.guard.sign_out(self)


class MeHandler(Plain):
    """Says who asks."""

    async def get(self) -> None:
        who = await self.guard.authenticate(self.request)
        self.write({"name": who.subject, "session": who.session_id, "csrf": self.guard.csrf_value(self.request)})

    post = get


def cookie_kit(*ways: Authenticator, socket: type = ChatSocket, **options: Any) -> GuardKit:
    """A chat at /ws for who has signed in by the first of these."""
    routes = [("/ws", socket), ("/login", LoginHandler), ("/logout", LogoutHandler), ("/me", MeHandler)]
    settings = {"cookie_secret": SECRET, **options.pop("settings", {})}
    return GuardKit(routes, registry=CHAT, settings=settings, authenticators=ways, **options)


@dataclass
class Browser:
    """Keeps one cookie and what goes with it, as a page of ours and its browser do.

    Args:
        name: of the cookie.
        value: as it stands behind the name; empty: there is none.
    """

    kit: GuardKit
    name: str = "__Host-wssec"
    value: str = ""
    csrf: str = ""
    set_by: Response | None = field(default=None, repr=False)

    @property
    def cookie(self) -> list[tuple[str, str]]:
        """The header."""
        return [("Cookie", f"{self.name}={self.value}")] if self.value else []

    async def send(self, method: str, path: str, body: str = "", *headers: tuple[str, str], **named: Any) -> Response:
        """The answer to a plain request that carries the cookie."""
        lines = [("Host", named.get("host", self.kit.host)), *self.cookie, *headers]
        if body or method == "POST":
            lines.append(("Content-Length", str(len(body.encode()))))
        raw = await self.kit.raw()
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines), "", ""])
        await raw.write(head.encode("latin-1") + body.encode())
        answer = await raw.response()
        self._keep(answer)
        return answer

    async def sign_in(self, name: str = "ann", **options: Any) -> None:
        """Sign in, and keep what came."""
        answer = await self.send("POST", "/login", json.dumps({"name": name, **options}), JSON, FROM_US)
        assert answer.status == 200, f"the login was refused with {answer.status} {answer.body!r}"
        self.csrf = json.loads(answer.body)["csrf"]

    async def handshake(self, csrf: str | None = None, **options: Any) -> int:
        """The status of a handshake with the cookie and the CSRF value that goes with it, or another."""
        csrf = self.csrf if csrf is None else csrf
        path = f"/ws?csrf={csrf}" if csrf else "/ws"
        _, answer = await self.kit.handshake(options.pop("path", path), extra=self.cookie, **options)
        return answer.status

    async def connect(self) -> Client:
        """A connected client."""
        return await self.kit.connect(f"/ws?csrf={self.csrf}", token="", extra=self.cookie, subprotocols=["wssec.v1"])

    async def session(self) -> str:
        """The session as the guard names it."""
        session: str = json.loads((await self.send("GET", "/me")).body)["session"]
        return session

    def _keep(self, answer: Response) -> None:
        found = re.match(rf"{re.escape(self.name)}=([^;]*)", answer.headers.get("set-cookie", ""))
        if found:
            self.set_by, self.value = answer, "" if found[1] == '""' else found[1]


def signed(value: str, at: float, *, name: str = "__Host-wssec", secret: str = SECRET, version: int = 2) -> str:
    """A cookie as Tornado signs it at a moment."""
    return create_signed_value(secret, name, value, version=version, clock=lambda: at).decode()


def shown(kit: GuardKit, value: str, name: str = "__Host-wssec") -> Browser:
    """A browser with this cookie, that knows what goes with it."""
    return Browser(kit, name, value, csrf_value(value.strip('"')))


def by_name(**options: Any) -> SignedCookie:
    """The cookie of an application that signs a bare name itself."""
    return SignedCookie(identify=lambda value: value, **options)
