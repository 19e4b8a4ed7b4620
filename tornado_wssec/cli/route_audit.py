"""Every route of an application, and what guards it."""

from collections.abc import Iterator, Mapping
from inspect import getattr_static
from typing import Any, Final

from tornado.web import Application, ErrorHandler, RedirectHandler, StaticFileHandler
from tornado.websocket import WebSocketHandler

from ..client_modules import ClientModuleHandler
from ..endpoint import Endpoint
from ..exposure import Route, dead_ends, routes_of
from ..guard import Guard
from ..handler import SecureWebSocketHandler
from ..ops.pages import FileHandler, PageHandler, SignInHandler, SignOutHandler
from ..ops.terms import READ
from ..routes import CsrfHandler, GuardedHandler, KeysHandler, LiveHandler, ReadyHandler, TicketHandler
from .audit_lines import Level, Line
from .handler_facts import asks_for_login, decorators, definer, full_name, http_methods, is_tornados

ORIGINS_SHOWN: Final = 3
OWN: Final[Mapping[type, str]] = {
    TicketHandler: "gives a ticket to whoever shows another credential",
    CsrfHandler: "gives a page what it must show beside its user's cookie",
    KeysHandler: "the public keys, for everybody",
    LiveHandler: "says that the process serves, to everybody",
    ReadyHandler: "says whether connections are accepted, to everybody",
    PageHandler: f"the operations page, for whoever has {READ}",
    SignInHandler: "the form to sign in there",
    SignOutHandler: "ends a sign-in there",
    FileHandler: "the files of the operations page, for everybody",
    ClientModuleHandler: "the browser's modules, for everybody",
}


def route_lines(app: Application, guard: Guard | None, *, starts: bool) -> Iterator[Line]:
    """A line for each route, in the order in which they are asked.

    Args:
        app: the application.
        guard: its own; None where it has none.
        starts: whether it would start, so that its endpoints can be told.
    """
    for route in routes_of(app):
        yield Line(Level.ROUTE, route.pattern, _what(route, guard if starts else None))
    for pattern, target in dead_ends(app):
        yield Line(Level.UNKNOWN, pattern, f"leads to {type(target).__qualname__}, which decides by itself")


def plain_handlers(app: Application) -> Iterator[type[Any]]:
    """The handlers that are neither ours, nor sockets, nor Tornado's own."""
    for handler in dict.fromkeys(route.handler for route in routes_of(app)):
        if not issubclass(
            handler, (WebSocketHandler, GuardedHandler, StaticFileHandler, RedirectHandler, ErrorHandler)
        ):
            yield handler


def _what(route: Route, guard: Guard | None) -> str:
    handler = route.handler
    if issubclass(handler, SecureWebSocketHandler):
        return _secure(handler, guard)
    if issubclass(handler, WebSocketHandler):
        return f"{handler.__qualname__}: a WebSocket without the guard"
    if handler in OWN or issubclass(handler, GuardedHandler):
        return f"the guard's own: {OWN.get(handler, 'asks as the guard does')}"
    if issubclass(handler, RedirectHandler):
        return f"{handler.__qualname__}: leads elsewhere"
    if issubclass(handler, ErrorHandler):
        return f"{handler.__qualname__}: refuses"
    kind = "files, " if issubclass(handler, StaticFileHandler) else ""
    methods = ", ".join(name.upper() for name in http_methods(handler)) or "no method"
    return f"{handler.__qualname__}: {kind}{methods}; {_asked(handler)}"


def _secure(handler: type[SecureWebSocketHandler], guard: Guard | None) -> str:
    if guard is None:
        return f"{handler.__qualname__}: a secure socket, which does not start as it is"
    endpoint = guard.reception.endpoint_of(handler)
    return f"{endpoint.name}: {_credentials(endpoint)}; {_pages(endpoint, guard)}; {_permission(endpoint)}"


def _credentials(endpoint: Endpoint) -> str:
    names = [way.name.replace("_", " ") for way in endpoint.authenticators]
    return " or ".join([*names, "nobody in particular"] if endpoint.anonymous else names) or "no credential is accepted"


def _pages(endpoint: Endpoint, guard: Guard) -> str:
    origins = guard.settings.origins
    more = f" and {len(origins) - ORIGINS_SHOWN} more" if len(origins) > ORIGINS_SHOWN else ""
    pages = f"from {', '.join(origins[:ORIGINS_SHOWN])}{more}" if origins else "from no page"
    return pages + (" or a client without Origin" if endpoint.allow_missing_origin else "")


def _permission(endpoint: Endpoint) -> str:
    return f"requires {endpoint.requires.text}" if endpoint.requires else "requires no permission to connect"


def _asked(handler: type[Any]) -> str:
    """What can be seen of whether a plain handler asks who it is."""
    found = {name: getattr_static(handler, name) for name in http_methods(handler)}
    asking = [name for name, method in found.items() if asks_for_login(method)]
    if found and len(asking) == len(found):
        return "asks for a login"
    seen = [f"{', '.join(name.upper() for name in asking)} asks for a login"] if asking else []
    names = dict.fromkeys(name for method in found.values() for name in decorators(method))
    seen += [f"decorated by {name}" for name in names if name != "authenticated"]
    if not is_tornados(handler, "prepare"):
        seen.append(f"{full_name(definer(handler, 'prepare'))}.prepare() may ask")
    return "; ".join(seen) or "nothing seen that asks who it is"
