"""`wssec schemas` shows what is declared and what keeps it from starting."""

from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import CATALOGUE, declare

MESSAGE = {"type", "direction", "permission", "rates", "max_bytes", "bind", "cost", "signed", "path", "what"}


def test_schemas_list_json_has_its_shape(here: Path, bare: Terminal) -> None:
    """Each message with its options, and the files they stand in."""
    module = declare(here, "catalogue_a", CATALOGUE)

    listed = bare.json("schemas", "list", module)

    assert {"messages", "channels", "files"} == set(listed)
    (message,) = listed["messages"]
    assert set(message) == MESSAGE
    assert ("chat.send", "in", "chat:write:{room}") == tuple(message[x] for x in ("type", "direction", "permission"))
    assert [{"count": 5, "seconds": 1}, {"count": 100, "seconds": 60}] == message["rates"]
    assert [str(here / "catalogue_a.py")] == listed["files"]


def test_schemas_list_tells_people(here: Path, bare: Terminal) -> None:
    """Messages, and channels below them."""
    module = declare(here, "catalogue_b", CATALOGUE + CHANNEL)

    told = bare.done("schemas", "list", module)

    assert "chat.send" in told
    assert "5/1s, 100/60s" in told
    assert "room:{room}" in told
    assert [{"pattern": "room:{room}", "subscribe": "chat:read:{room}", "publish": None}] == bare.json(
        "schemas", "list", module
    )["channels"]


CHANNEL = '''
from tornado_wssec import Channel

class RoomChannel(Channel):
    """A room."""
    class Meta:
        pattern = "room:{room}"
        subscribe = "chat:read:{room}"
    room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\\Z"))
'''


def test_schemas_list_tells_the_path(here: Path, bare: Terminal) -> None:
    """Which way each type takes, and why none shorter."""
    hook = "\n    @pre_load\n    def look(self, data, **kwargs):\n        return data\n"
    module = declare(here, "catalogue_path", "from marshmallow import pre_load\n" + CATALOGUE.rstrip() + hook)

    assert "marshmallow: has pre_load" in bare.done("schemas", "list", module)
    assert ["marshmallow: has pre_load"] == [one["path"] for one in bare.json("schemas", "list", module)["messages"]]


def test_schemas_take_their_modules_from_the_environment(here: Path, bare: Terminal) -> None:
    """Without MODULE it is WSSEC_SCHEMAS, and without that a missing setting."""
    module = declare(here, "catalogue_c", CATALOGUE)

    assert 1 == len(bare.json("schemas", "list", WSSEC_SCHEMAS=module)["messages"])
    assert "WSSEC_SCHEMAS" in bare("schemas", "list").err


def test_schemas_check_finds_nothing_wrong(here: Path, bare: Terminal) -> None:
    """Exit 0, in words and as JSON."""
    module = declare(here, "catalogue_d", CATALOGUE)

    checked = bare.json("schemas", "check", module)

    assert ({"ok", "problems", "files"}, True, []) == (set(checked), checked["ok"], checked["problems"])
    assert "1 messages and 0 channels, nothing wrong\n" == bare.done("schemas", "check", module)


def test_schemas_check_prints_every_problem_with_its_remedy(here: Path, bare: Terminal) -> None:
    """Exit 1, and a line for each problem, not the first alone."""
    text = CATALOGUE.replace("validate=validate.Length(1, 2_000)", "").replace('permission = "chat:write:{room}"', "")
    module = declare(here, "catalogue_e", text)

    plain, as_json = bare("schemas", "check", module), bare("schemas", "check", module, "--json")

    assert (1, 1, False) == (plain.code, as_json.code, as_json.json["ok"])
    assert {"where", "fault", "remedy"} == set(as_json.json["problems"][0])
    assert len(as_json.json["problems"]) == plain.out.count("\n") >= 2
    assert "permission" in plain.out
    assert "text" in plain.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise RuntimeError('out of order')", "out of order"),
        ("def broken(:", "catalogue_f"),
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("", "declares no message"),
    ],
)
def test_schemas_of_a_module_that_fails_end_in_a_line(here: Path, bare: Terminal, text: str, told: str) -> None:
    """What is wrong with it is said in one line, not as a traceback."""
    outcome = bare("schemas", "check", declare(here, "catalogue_f", text))

    assert (1, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert told in outcome.err
    assert "Traceback" not in outcome.err


def test_schemas_of_a_missing_module_end_in_a_line(here: Path, bare: Terminal) -> None:
    """A name that is nothing."""
    outcome = bare("schemas", "list", "no_such_module_anywhere")

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))
