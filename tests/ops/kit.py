"""A guard with an operations page, and operators who look at it."""

from typing import Any, Final

from tests.kits import CHAT, GENEROUS, ChatSocket
from tests.test_routes import sent
from tornado_wssec.ops.terms import ACT, READ
from tornado_wssec.testing import GuardKit, Response
from tornado_wssec.testing.client import Client
from tornado_wssec.testing.kit import ORIGIN

PAGE: Final = "/wssec/ops"
SOCKET: Final = "/wssec/ops/socket"
FROM_US: Final = ("Origin", ORIGIN)
FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")


def operations_kit(**options: Any) -> GuardKit:
    """A chat at /ws, and the page."""
    kit = GuardKit([(r"/ws", ChatSocket)], registry=CHAT, limits=GENEROUS, **options)
    kit.app.add_handlers(r".*", kit.guard.routes(ops=True))
    return kit


async def operator(kit: GuardKit, *permissions: str, subject: str = "olga") -> Client:
    """Somebody on the page's socket, who may read; and what else is named."""
    return await kit.connect(SOCKET, subject=subject, permissions=[READ, *permissions])


async def actor(kit: GuardKit) -> Client:
    """Somebody there who may act."""
    return await operator(kit, ACT)


async def signed_in(kit: GuardKit, token: str) -> Response:
    """The answer to a token in the form."""
    return await sent(kit, "POST", f"{PAGE}/sign-in", f"token={token}", FORM, FROM_US)


def cookie_of(answer: Response) -> tuple[str, str]:
    """The header with which a browser shows the cookie that was set."""
    return ("Cookie", answer.headers["set-cookie"].partition(";")[0])
