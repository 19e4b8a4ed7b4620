"""What stands open in sockets and applications that are not ours.

Rules of this file:
1. Each line says what was seen; where other code decides, whose code it is, and that we cannot tell.
2. Hosts such as Jupyter Server and Bokeh are known by what their objects show, never by importing them.
"""

from collections.abc import Iterable, Iterator
from inspect import getattr_static
from typing import Any, Final

from tornado.web import Application

from ..exposure import Route
from .audit_lines import Level, Line
from .handler_facts import (
    UNKNOWN,
    UNSAFE,
    asks_for_login,
    constant,
    decorators,
    definer,
    full_name,
    http_methods,
    is_tornados,
)

MESSAGE_BYTES: Final = 10 * 1024 * 1024
"""Tornado's own cap where `websocket_max_message_size` is not set."""
SECRET_BYTES: Final = 16
"""A cookie secret below this can be guessed, whatever it is made of: 128 bits at the most."""


def socket_lines(app: Application, route: Route, *, again: bool) -> Iterator[Line]:
    """What a WebSocket that is not ours leaves open.

    Args:
        app: the application.
        route: where the socket is.
        again: whether its class has been told of, at another route.
    """
    handler = route.handler
    where = full_name(handler)
    yield Line(
        Level.OPEN,
        where,
        f"{route.pattern} is a WebSocket without the guard",
        "derive it from SecureWebSocketHandler, or keep it from strangers",
    )
    if again:
        return
    yield _who(handler)
    yield _origin(handler)
    yield from _compression(handler)
    cap = app.settings.get("websocket_max_message_size", MESSAGE_BYTES)
    yield Line(Level.DECLARED, f"{where}: messages", f"of up to {cap} bytes, each of them for its own code to validate")


def _who(handler: type[Any]) -> Line:
    """Whether anybody is asked who he is."""
    where = f"{full_name(handler)}: who connects"
    methods = [getattr_static(handler, name, None) for name in ("get", "open", "prepare")]
    if any(asks_for_login(method) for method in methods):
        who = full_name(definer(handler, "get_current_user"))
        return Line(
            Level.UNKNOWN, where, f"asks for a login; {who}.get_current_user() decides, before each upgrade or after"
        )
    names = [name for method in methods for name in decorators(method)]
    if names:
        return Line(Level.UNKNOWN, where, f"decorated by {', '.join(names)}, which decides")
    for name in ("prepare", "get"):
        if not is_tornados(handler, name):
            return Line(Level.UNKNOWN, where, f"{full_name(definer(handler, name))}.{name}() may ask")
    return Line(Level.OPEN, where, "nothing asks before the upgrade", "authenticate in prepare(), or use our handler")


def _origin(handler: type[Any]) -> Line:
    """Which pages may connect."""
    where = f"{full_name(handler)}.check_origin"
    if is_tornados(handler, "check_origin"):
        what = "Tornado's own: compares with the Host that the client names, and lets whoever sends no Origin in"
        return Line(Level.DECLARED, where, what)
    value = constant(getattr_static(handler, "check_origin"))
    if value is UNKNOWN:
        who = full_name(definer(handler, "check_origin"))
        return Line(Level.UNKNOWN, where, f"{who} decides which pages may connect")
    if value:
        return Line(Level.OPEN, where, "lets the pages of every site in", "compare with a list of yours")
    return Line(Level.DECLARED, where, "lets no page in")


def _compression(handler: type[Any]) -> Iterator[Line]:
    """Whether compressed messages are taken."""
    if is_tornados(handler, "get_compression_options"):
        return
    where = f"{full_name(handler)}.get_compression_options"
    value = constant(getattr_static(handler, "get_compression_options"))
    if value is UNKNOWN:
        who = full_name(definer(handler, "get_compression_options"))
        yield Line(Level.UNKNOWN, where, f"{who} decides whether compressed messages are taken")
    elif value is not None:
        yield Line(Level.OPEN, where, "takes compressed messages, which grow without bound", "return None")


def application_lines(app: Application, plain: Iterable[type[Any]]) -> Iterator[Line]:
    """What the whole application leaves open.

    Args:
        app: the application.
        plain: its handlers that are neither ours nor sockets.
    """
    yield from _cookie_lines(app, plain)
    yield from _jupyter_lines(app)
    yield from _bokeh_lines(app)


def _cookie_lines(app: Application, plain: Iterable[type[Any]]) -> Iterator[Line]:
    changing = [handler for handler in plain if UNSAFE.intersection(http_methods(handler))]
    if changing and not app.settings.get("xsrf_cookies"):
        names = ", ".join(sorted({handler.__qualname__ for handler in changing}))
        what = f"pages of other sites may send requests with a user's cookies to {names}"
        yield Line(
            Level.DECLARED, "Application(xsrf_cookies=…)", what, "xsrf_cookies=True, if cookies say who it is there"
        )
    secret = app.settings.get("cookie_secret")
    if isinstance(secret, (str, bytes)) and len(secret) < SECRET_BYTES:
        what = f"{len(secret)} characters, which can be guessed: who knows it signs any cookie"
        yield Line(Level.OPEN, "Application(cookie_secret=…)", what, "take 32 random bytes")


def _jupyter_lines(app: Application) -> Iterator[Line]:
    """The settings by which Jupyter Server opens itself."""
    told = app.settings
    if told.get("allow_origin") == "*":
        yield Line(Level.OPEN, "allow_origin", "'*' lets the pages of every site in", "name the sites")
    if told.get("allow_origin_pat"):
        what = f"the pattern {told['allow_origin_pat']!r} decides which pages may connect"
        yield Line(Level.UNKNOWN, "allow_origin_pat", what)
    if told.get("disable_check_xsrf"):
        yield Line(Level.OPEN, "disable_check_xsrf", "pages of other sites may act as the user", "leave it False")
    if told.get("allow_unauthenticated_access"):
        what = "a handler whose author forgot to ask who it is lets everybody in"
        yield Line(Level.DECLARED, "allow_unauthenticated_access", what, "set it to False")
    provider = told.get("identity_provider")
    if provider is not None and getattr(provider, "auth_enabled", None) is False:
        what = f"{full_name(type(provider))} has neither token nor password: everybody is let in"
        yield Line(Level.OPEN, "identity_provider", what, "set a token or a password")


def _bokeh_lines(app: Application) -> Iterator[Line]:
    """What a Bokeh server shows of itself."""
    origins = getattr(app, "websocket_origins", None)
    if isinstance(origins, (set, frozenset, list, tuple)):
        pages = ", ".join(sorted(map(str, origins))) or "no site"
        if "*" in pages:
            what = f"{pages}: the pages of sites that nobody has named may connect"
            yield Line(Level.OPEN, "allow_websocket_origin", what, "name the sites")
        else:
            what = f"pages of {pages} may connect, unless BOKEH_ALLOW_WS_ORIGIN says otherwise"
            yield Line(Level.DECLARED, "allow_websocket_origin", what)
    provider = getattr(app, "auth_provider", None)
    if provider is not None and type(provider).__name__ == "NullAuth":
        what = "there is no auth provider: whoever reaches it is let in"
        yield Line(Level.OPEN, "auth_provider", what, "give the server auth_provider=…")
    if getattr(app, "sign_sessions", None) is False:
        what = "session ids are not signed: whoever names one gets that session"
        yield Line(Level.DECLARED, "sign_sessions", what, "sign_sessions=True, and a secret key")
