"""`wssec schemas export` writes the contract, and `check --against` tells what of it breaks clients."""

import ast
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import declare

CATALOGUE = '''
from marshmallow import fields, validate
from tornado_wssec import Message

class Send(Message):
    """Post one line to a room."""
    class Meta:
        type = "chat.send"
        permission = "chat:write:{room}"
    room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\\Z"))
    text = fields.String(required=True, validate=validate.Length(1, 2_000))
'''


@pytest.mark.parametrize(
    ("format", "sign"),
    [
        ("json-schema", '"$schema": "https://json-schema.org/draft/2020-12/schema"'),
        ("asyncapi", '"asyncapi": "3.0.0"'),
        ("typescript", "export interface ChatSendData {"),
        ("python", "class ChatSendData(TypedDict):"),
    ],
)
def test_export_writes_each_format(here: Path, bare: Terminal, format: str, sign: str) -> None:
    """To standard output, or to a file; the text is the same."""
    module = declare(here, f"exported_{format.replace('-', '_')}", CATALOGUE)

    printed = bare.done("schemas", "export", module, "--format", format)
    told = bare.done("schemas", "export", module, "--format", format, "-o", "out")

    assert sign in printed
    assert printed == (here / "out").read_text()
    assert "out: 1 messages and 0 channels\n" == told


def test_export_for_flat_envelopes(here: Path, bare: Terminal) -> None:
    """With the key that the endpoint has; a comparison goes by the envelope of the older one."""
    module = declare(here, "exported_flat", CATALOGUE)
    export = ("schemas", "export", module, "--flat", "action", "--format")
    printed = {format: bare.done(*export, format) for format in ("asyncapi", "typescript", "python")}
    bare.done(*export, "json-schema", "-o", "flat.json")

    assert {"const": "chat.send"} == json.loads((here / "flat.json").read_text())["$defs"]["in:chat.send"][
        "properties"
    ]["action"]
    assert '"action": {' in printed["asyncapi"]
    assert '  action: "chat.send";' in printed["typescript"]
    assert bare.done("schemas", "export", module, "--format", "python") == printed["python"]
    assert 0 == bare("schemas", "check", module, "--against", "flat.json").code
    assert 2 == bare("schemas", "export", module, "--flat", "id", "--format", "asyncapi").code


def test_comparison_with_an_envelope_that_is_none(here: Path, bare: Terminal) -> None:
    """A file that somebody has changed by hand is no export."""
    module = declare(here, "exported_odd", CATALOGUE)
    bare.done("schemas", "export", module, "--format", "json-schema", "-o", "odd.json")
    document = json.loads((here / "odd.json").read_text())
    (here / "odd.json").write_text(json.dumps({**document, "x-wssec-type-key": 1}))

    assert 1 == bare("schemas", "check", module, "--against", "odd.json").code


def test_export_is_what_it_says(here: Path, bare: Terminal) -> None:
    """JSON is JSON, and Python is Python."""
    module = declare(here, "exported_whole", CATALOGUE)
    printed = {name: bare.done("schemas", "export", module, "--format", name) for name in ("asyncapi", "python")}

    assert "in.chat.send" in json.loads(printed["asyncapi"])["components"]["messages"]
    assert ast.parse(printed["python"]).body


def test_export_of_what_does_not_start_is_refused(here: Path, bare: Terminal) -> None:
    """Nobody could keep to it; the problem is told with its remedy, and no file is written."""
    module = declare(here, "exported_wrong", CATALOGUE.replace('permission = "chat:write:{room}"', ""))

    refused = bare("schemas", "export", module, "--format", "json-schema", "-o", "out")

    assert (1, "", False) == (refused.code, refused.out, (here / "out").exists())
    assert "declares no permission" in refused.err


def test_export_asks_for_a_format(here: Path, bare: Terminal) -> None:
    """There is no default, and a wrong one is a usage error."""
    module = declare(here, "exported_format", CATALOGUE)

    assert [2, 2] == [bare("schemas", "export", module, *options).code for options in ((), ("--format", "xml"))]


def test_check_against_says_what_breaks_clients(here: Path, bare: Terminal) -> None:
    """Exit 1 where something does, 0 where nothing does; a table for people, JSON for programs."""
    old = declare(here, "compared_a", CATALOGUE)
    tighter = declare(here, "compared_b", CATALOGUE.replace("2_000", "1_000"))
    looser = declare(here, "compared_c", CATALOGUE.replace("2_000", "3_000"))
    bare.done("schemas", "export", old, "--format", "json-schema", "-o", "contract.json")
    same, broken, fine = (bare("schemas", "check", m, "--against", "contract.json") for m in (old, tighter, looser))
    told = bare("schemas", "check", tighter, "--against", "contract.json", "--json")

    assert [0, 1, 0] == [outcome.code for outcome in (same, broken, fine)]
    assert "nothing has changed\n" in same.out
    assert "yes             chat.send (clients send) text  maxLength: 2000 → 1000" in broken.out
    assert "no              chat.send (clients send) text  maxLength: 2000 → 3000" in fine.out
    change = {"where": "chat.send (clients send) text", "what": "maxLength: 2000 → 1000", "breaking": True}
    assert (1, False, [change]) == (told.code, told.json["ok"], told.json["changes"])


@pytest.mark.parametrize(("text", "told"), [("{", "is no JSON"), ("{}", "this is no export of messages")])
def test_check_against_refuses_what_is_no_export(here: Path, bare: Terminal, text: str, told: str) -> None:
    """In one line, with the command that makes one."""
    module = declare(here, f"compared_{len(text)}", CATALOGUE)
    (here / "contract.json").write_text(text)

    refused = bare("schemas", "check", module, "--against", "contract.json")

    assert (1, 1) == (refused.code, refused.err.count("\n"))
    assert told in refused.err
    assert "wssec schemas export --format json-schema" in refused.err


def test_check_against_names_a_missing_file(here: Path, bare: Terminal) -> None:
    """As every other file that is not there."""
    module = declare(here, "compared_missing", CATALOGUE)

    refused = bare("schemas", "check", module, "--against", "nowhere.json")

    assert 1 == refused.code
    assert "nowhere.json" in refused.err
