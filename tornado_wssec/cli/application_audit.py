"""What an application exposes, thing by thing, for `wssec check`.

Rules of this file:
1. What a server refuses at its start comes from the guard itself, by the same code.
2. Whatever weakens a default is named, also where it is meant; only what is open to strangers fails the check.
"""

from collections.abc import Iterator
from typing import Any, Final

from tornado.web import Application
from tornado.websocket import WebSocketHandler

from ..auth.cookie import HOST_PREFIX, CookieAuthenticator
from ..auth.first_message import FirstMessage
from ..auth.proxy_header import ProxyHeader
from ..endpoint import Endpoint
from ..errors import ConfigurationError
from ..exposure import routes_of
from ..guard import Guard
from ..handler import SecureWebSocketHandler
from ..handover import STOCK
from ..policy.registry import Registry
from ..policy.strictness import field_problems
from ..settings import Settings, Timeouts
from ..startup import FROM_SETTINGS, report_of, shown
from .alert_lines import alert_lines
from .audit_lines import Level, Line
from .certificate_lines import certificate_lines
from .foreign_audit import application_lines, socket_lines
from .issuer_lines import issuer_lines
from .operations_lines import operations_lines
from .route_audit import plain_handlers, route_lines

ORDER: Final = tuple(Level)
"""The gravest first."""


def audit(app: Application, guard: Guard | None) -> list[Line]:
    """Everything there is to say of an application, the gravest first.

    Args:
        app: the application.
        guard: its own; None where it has none, as somebody else's server.
    """
    lines = list(_of_guarded(app, guard) if guard is not None else _of_unguarded(app))
    lines += [*_open_switches(app), *_foreign(app)]
    return sorted(lines, key=lambda line: ORDER.index(line.level))


def _of_unguarded(app: Application) -> Iterator[Line]:
    for handler in dict.fromkeys(route.handler for route in routes_of(app)):
        if issubclass(handler, SecureWebSocketHandler):
            remedy = "pass Application(…, wssec=guard), or call guard.install(app)"
            yield Line(Level.PROBLEM, handler.__qualname__, "its application has no guard: everybody gets 503", remedy)
    what = "there is none: what follows is what the application's objects show, and no more"
    yield Line(Level.UNKNOWN, "guard", what)
    yield from route_lines(app, None, starts=False)


def _of_guarded(app: Application, guard: Guard) -> list[Line]:
    problems = list(_problems(app, guard))
    endpoints = [] if problems else list(_endpoints(app, guard))
    declared = [line for endpoint in endpoints for line in _declared(endpoint, guard.timeouts)]
    return [
        *problems,
        *_insecure(guard.settings),
        *_framing(guard),
        *_traces(guard),
        *route_lines(app, guard, starts=not problems),
        *declared,
        *_public(guard.registry),
        *_lenient(guard.registry, guard.clock.wall()),
        *_warn_only(guard.registry, guard.clock.wall()),
        *_uncompiled(guard.registry),
        *_of_settings(guard.settings),
        *certificate_lines(guard.settings),
        *_changed(guard, endpoints),
        *issuer_lines(guard),
        *alert_lines(guard),
        *operations_lines(app),
        *(Line(Level.IN_FORCE, *mode) for mode in (*report_of(guard), *guard.modes)),
    ]


def _problems(app: Application, guard: Guard) -> Iterator[Line]:
    try:
        guard.check(app)
    except ConfigurationError as error:
        for problem in error.problems:
            yield Line(Level.PROBLEM, problem.where, problem.fault, problem.remedy)


def _insecure(settings: Settings) -> Iterator[Line]:
    if settings.insecure:
        what = "ws:// is accepted beyond loopback, so that everybody on the way reads tokens and messages"
        yield Line(Level.OPEN, "WSSEC_INSECURE", what, "unset it outside development")


def _framing(guard: Guard) -> Iterator[Line]:
    if guard.framing == STOCK:
        what = "Tornado reads frames, unmasked ones and endless fragments too, however long each takes"
        yield Line(Level.DECLARED, f'Guard(framing="{STOCK}")', what, "drop it")


def _traces(guard: Guard) -> Iterator[Line]:
    if guard.trusts_traceparent:
        what = "whoever connects says which trace its handshake belongs to, and whether that is sampled"
        yield Line(Level.DECLARED, "Guard(trust_traceparent=True)", what)


def _open_switches(app: Application) -> Iterator[Line]:
    for switch in ("debug", "serve_traceback", "autoreload"):
        if app.settings.get(switch):
            yield Line(Level.OPEN, f"Application({switch}=True)", "shows or runs what is for developers", "drop it")


def _foreign(app: Application) -> Iterator[Line]:
    seen: set[type] = set()
    for route in routes_of(app):
        if issubclass(route.handler, WebSocketHandler) and not issubclass(route.handler, SecureWebSocketHandler):
            yield from socket_lines(app, route, again=route.handler in seen)
            seen.add(route.handler)
    yield from application_lines(app, plain_handlers(app))


def _endpoints(app: Application, guard: Guard) -> Iterator[Endpoint]:
    found = dict.fromkeys(route.handler for route in routes_of(app))
    for handler in found:
        if issubclass(handler, SecureWebSocketHandler):
            yield guard.reception.endpoint_of(handler)


def _declared(endpoint: Endpoint, timeouts: Timeouts) -> Iterator[Line]:
    if endpoint.anonymous:
        yield Line(Level.DECLARED, f"{endpoint.name}.anonymous", "nobody in particular may connect")
    if endpoint.allow_missing_origin:
        yield Line(Level.DECLARED, f"{endpoint.name}.allow_missing_origin", "clients without an Origin may connect")
    if endpoint.newest_wins:
        what = "whoever has a credential of somebody can end the connections of that person; counted in each process"
        yield Line(Level.DECLARED, f"{endpoint.name}.newest_wins", what)
    if endpoint.concurrency > 1:
        what = f"up to {endpoint.concurrency} messages of a connection are handled at once, and answered in any order"
        yield Line(Level.DECLARED, f"{endpoint.name}.concurrency", what)
    for way in endpoint.authenticators:
        if isinstance(way, FirstMessage):
            what = f"strangers hold a socket for up to {timeouts.first_message:g} s"
            yield Line(Level.DECLARED, f"{endpoint.name}: FirstMessage()", what)
        if isinstance(way, CookieAuthenticator):
            yield from _cookie(way, f"{endpoint.name}: {type(way).__name__}")
        if isinstance(way, ProxyHeader):
            yield from _proxy_header(way, f"{endpoint.name}: {type(way).__name__}")
        if way.name != "ticket" and getattr(way, "query", False):
            what = "takes tokens in the query, which proxies and browsers keep"
            yield Line(Level.DECLARED, f"{endpoint.name}: {type(way).__name__}(query=True)", what)


def _cookie(way: CookieAuthenticator, where: str) -> Iterator[Line]:
    if not way.cookie_name.startswith(HOST_PREFIX):
        what = f"any neighbouring host can set the cookie {way.cookie_name}"
        yield Line(Level.DECLARED, f"{where}(allow_unprefixed=True)", what)
    if way.same_site != "Strict":
        what = f"the cookie of a login goes along with links from other sites (SameSite={way.same_site})"
        yield Line(Level.DECLARED, f"{where}(same_site={way.same_site!r})", what)


def _proxy_header(way: ProxyHeader, where: str) -> Iterator[Line]:
    what = f"believes {', '.join(way.headers)} of a trusted proxy, which must drop what clients send under these names"
    yield Line(Level.DECLARED, where, what)
    if way.browsers:
        what = "for pages the proxy's cookie is enough: the list of origins alone keeps other sites out"
        yield Line(Level.DECLARED, f"{where}(browsers=True)", what)


def _public(registry: Registry) -> Iterator[Line]:
    for spec in registry.messages.values():
        if spec.permission is not None and spec.permission.is_public:
            verb = "receive" if spec.direction == "out" else "send"
            yield Line(Level.DECLARED, spec.type, f"everybody who is connected may {verb} it")
    for channel in registry.channels:
        for verb, template in (("subscribe", channel.subscribe), ("publish", channel.publish)):
            if template is not None and template.is_public:
                yield Line(Level.DECLARED, channel.pattern.text, f"everybody who is connected may {verb} to it")


def _lenient(registry: Registry, now: float) -> Iterator[Line]:
    """What strict mode would refuse, and somebody has switched it off for."""
    refused, warned = set(registry.problems(now)), set(registry.findings(now))
    declared = [spec.message for spec in registry.messages.values()], [spec.channel for spec in registry.channels]
    for schema in (schema for group in declared for schema in group):
        for problem in field_problems(schema, strict=True):
            if problem not in refused:
                switch = "warn_only=…" if problem in warned else "strict=False"
                what = f"{problem.fault}, which Registry({switch}) lets pass"
                yield Line(Level.DECLARED, problem.where, what, problem.remedy)


def _warn_only(registry: Registry, now: float) -> Iterator[Line]:
    warn_only = registry.warn_only
    if warn_only is not None and now >= warn_only.ends_at:
        yield Line(Level.DECLARED, "Registry(warn_only=…)", f"has ended on {warn_only.until}", "drop it")
    elif warn_only is not None:
        types = ", ".join(sorted(registry.eased_types())) or "no type"
        what = f"until {warn_only.until} what does not fit reaches the handlers of {types}, and is told of"
        yield Line(Level.DECLARED, "Registry(warn_only=…)", what, "declare what is told of, then drop it")


def _uncompiled(registry: Registry) -> Iterator[Line]:
    if not registry.is_compiled:
        what = "marshmallow alone checks every message, which costs fifteen times as much and more"
        yield Line(Level.DECLARED, "Registry(compiled=False)", what, "drop it")


def _of_settings(settings: Settings) -> Iterator[Line]:
    if not settings.origins:
        remedy = "set it to the pages that may connect, unless there are only native clients"
        yield Line(Level.DECLARED, "WSSEC_ORIGINS", "no page may connect", remedy)
    if not settings.tls_cert:
        what = "no TLS here: connections from beyond loopback need a TLS proxy that WSSEC_TRUSTED_PROXIES names"
        yield Line(Level.DECLARED, "WSSEC_TLS_CERT", what)
    if settings.trusted_proxies:
        what = f"forwarding headers of {', '.join(settings.trusted_proxies)} count"
        yield Line(Level.DECLARED, "WSSEC_TRUSTED_PROXIES", what)


def _changed(guard: Guard, endpoints: list[Endpoint]) -> Iterator[Line]:
    groups: list[tuple[str, Any]] = [
        ("Limits", guard.limits),
        ("Timeouts", guard.timeouts),
        ("TokenRules", guard.rules),
    ]
    groups += [(f"{one.name}.limits", one.limits) for one in endpoints if one.limits is not guard.limits]
    for where, group in groups:
        for name, (value, default) in group.changed().items():
            if name not in FROM_SETTINGS:
                yield Line(Level.CHANGED, f"{where}.{name}", f"{shown(value)}, by default {shown(default)}")
