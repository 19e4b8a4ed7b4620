"""`wssec check` lists every route with what guards it, and says of somebody else's what its objects show."""

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from tornado.routing import PathMatches, Rule, RuleRouter
from tornado.web import Application, ErrorHandler, RedirectHandler, RequestHandler, StaticFileHandler, authenticated
from tornado.websocket import WebSocketHandler

from tests.kits import CHAT, ChatSocket
from tornado_wssec import BearerToken, ProxyHeader, SecureWebSocketHandler, Ticket
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.cli.audit_lines import Level, Line
from tornado_wssec.cli.handler_facts import UNKNOWN, constant
from tornado_wssec.testing import GuardKit


def told(app: Application, level: Level, guard: Any = None) -> dict[str, str]:
    """Where → what, of the lines of one level."""
    return {line.where: line.what for line in audit(app, guard) if line.level is level}


def routes(*handlers: Any, **settings: Any) -> dict[str, str]:
    """Pattern → what is said of it, in an application with a guard."""
    kit = GuardKit([("/first", ChatSocket), *handlers], registry=CHAT, settings=settings)
    return told(kit.app, Level.ROUTE, kit.guard)


def shortened(where: str) -> str:
    """A name without its module."""
    return where.removeprefix(f"{__name__}.")


# --- ours ---


class RoomSocket(ChatSocket):
    requires = "chat:join:{room}"
    authenticators = (Ticket(),)


class OpenSocket(ChatSocket):
    anonymous = True
    allow_missing_origin = True
    authenticators = (BearerToken(),)


class ShutSocket(ChatSocket):
    authenticators = ()


def test_audit_tells_what_guards_our_sockets() -> None:
    """The credentials, the pages, and the permission to connect."""
    found = routes((r"/rooms/(?P<room>\w+)", RoomSocket), ("/open", OpenSocket), ("/shut", ShutSocket))
    page = "from https://app.example.com"

    assert {
        "/first$": f"ChatSocket: bearer or ticket; {page}; requires no permission to connect",
        r"/rooms/(?P<room>\w+)$": f"RoomSocket: ticket; {page}; requires chat:join:{{room}}",
        "/open$": f"OpenSocket: bearer or nobody in particular; {page} or a client without Origin;"
        " requires no permission to connect",
        "/shut$": f"ShutSocket: no credential is accepted; {page}; requires no permission to connect",
    }.items() <= found.items()


def test_audit_names_a_proxys_word() -> None:
    """It is the proxy's to keep clients from saying it themselves, and pages need nothing beside it."""

    class VouchedSocket(ChatSocket):
        authenticators = (ProxyHeader(roles="X-Roles", browsers=True),)

    kit = GuardKit([("/ws", VouchedSocket)], registry=CHAT, settings={"trusted_proxies": ("127.0.0.9",)})
    found = told(kit.app, Level.DECLARED, kit.guard)

    assert "believes X-Forwarded-User, X-Roles of a trusted proxy" in found["VouchedSocket: ProxyHeader"]
    assert "VouchedSocket: ProxyHeader(browsers=True)" in found


def test_audit_shortens_a_long_list_of_pages() -> None:
    """The first three, and how many more."""
    pages = tuple(f"https://{name}.example.com" for name in "abcde")

    assert f"; from {', '.join(pages[:3])} and 2 more; " in routes(origins=pages)["/first$"]
    assert "; from no page; " in routes(origins=())["/first$"]


def test_audit_tells_the_guards_own_routes() -> None:
    """Each by what it does."""
    found = routes()

    assert {"/wssec/ticket$", "/wssec/live$", "/wssec/ready$", r"/\.well-known/jwks\.json$"} <= set(found)
    assert all(found[path].startswith("the guard's own: ") for path in found if path != "/first$")


def test_audit_of_sockets_that_do_not_start() -> None:
    """They are listed, and what is wrong with them stands above."""

    class Faulty(ChatSocket):
        requires = "chat:join:{nowhere}"

    kit = GuardKit([("/faulty", Faulty)], registry=CHAT)

    assert "Faulty: a secure socket, which does not start as it is" in {
        what.rpartition(".")[2] for what in told(kit.app, Level.ROUTE, kit.guard).values()
    }


def test_audit_of_our_socket_without_a_guard() -> None:
    """It is a fault, with its remedy; nobody comes in."""
    found = [line for line in audit(Application([("/ws", ChatSocket)]), None) if line.level is Level.PROBLEM]

    assert [("ChatSocket", True)] == [(line.where, "guard.install(app)" in str(line.remedy)) for line in found]
    assert issubclass(ChatSocket, SecureWebSocketHandler)


def test_audit_goes_from_the_gravest_on() -> None:
    """Problems first, what is in force last."""
    levels = [line.level for line in audit(Application([("/ws", ChatSocket), ("/bare", Bare)]), None)]

    assert sorted(levels, key=list(Level).index) == levels
    assert Level.PROBLEM is levels[0]


# --- plain handlers ---


def allowed(method: Any) -> Any:
    """A decorator that says nothing of what it asks."""

    @wraps(method)
    def inner(self: Any) -> Any:
        return method(self)

    return inner


class Page(RequestHandler):
    def get(self) -> None: ...


class Account(RequestHandler):
    @authenticated
    def get(self) -> None: ...

    @authenticated
    def post(self) -> None: ...


class Half(RequestHandler):
    @authenticated
    def post(self) -> None: ...

    def get(self) -> None: ...


class Layered(RequestHandler):
    @allowed
    @authenticated
    def get(self) -> None: ...


class Wrapped(RequestHandler):
    @allowed
    def get(self) -> None: ...


class Prepared(RequestHandler):
    def prepare(self) -> None: ...

    def delete(self) -> None: ...


class Nothing(RequestHandler):
    """Answers nothing."""


@pytest.mark.parametrize(
    ("handler", "what"),
    [
        (Page, "Page: GET; nothing seen that asks who it is"),
        (Account, "Account: GET, POST; asks for a login"),
        (Half, "Half: GET, POST; POST asks for a login"),
        (Layered, "Layered: GET; asks for a login"),
        (Wrapped, "Wrapped: GET; decorated by allowed"),
        (Prepared, f"Prepared: DELETE; {__name__}.Prepared.prepare() may ask"),
        (Nothing, "Nothing: no method; nothing seen that asks who it is"),
        (RedirectHandler, "RedirectHandler: leads elsewhere"),
        (ErrorHandler, "ErrorHandler: refuses"),
        (StaticFileHandler, "StaticFileHandler: files, GET, HEAD; nothing seen that asks who it is"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_audit_tells_what_a_plain_handler_shows(handler: type, what: str) -> None:
    """Decorators and `prepare` are named; what they decide is not guessed at."""
    assert what == routes(("/plain", handler))["/plain$"]


def test_audit_names_what_nobody_can_look_into() -> None:
    """A rule that leads to another application, or to a function, decides by itself."""
    app = Application([("/plain", Page)])
    other = Application([("/in/ws", Bare)])
    app.wildcard_router.add_rules([Rule(PathMatches("/in/.*"), other)])
    app.wildcard_router.add_rules([Rule(PathMatches("/deep/.*"), RuleRouter([Rule(PathMatches("/deep/x"), Page)]))])

    assert "leads to Application, which decides by itself" == told(app, Level.UNKNOWN)["/in/.*$"]
    assert "/deep/x$" in told(app, Level.ROUTE)


# --- sockets of others ---


class Bare(WebSocketHandler):
    def on_message(self, message: str | bytes) -> None: ...


class EveryPage(Bare):
    def check_origin(self, origin: str) -> bool:
        """Everything is fine."""
        return True


class NoPage(Bare):
    def check_origin(self, origin: str) -> bool:
        return False


class SomePages(Bare):
    def check_origin(self, origin: str) -> bool:
        return origin.endswith(".example.com")


class Squeezed(Bare):
    def get_compression_options(self) -> dict[str, Any] | None:
        return {}


class MaybeSqueezed(Bare):
    def get_compression_options(self) -> dict[str, Any] | None:
        return self.settings.get("compression")


class Unsqueezed(Bare):
    def get_compression_options(self) -> dict[str, Any] | None:
        return None


class LateLogin(Bare):
    def get_current_user(self) -> str | None:
        return None

    @authenticated
    def open(self) -> None: ...


class EarlyLogin(Bare):
    @allowed
    @authenticated
    def get(self) -> None: ...


class OwnPrepare(Bare):
    def prepare(self) -> None: ...


class OwnGet(Bare):
    async def get(self, *args: Any, **kwargs: Any) -> None: ...


def of_socket(handler: type, **settings: Any) -> dict[str, tuple[Level, str]]:
    """What is said of it, by the part of it."""
    found = audit(Application([("/ws", handler)], **settings), None)
    name = f"{handler.__module__}.{handler.__qualname__}"
    return {line.where.removeprefix(name): (line.level, line.what) for line in found if line.where.startswith(name)}


WHO = ": who connects"


@pytest.mark.parametrize(
    ("handler", "part", "level", "what"),
    [
        (Bare, "", Level.OPEN, "/ws$ is a WebSocket without the guard"),
        (Bare, WHO, Level.OPEN, "nothing asks before the upgrade"),
        (Bare, ".check_origin", Level.DECLARED, "lets whoever sends no Origin in"),
        (Bare, ": messages", Level.DECLARED, "of up to 10485760 bytes"),
        (EveryPage, ".check_origin", Level.OPEN, "lets the pages of every site in"),
        (NoPage, ".check_origin", Level.DECLARED, "lets no page in"),
        (SomePages, ".check_origin", Level.UNKNOWN, f"{__name__}.SomePages decides"),
        (Squeezed, ".get_compression_options", Level.OPEN, "grow without bound"),
        (MaybeSqueezed, ".get_compression_options", Level.UNKNOWN, f"{__name__}.MaybeSqueezed decides"),
        (LateLogin, WHO, Level.UNKNOWN, f"{__name__}.LateLogin.get_current_user() decides"),
        (EarlyLogin, WHO, Level.UNKNOWN, "asks for a login"),
        (OwnPrepare, WHO, Level.UNKNOWN, f"{__name__}.OwnPrepare.prepare() may ask"),
        (OwnGet, WHO, Level.UNKNOWN, f"{__name__}.OwnGet.get() may ask"),
    ],
)
def test_audit_tells_what_a_foreign_socket_leaves_open(handler: type, part: str, level: Level, what: str) -> None:
    """What is seen is told, what is not is said to be unknown."""
    found = of_socket(handler)[part]

    assert (level, True) == (found[0], what in found[1])


@pytest.mark.parametrize("handler", [Bare, Unsqueezed])
def test_audit_says_nothing_of_compression_that_is_off(handler: type) -> None:
    """Tornado's default, and None written out."""
    assert ".get_compression_options" not in of_socket(handler)


def test_audit_tells_of_a_class_once() -> None:
    """At a second route it is open as well; the rest has been said."""
    lines = audit(Application([("/a", Bare), ("/b", Bare)], websocket_max_message_size=5), None)
    where = [line for line in lines if shortened(line.where).startswith("Bare")]

    assert 2 == sum("without the guard" in line.what for line in where)
    assert ["of up to 5 bytes, each of them for its own code to validate"] == [
        line.what for line in where if "messages" in line.where
    ]


def test_constant_is_told_of_one_constant_alone() -> None:
    """Whatever computes, is wrapped, or is no plain function is unknown."""

    async def later() -> bool:
        return True

    def argument(value: bool) -> bool:
        return value

    def both(value: bool) -> bool:
        return True if value else False  # noqa: SIM210  # two constants are the case

    def empty() -> dict[str, str]:
        return {}

    plain: list[Any] = [lambda: True, lambda: None, lambda: 7, empty]
    assert [True, None, 7, {}] == [constant(item) for item in plain]
    assert [UNKNOWN] * 5 == [constant(item) for item in (later, argument, both, allowed(lambda: True), len)]


# --- applications of others ---


def lines_of(app: Application) -> list[Line]:
    """What is said of the application as a whole."""
    return [line for line in audit(app, None) if line.level in (Level.OPEN, Level.DECLARED, Level.UNKNOWN)]


class Provider:
    auth_enabled = False


class NullAuth:
    """By its name, Bokeh's own."""


class Hosting(Application):
    """Shows what a Bokeh server shows of itself."""

    websocket_origins: frozenset[str] = frozenset({"*"})
    auth_provider = NullAuth()
    sign_sessions = False


class ShutHosting(Application):
    websocket_origins = frozenset({"app.example.com"})
    auth_provider = object()
    sign_sessions = True


@pytest.mark.parametrize(
    ("app", "where", "level"),
    [
        (Application([("/", Half)]), "Application(xsrf_cookies=…)", Level.DECLARED),
        (Application(cookie_secret="short"), "Application(cookie_secret=…)", Level.OPEN),
        (Application(debug=True), "Application(debug=True)", Level.OPEN),
        (Application(allow_origin="*"), "allow_origin", Level.OPEN),
        (Application(allow_origin_pat=".*"), "allow_origin_pat", Level.UNKNOWN),
        (Application(disable_check_xsrf=True), "disable_check_xsrf", Level.OPEN),
        (Application(allow_unauthenticated_access=True), "allow_unauthenticated_access", Level.DECLARED),
        (Application(identity_provider=Provider()), "identity_provider", Level.OPEN),
        (Hosting(), "allow_websocket_origin", Level.OPEN),
        (Hosting(), "auth_provider", Level.OPEN),
        (Hosting(), "sign_sessions", Level.DECLARED),
        (ShutHosting(), "allow_websocket_origin", Level.DECLARED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_audit_tells_what_an_application_leaves_open(app: Application, where: str, level: Level) -> None:
    """By its settings, and by what a host of ours shows."""
    assert level is {line.where: line.level for line in lines_of(app)}[where]


def test_audit_of_an_application_that_is_shut() -> None:
    """Nothing is made up: what can be seen is closed, and that there is no guard is said."""
    shut = Application(
        [("/", Half)], xsrf_cookies=True, cookie_secret="x" * 32, allow_origin="", disable_check_xsrf=False
    )

    assert ["guard"] == [line.where for line in lines_of(shut)]
    assert {"guard", "allow_websocket_origin"} == {line.where for line in lines_of(ShutHosting())}


def test_audit_reads_no_secret_out(tmp_path: Path) -> None:
    """A short cookie secret is counted, not shown."""
    lines = audit(Application([("/files/(.*)", StaticFileHandler, {"path": tmp_path})], cookie_secret="s3cr3t"), None)

    assert not any("s3cr3t" in f"{line.what} {line.remedy}" for line in lines)
