"""The routes of the operations page, for one guard."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tornado.template import Loader

from ..auth.base import Authenticator
from .observer import Observer
from .pages import FileHandler, PageHandler, SignInHandler, SignOutHandler
from .socket import OperationsSocket
from .ways import Ways

if TYPE_CHECKING:
    from ..guard import Guard

PATH: Final = "/wssec/ops"
HERE: Final = Path(__file__).resolve().parent


def operations_routes(
    guard: "Guard", observer: Observer, authenticators: Sequence[Authenticator], prefix: str, below: str
) -> list[Any]:
    """The page, its socket and its files.

    Args:
        authenticators: the guard's.
        prefix: the path below which they stand, and `below` the same as an expression.
    """
    ways = Ways(guard, authenticators)
    loader = Loader(str(HERE / "templates"), autoescape="xhtml_escape")
    parts = {"guard": guard, "observer": observer, "ways": ways, "loader": loader, "base": prefix + PATH}
    # A class for each guard: two of them in one process show themselves, and are asked in their own ways.
    own = {"authenticators": ways.of_sockets, "observer": observer}
    socket = type(OperationsSocket.__name__, (OperationsSocket,), {**own, "__module__": __name__})
    return [
        (below + PATH, PageHandler, parts),
        (below + PATH + "/sign-in", SignInHandler, parts),
        (below + PATH + "/sign-out", SignOutHandler, parts),
        (below + PATH + "/socket", socket),
        (below + PATH + "/static/(.*)", FileHandler, {"path": str(HERE / "static")}),
    ]
