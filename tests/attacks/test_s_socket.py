"""Lines S01 to S11 over a real socket, and what does not start because it would let through more than it says."""

import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import EXCLUDE, INCLUDE, Schema, fields, validate

from tests.kits import in_loop
from tornado_wssec import PUBLIC, Channel, ConfigurationError, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.testing import GuardKit

from .target import CANARY, FAULTS, Hostile, assert_all_refused, error_to, handled, probe, target_kit

pytestmark = pytest.mark.usefixtures("way")


@pytest.mark.standard("WebSocket cheat sheet validation")
@pytest.mark.requirement("R052")
@in_loop
async def test_s01_unknown_field() -> None:
    """At the top, in something nested, in the items of a list and in the values of a dict."""
    extra = '{"x":1,"y":1,"admin":true}'
    await assert_all_refused(
        Hostile("top", probe(f'"text":"a","role":"{CANARY}"'), "invalid"),
        Hostile("Nested", probe(f'"point":{extra}'), "invalid"),
        Hostile("List", probe(f'"path":[{{"x":1,"y":1}},{extra}]'), "invalid"),
        Hostile("Dict", probe(f'"places":{{"a":{extra}}}'), "invalid"),
        Hostile("look-alike", probe('"t\\u0435xt":"a"'), "invalid"),
        Hostile("another case", probe('"Text":"a"'), "invalid"),
        Hostile("attribute path", probe('"point.x":1'), "invalid"),
        Hostile("a type without fields", probe('"a":1', "target.small"), "invalid"),
    )


@in_loop
async def test_s02_missing_or_null() -> None:
    """A required field that is absent, and null where nothing allows it."""
    await assert_all_refused(
        Hostile("missing", probe("", "target.needed"), "invalid"),
        Hostile("no data", '{"type":"target.needed"}', "invalid"),
        Hostile("null", probe('"text":null', "target.needed"), "invalid"),
        Hostile("missing in Nested", probe('"point":{"x":1}'), "invalid"),
        Hostile("null in Nested", probe('"point":{"x":1,"y":null}'), "invalid"),
        *(
            Hostile(f"null {name}", probe(f'"{name}":null'), "invalid")
            for name in ("word", "number", "ratio", "flag", "when", "uuid", "point", "path", "tags", "counts")
        ),
    )


@pytest.mark.requirement("R051")
@in_loop
async def test_s03_type_that_is_none() -> None:
    """Nothing is trimmed, folded or looked up on an object; what only the server sends is none either."""
    names = ["target.Probe", "TARGET.PROBE", "target.probe ", " target.probe", "target.probe\\n", "target", "probe", ""]
    names += ["__proto__", "constructor", "toString", "__class__", "keep", "target.probe\\u200b", "target\\uff0eprobe"]
    names += ["error", "reply", "pong", "wssec.ready", "wssec.expiring", "wssec.gap", "wssec.", "wssec.Subscribe"]
    names += ["x" * 10_240, "*", "**", "target.*", "../target.probe", "target.probe/", "Probe", "1", "null"]
    await assert_all_refused(*(Hostile(name[:24], f'{{"type":"{name}"}}', "unknown_type") for name in names))


@pytest.mark.requirement("R051")
@in_loop
async def test_s04_coercions() -> None:
    """What marshmallow's own fields would take for a number or a boolean, these do not."""
    wrong = {
        "number": ['" 1 "', '"1_000"', '"\uff11"', "1.9", '"1"', '"0x1"', "1e2"],
        "ratio": ['"1_0"', '" 1.5"', '"\uff11"', '"inf"'],
        "flag": ['"yes"', '"on"', '"True"', '"t"', "1", "0"],
    }
    await assert_all_refused(
        *(
            Hostile(f"{name} {value}", probe(f'"{name}":{value}'), "invalid")
            for name, values in wrong.items()
            for value in values
        )
    )


@in_loop
async def test_s05_patterns_to_the_end() -> None:
    """A newline behind, or anything else behind or before, is not what the pattern says."""
    wrong = ["abc\\n", "abc;DROP", "abc ", " abc", "abc\\u0000", "ABC", "\\n", "", "a" * 17, "ab\\u200bc", "\u0430bc"]
    await assert_all_refused(*(Hostile(value[:24], probe(f'"word":"{value}"'), "invalid") for value in wrong))


@in_loop
async def test_s08_beyond_a_maximum() -> None:
    """One more than allowed, counted before the items are looked at."""
    nine = ",".join(f'"{name}":1' for name in "abcdefghi")
    await assert_all_refused(
        Hostile("characters", probe(f'"text":"{"a" * 33}"'), "invalid"),
        Hostile("items", probe(f'"tags":[{",".join(["1"] * 9)}]'), "invalid"),
        Hostile("entries", probe(f'"counts":{{{nine}}}'), "invalid"),
        Hostile("a name", probe(f'"counts":{{"{"a" * 17}":1}}'), "invalid"),
        Hostile("nested items", probe(f'"path":[{",".join(["{}"] * 9)}]'), "invalid"),
    )


@pytest.mark.parametrize("fault", list(FAULTS))
@in_loop
async def test_s09_validator_that_fails(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its exception, of whatever class, is `invalid`; the audit says so once, and nothing repeats its message."""
    caplog.set_level(logging.DEBUG)
    async with target_kit() as kit:
        client = await kit.connect("/ws")
        answer, text = await error_to(client, probe(f'"how":"{fault}"', "target.checked"))

        assert "invalid" == answer["code"]
        await client.assert_nothing_received()
        assert [] == handled(kit)
    assert CANARY not in text
    assert CANARY not in caplog.text
    assert 1 == caplog.text.count('"code": "invalid"')


@in_loop
async def test_s10_nested_of_another_shape() -> None:
    """A list, a scalar or a string where an object belongs, and an object where a list does."""
    await assert_all_refused(
        *(
            Hostile(f"point {value}", probe(f'"point":{value}'), "invalid")
            for value in ("[]", "1", "true", '"x"', "[1,2]", '[{"x":1,"y":1}]', "{}")
        ),
        *(
            Hostile(f"path {value}", probe(f'"path":{value}'), "invalid")
            for value in ("{}", "1", '"x"', '{"x":1,"y":1}', "[[]]", "[1]", "[null]", '{"0":{"x":1,"y":1}}')
        ),
    )


# --- what does not start ---


class Lenient(Schema):
    """A nested schema that lets unknown fields pass."""

    class Meta:
        unknown = INCLUDE

    x = fields.Integer(strict=True)


def _false(value: object) -> bool:
    return False


MAX = validate.Length(max=8)
NOT_STARTING: dict[str, tuple[fields.Field[Any], str]] = {
    "s01 nested INCLUDE": (fields.Nested(Lenient), "set it to RAISE"),
    "s01 nested EXCLUDE": (fields.Nested(Schema.from_dict({}), unknown=EXCLUDE), "set it to RAISE"),
    "s01 in a list": (fields.List(fields.Nested(Lenient), validate=MAX), "set it to RAISE"),
    "s01 in a dict": (
        fields.Dict(keys=fields.String(validate=MAX), values=fields.Nested(Lenient), validate=MAX),
        "set it to RAISE",
    ),
    "s04 Integer": (fields.Integer(), "StrictInteger"),
    "s04 Float": (fields.Float(), "StrictFloat"),
    "s04 Boolean": (fields.Boolean(), "StrictBoolean"),
    "s04 Decimal": (fields.Decimal(), "StrictDecimal"),
    "s05 dollar": (fields.String(validate=validate.Regexp("^[a-z]{1,9}$")), r"Regexp\(r\"\^\[a-z\]\{1,9\}\\Z\"\)"),
    "s05 no end": (fields.String(validate=validate.Regexp("[a-z]{1,9}")), r"Regexp\(r\"\[a-z\]\{1,9\}\\Z\"\)"),
    "s08 String": (fields.String(), r"validate.Length\(max=…\)"),
    "s08 endless Regexp": (fields.String(validate=validate.Regexp(r"[a-z]+\Z")), "width"),
    "s08 List": (fields.List(fields.String(validate=MAX)), r"validate.Length\(max=…\)"),
    "s08 Dict": (
        fields.Dict(keys=fields.String(validate=MAX), values=fields.String(validate=MAX)),
        r"validate.Length\(max=…\)",
    ),
    "s08 Dict of anything": (fields.Dict(validate=MAX), "keys=…, values=…"),
    "s08 Raw": (fields.Raw(), "field type that says what it takes"),
    "s08 Method": (fields.Method(deserialize="taken"), "field type that says what it takes"),
    "s08 Function": (fields.Function(deserialize=str), "field type that says what it takes"),
    "s09 False": (fields.String(validate=[MAX, _false]), "raise ValidationError"),
}


def refusal(*declarations: type[Message] | type[Channel], handler: type | None = None) -> str:
    """What `guard.check` says of an application that declares these and handles none, or by this handler."""
    routes = [(r"/ws", handler)] if handler else []
    kit = GuardKit(routes, registry=Registry(*declarations))
    with pytest.raises(ConfigurationError) as refused:
        kit.guard.check(kit.app)
    return str(refused.value)


@pytest.mark.requirement("R053")
@pytest.mark.parametrize("what", list(NOT_STARTING))
def test_s_field_that_does_not_start(what: str) -> None:
    """A field that coerces, has no bound, or lets unknown things pass is named, with the remedy."""
    field, remedy = NOT_STARTING[what]

    class Faulty(Message):
        class Meta:
            type = "target.faulty"
            permission = PUBLIC
            direction = "out"

        wrong = field

        def taken(self, value: object) -> object:
            return value

    assert_told(refusal(Faulty), "Faulty.wrong", remedy)


def assert_told(told: str, where: str, remedy: str) -> None:
    """Claim that a problem names the place and its remedy."""
    assert True in [bool(re.search(remedy, line)) for line in told.splitlines() if where in line], told


@pytest.mark.parametrize("unknown", [INCLUDE, EXCLUDE])
def test_s01_message_that_lets_unknown_fields_pass(unknown: str) -> None:
    """`unknown` in a message's own Meta does not start either."""

    class Faulty(Message):
        class Meta:
            type = "target.faulty"
            permission = PUBLIC
            direction = "out"

    Faulty.opts.unknown = unknown
    assert_told(refusal(Faulty), "Faulty", "set it to RAISE")


class First(Message):
    class Meta:
        type = "target.twice"
        permission = PUBLIC
        direction = "out"


class Second(Message):
    class Meta:
        type = "target.twice"
        permission = PUBLIC
        direction = "out"


class Unpermitted(Message):
    class Meta:
        type = "target.unpermitted"
        direction = "out"


class Absent(Message):
    class Meta:
        type = "target.absent"
        permission = "target:{room}"
        direction = "out"


class Optional(Message):
    class Meta:
        type = "target.optional"
        permission = "target:{room}"
        direction = "out"

    room = fields.String(validate=MAX)


class Unhandled(Message):
    class Meta:
        type = "target.unhandled"
        permission = PUBLIC


@pytest.mark.parametrize(
    ("declared", "parts"),
    [
        ((First, Second), ["First", "Second", "target.twice"]),
        ((Unpermitted,), ["Unpermitted", "permission", "PUBLIC"]),
        ((Absent,), ["Absent", "{room}"]),
        ((Optional,), ["Optional", "{room}", "required=True"]),
        ((Unhandled,), ["Unhandled", "no handler on any route", "@on(Unhandled)"]),
    ],
)
def test_s11_declaration_that_does_not_start(declared: tuple[type[Message], ...], parts: list[str]) -> None:
    """Two of one name, none to ask for, one that cannot be filled, and one that nobody handles."""
    told = refusal(*declared)

    assert parts == [part for part in parts if part in told]


def test_s11_all_problems_at_once() -> None:
    """One start tells everything that is wrong."""
    told = refusal(First, Second, Unpermitted, Absent, Optional, Unhandled)

    assert ["Second", "Unpermitted", "Absent", "Optional", "Unhandled"] == [
        name for name in ("Second", "Unpermitted", "Absent", "Optional", "Unhandled") if name in told
    ]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package that can be scanned."""
    folder = tmp_path / "place" / "said"
    folder.mkdir(parents=True, mode=0o755)
    (folder / "__init__.py").touch(mode=0o644)
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "said"]:
        del sys.modules[name]


def test_s11_module_that_is_a_link_out_of_its_package(package: Path, tmp_path: Path) -> None:
    """Somebody else's file is not imported, and the remedy says what to do."""
    ran = tmp_path / "ran"
    (tmp_path / "foreign.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    os.symlink(tmp_path / "foreign.py", package / "linked.py")

    with pytest.raises(ConfigurationError, match="is a link out of its package"):
        Registry.scan("said")
    assert not ran.exists()


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o602])
def test_s11_module_that_anybody_may_write(package: Path, tmp_path: Path, mode: int) -> None:
    """A world-writable module is not imported."""
    ran = tmp_path / "ran"
    (package / "open_to_all.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    (package / "open_to_all.py").chmod(mode)

    with pytest.raises(ConfigurationError, match=r"anybody may write .*; chmod o-w"):
        Registry.scan("said")
    assert not ran.exists()


def test_s11_two_handlers_of_one_type() -> None:
    """A class in which two methods handle one message is a fault at import, naming both."""
    with pytest.raises(TypeError, match=r"one and \.two both handle Unhandled"):

        class Both(SecureWebSocketHandler):
            @on(Unhandled)
            def one(self, data: dict[str, Any]) -> None: ...

            @on(Unhandled)
            def two(self, data: dict[str, Any]) -> None: ...
