"""One chat behind two doors, plain on loopback and through TLS; and handshakes that differ from a good one."""

from typing import Any, Final, Self

from tests.certificates import Certified
from tests.kits import CHAT, GENEROUS, ChatSocket
from tornado_wssec.certificates import tls_context
from tornado_wssec.testing import GuardKit, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

GONE: Final = 0
"""The status of a handshake on which the server hung up."""


class Door:
    """A door to knock at.

    Args:
        certified: what the server shows; None: the door is plain.
    """

    def __init__(self, certified: Certified | None) -> None:
        self._certified = certified

    def kit(self, handler: type = ChatSocket, **options: Any) -> GuardKit:
        """A chat at /ws behind it, with budgets that no list of attacks uses up."""
        given: dict[str, Any] = {"handlers": [("/ws", handler)], "registry": CHAT, "limits": GENEROUS, **options}
        return GuardKit(**given) if self._certified is None else TlsKit(self._certified, **given)


class TlsKit(GuardKit):
    """A kit whose clients come in through TLS.

    Args:
        certified: what the server shows.
    """

    def __init__(self, certified: Certified, **options: Any) -> None:
        super().__init__(**options)
        self._certified = certified

    async def __aenter__(self) -> Self:
        await self.guard.start(following=False)
        context = tls_context(str(self._certified.certificate), str(self._certified.key))
        self.port = self.guard.listen(self.app, 0, address="127.0.0.1", ssl=context)
        return self

    async def raw(self) -> RawSocket:
        """A socket to the server, encrypted, that has said nothing yet."""
        socket = await RawSocket.open(self.port, tls=self._certified.trusted())
        self._open.append(socket)
        return socket


async def knock(kit: GuardKit, *changes: tuple[str, str | None], token: str | None = None) -> int:
    """The status of a good handshake with these headers in the place of its own; None sends none of that name."""
    headers = handshake_headers(kit.host, origin=ORIGIN, token=kit.token() if token is None else token)
    names = {name for name, _ in changes}
    kept = [(name, value) for name, value in headers if name not in names]
    sent = [*kept, *((name, on_the_wire(value)) for name, value in changes if value is not None)]
    try:
        answer = await (await kit.raw()).upgrade("/ws", sent)
    except (ConnectionError, EOFError):
        return GONE
    return answer.status


def on_the_wire(text: str) -> str:
    """Its UTF-8, as the raw socket writes headers."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
