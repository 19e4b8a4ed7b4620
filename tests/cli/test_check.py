"""`wssec check` shows what an application exposes, and fails where something is open."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import APPLICATION, CATALOGUE, declare


@pytest.fixture
def app(here: Path, wssec: Terminal) -> "Checked":
    """An application with its settings."""
    declare(here, "checked_catalogue", CATALOGUE)
    return Checked(here, wssec)


class Checked:
    """Writes an application and checks it."""

    def __init__(self, here: Path, wssec: Terminal) -> None:
        self._here = here
        self._wssec = wssec
        self._count = 0

    def __call__(self, *changes: tuple[str, str], then: str = "", name: str = "make_app", **variables: str) -> Any:
        """Run `wssec check` on the application with these replacements."""
        module = self.write(*changes, then=then)
        return self._wssec("check", f"{module}:{name}", "--json", **variables)

    def write(self, *changes: tuple[str, str], then: str = "") -> str:
        """The name of a module with the application."""
        text = APPLICATION.replace("from schemas import chat", "import checked_catalogue as chat")
        text = text.replace('"schemas.chat"', '"checked_catalogue"')
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        self._count += 1
        return declare(self._here, f"checked_application_{self._count}", text + then)


def lines(outcome: Any, level: str) -> dict[str, str]:
    """Where → what, of the lines of one level."""
    return {line["where"]: line["what"] for line in outcome.json["lines"] if line["level"] == level}


def test_check_passes_a_closed_application(app: Checked) -> None:
    """Exit 0, the documented shape, and the behaviour in force."""
    outcome = app()

    assert (0, {"ok", "lines"}, True) == (outcome.code, set(outcome.json), outcome.json["ok"])
    assert {"level", "where", "what", "remedy"} == set(outcome.json["lines"][0])
    assert ({}, {}, {}) == (lines(outcome, "problem"), lines(outcome, "open"), lines(outcome, "changed"))
    assert "503 after 30 s" in lines(outcome, "in force")["store out of reach"]


def test_check_tells_people(app: Checked, wssec: Terminal) -> None:
    """A table with what is in force."""
    told = wssec.done("check", f"{app.write()}:make_app")

    assert "in force" in told


@pytest.mark.parametrize(
    ("name", "then"),
    [
        ("app", "\napp = make_app()\n"),
        ("make", "\nasync def make():\n    return make_app()\n"),
        ("Holder.make", "\nclass Holder:\n    make = staticmethod(make_app)\n"),
    ],
)
def test_check_takes_applications_and_factories(app: Checked, name: str, then: str) -> None:
    """An application, a coroutine that makes one, and a dotted name."""
    assert 0 == app(then=then, name=name).code


def test_check_lists_every_problem(app: Checked) -> None:
    """What a server would refuse at its start, all of it, with the remedy."""
    outcome = app(("    @on(chat.Send)\n", ""), ("class ChatSocket(SecureWebSocketHandler):\n", REQUIRES))

    assert (1, False) == (outcome.code, outcome.json["ok"])
    assert 2 == len(lines(outcome, "problem"))
    assert all(line["remedy"] for line in outcome.json["lines"] if line["level"] == "problem")


REQUIRES = 'class ChatSocket(SecureWebSocketHandler):\n    requires = "chat:join:{room}"\n'


@pytest.mark.requirement("R001")
def test_check_fails_for_insecure_switches(app: Checked) -> None:
    """Each by its name."""
    outcome = app(("wssec=guard)", "wssec=guard, debug=True)"), WSSEC_INSECURE="1")

    assert 1 == outcome.code
    assert {"WSSEC_INSECURE", "Application(debug=True)"} <= set(lines(outcome, "open"))


def test_check_fails_for_a_socket_without_the_guard(app: Checked) -> None:
    """A bare WebSocketHandler beside it is a door without a lock."""
    bare_handler = (
        "from tornado.websocket import WebSocketHandler\n\nclass Bare(WebSocketHandler):\n    pass\n\ndef make_app"
    )

    outcome = app(("def make_app", bare_handler), ("*guard.routes()", '(r"/bare", Bare), *guard.routes()'))

    found = lines(outcome, "open")
    assert 1 == outcome.code
    assert ["Bare", "Bare: who connects"] == [where.partition(".")[2] for where in found]
    assert any("/bare" in what for what in found.values())


DECLARED = """class ChatSocket(SecureWebSocketHandler):
    anonymous = True
    allow_missing_origin = True
    authenticators = (BearerToken(query=True),)
"""


@pytest.mark.requirement("R028")
def test_check_names_what_is_declared(app: Checked) -> None:
    """Less than the default is named, and no failure where it was written out."""
    outcome = app(
        ("import Guard,", "import BearerToken, Guard,"), ("class ChatSocket(SecureWebSocketHandler):\n", DECLARED)
    )

    assert 0 == outcome.code
    assert {
        "ChatSocket.anonymous",
        "ChatSocket.allow_missing_origin",
        "ChatSocket: BearerToken(query=True)",
    } <= set(lines(outcome, "declared"))


def test_check_names_first_messages_and_who_wins(app: Checked) -> None:
    """Endpoints where strangers hold sockets, and those where a newest connection ends another."""
    declared = """class ChatSocket(SecureWebSocketHandler):
    newest_wins = True
    authenticators = (FirstMessage(),)
"""
    outcome = app(
        ("import Guard,", "import FirstMessage, Guard,"), ("class ChatSocket(SecureWebSocketHandler):\n", declared)
    )

    assert 0 == outcome.code
    assert {"ChatSocket.newest_wins", "ChatSocket: FirstMessage()"} <= set(lines(outcome, "declared"))


def test_check_names_what_is_handled_at_once(app: Checked) -> None:
    """Where clients cannot count on the order of answers, it shows; and it is no fault."""
    declared = "class ChatSocket(SecureWebSocketHandler):\n    concurrency = 4\n"
    outcome = app(("class ChatSocket(SecureWebSocketHandler):\n", declared))

    assert 0 == outcome.code
    assert "ChatSocket.concurrency" in lines(outcome, "declared")


def test_check_names_traces_of_strangers(app: Checked) -> None:
    """Whoever may say which trace a handshake belongs to."""
    outcome = app(("Guard.from_env(", "Guard.from_env(trust_traceparent=True, "))

    assert 0 == outcome.code
    assert "Guard(trust_traceparent=True)" in lines(outcome, "declared")
    assert "trust_traceparent" not in lines(app(), "declared")


def test_check_names_tornados_framing(app: Checked) -> None:
    """What accepts forbidden frames was asked for, and shows."""
    outcome = app(("Guard.from_env(", 'Guard.from_env(framing="stock", '))

    assert 0 == outcome.code
    assert 'Guard(framing="stock")' in lines(outcome, "declared")
    assert 'Guard(framing="stock")' not in lines(app(), "declared")


def test_check_names_public_messages(app: Checked, here: Path) -> None:
    """PUBLIC is written out, and shows."""
    text = CATALOGUE.replace("import Message", "import PUBLIC, Message").replace('"chat:write:{room}"', "PUBLIC")
    declare(here, "checked_catalogue", text)

    assert {"chat.send": "everybody who is connected may send it"}.items() <= lines(app(), "declared").items()


def test_check_names_public_channels(app: Checked, here: Path) -> None:
    """Whoever may listen, and whoever may publish."""
    declare(here, "checked_catalogue", CATALOGUE + PUBLIC_CHANNEL)

    levels = [line for line in app().json["lines"] if line["where"] == "room:{room}"]

    assert ["everybody who is connected may subscribe to it", "everybody who is connected may publish to it"] == [
        line["what"] for line in levels
    ]


PUBLIC_CHANNEL = """
from tornado_wssec import PUBLIC, Channel

class RoomChannel(Channel):
    class Meta:
        pattern = "room:{room}"
        subscribe = PUBLIC
        publish = PUBLIC
    room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\\Z"))
"""


def test_check_names_that_nothing_is_compiled(app: Checked, here: Path) -> None:
    """It costs much; nothing else changes."""
    declare(here, "checked_catalogue", CATALOGUE)

    outcome = app(('"checked_catalogue")', '"checked_catalogue", compiled=False)'))

    assert 0 == outcome.code
    assert "marshmallow alone" in lines(outcome, "declared")["Registry(compiled=False)"]


def test_check_names_what_strict_mode_would_refuse(app: Checked, here: Path) -> None:
    """Switched off, it shows by its name and by each field that it lets pass."""
    declare(here, "checked_catalogue", CATALOGUE.replace(", validate=validate.Length(1, 2_000)", ""))

    outcome = app(('"checked_catalogue")', '"checked_catalogue", strict=False)'))

    assert 0 == outcome.code
    (what,) = [what for where, what in lines(outcome, "declared").items() if where.endswith("Send.text")]
    assert what.endswith("which Registry(strict=False) lets pass")


def test_check_names_what_is_warn_only(app: Checked, here: Path) -> None:
    """Until when, of which types, and each declaration that strict mode would refuse; over, it is of no use."""
    declare(here, "checked_catalogue", CATALOGUE.replace(", validate=validate.Length(1, 2_000)", ""))
    tomorrow, yesterday = (datetime.now(UTC).date() + timedelta(days=days) for days in (1, -1))

    def eased_until(day: date) -> Any:
        warn_only = f'__import__("tornado_wssec").WarnOnly(until="{day}")'
        return app(('"checked_catalogue")', f'"checked_catalogue", warn_only={warn_only})'))

    eased, over = eased_until(tomorrow), eased_until(yesterday)

    assert 0 == eased.code
    told = lines(eased, "declared")
    assert f"until {tomorrow} what does not fit reaches the handlers of" in told["Registry(warn_only=…)"]
    (what,) = [what for where, what in told.items() if where.endswith("Send.text")]
    assert what.endswith("which Registry(warn_only=…) lets pass")
    assert 1 == over.code
    assert f"has ended on {yesterday}" == lines(over, "declared")["Registry(warn_only=…)"]
    assert any(where.endswith("Send.text") for where in lines(over, "problem"))


def test_check_names_where_tls_ends(app: Checked) -> None:
    """Here, or at a proxy whose word counts."""
    here = lines(app(WSSEC_TLS_CERT="/tls/cert.pem", WSSEC_TLS_KEY="/tls/key.pem"), "declared")
    proxied = lines(app(WSSEC_TRUSTED_PROXIES="10.0.0.0/8"), "declared")

    assert "WSSEC_TLS_CERT" not in here
    assert "WSSEC_TLS_CERT" in proxied
    assert "forwarding headers of 10.0.0.0/8 count" == proxied["WSSEC_TRUSTED_PROXIES"]


def test_check_names_changed_limits(app: Checked) -> None:
    """Of the guard and of a handler, each with its default."""
    outcome = app(
        ("import Guard,", "import Guard, Limits,"),
        ('origins=["https://app.example.com"]', "limits=Limits(message_bytes=1024)"),
        ("class ChatSocket(SecureWebSocketHandler):\n", HANDLER_LIMITS),
    )

    assert {
        "Limits.message_bytes": "1024, by default 65536",
        "ChatSocket.limits.connections_per_subject": "50, by default 5",
    } == lines(outcome, "changed")
    assert "WSSEC_ORIGINS" in lines(outcome, "declared")


def test_check_names_bans(app: Checked) -> None:
    """Where somebody may be kept out for what he sent, the check says for how long."""
    outcome = app(
        ("import Guard,", "import Guard, Timeouts,"),
        ('origins=["https://app.example.com"]', 'origins=["https://app.example.com"], timeouts=Timeouts(ban=300.0)'),
    )

    assert {"Timeouts.ban": "300, by default 0"} == lines(outcome, "changed")


HANDLER_LIMITS = """class ChatSocket(SecureWebSocketHandler):
    limits = Limits(connections_per_subject=50)
"""


def test_check_keeps_what_the_application_prints_apart(app: Checked) -> None:
    """Standard output is the result alone."""
    outcome = app(("def make_app():\n", 'def make_app():\n    print("hello", flush=True)\n'))

    assert outcome.json["ok"]
    assert "hello" in outcome.err


@pytest.mark.parametrize(
    ("name", "then", "told"),
    [
        ("nothing", "", "has no nothing"),
        ("number", "\nnumber = 5\n", "is of type int; name a tornado.web.Application"),
        ("broken", "\ndef broken():\n    raise RuntimeError('out of order')\n", "RuntimeError: out of order at "),
        ("needy", "\ndef needy(port):\n    return make_app()\n", "missing 1 required positional argument"),
        ("script", "\nimport sys\n\nsys.exit(0)\n", "SystemExit: 0 at "),
        ("late", "\nasync def late():\n    raise RuntimeError('out of order')\n", "RuntimeError: out of order at "),
    ],
)
def test_check_of_what_is_no_application_ends_in_a_line(app: Checked, name: str, then: str, told: str) -> None:
    """Exit 1, with what it is."""
    outcome = app(then=then, name=name)

    assert (1, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert told in outcome.err


@pytest.mark.parametrize("name", ["absent:make_app", "absent.app:make_app", "html.absent:make_app"])
def test_check_of_a_module_that_is_not_there(bare: Terminal, name: str) -> None:
    """It says that, and names no place in the command's own code."""
    outcome = bare("check", name)

    assert 1 == outcome.code
    assert f"{name.partition(':')[0]}: there is no such module; name one that can be imported from here" in outcome.err


def test_check_of_a_module_that_imports_what_is_not_there(app: Checked) -> None:
    """What is missing is told with the line that asks for it."""
    outcome = app(then="\nimport absent\n", name="make_app")

    assert 1 == outcome.code
    assert "No module named 'absent' at " in outcome.err


@pytest.mark.parametrize("name", ["app", "app:", ":app", ""])
def test_check_wants_module_and_attribute(bare: Terminal, name: str) -> None:
    """Anything else is wrong usage."""
    assert 2 == bare("check", name).code


def test_check_lists_every_missing_setting(here: Path, bare: Terminal, app: Checked) -> None:
    """A factory that reads the environment tells what is missing in it, a line each."""
    outcome = bare("check", f"{app.write()}:make_app")

    assert 1 == outcome.code
    assert all(name in outcome.err for name in ("WSSEC_STORE", "WSSEC_KEYS", "WSSEC_ISSUER", "WSSEC_AUDIENCE"))
