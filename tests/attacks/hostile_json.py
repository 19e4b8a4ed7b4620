"""Frames of lines N01 to N14 and S01 to S10, with the error code that each deserves, and the types they are aimed at.

The same table can be thrown at the functions or at a socket: whoever runs it needs `MESSAGES`
registered, and the caps of `LIMITS`.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from marshmallow import Schema, fields, validate

from tornado_wssec.policy.fields import StrictBoolean, StrictFloat, StrictInteger
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.permissions import PUBLIC
from tornado_wssec.settings import Limits, MiB

SECRET: Final = "s3cret-of-the-peer"
"""Stands in values; no answer and no evidence may repeat it."""

LIMITS: Final = Limits(message_bytes=4 * MiB, frame_bytes=4 * MiB)

MALFORMED, INVALID, UNKNOWN = "malformed", "invalid", "unknown_type"
LARGEST: Final = 2**53 - 1
Word = fields.String(validate=validate.Length(max=32))


class Frame(NamedTuple):
    """A hostile frame: the line it belongs to, what it is, its text, and the code of the answer."""

    line: str
    what: str
    text: str
    code: str


class Inner(Schema):
    """What is nested."""

    n = StrictInteger()
    word = Word


class Aimed(Message):
    """A message with a field of every kind, none of them required."""

    class Meta:
        type = "attack.aimed"
        permission = PUBLIC

    n = StrictInteger()
    ratio = StrictFloat()
    flag = StrictBoolean()
    word = Word
    binary = fields.String(validate=validate.Length(max=32), metadata={"allow_nul": True})
    inner = fields.Nested(Inner)
    several = fields.List(fields.Nested(Inner), validate=validate.Length(max=8))
    table = fields.Dict(keys=Word, values=fields.Nested(Inner), validate=validate.Length(max=8))


class Needy(Message):
    """A message that cannot do without its field."""

    class Meta:
        type = "attack.needy"
        permission = PUBLIC

    word = fields.String(required=True, validate=validate.Length(max=32))


MESSAGES: Final[tuple[type[Message], ...]] = (Aimed, Needy)


def aimed(data: str, type: str = "attack.aimed") -> str:
    """A frame whose data is this text."""
    return f'{{"type":"{type}","id":"i","data":{data}}}'


def frames(*lines: str) -> list[Frame]:
    """The frames of some lines; of none named, all of them."""
    return [frame for make in _MAKERS for frame in make() if not lines or frame.line in lines]


def _n01() -> Iterator[Frame]:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        yield Frame("N01", f"100,000 × {opening}", opening * 100_000, MALFORMED)
        yield Frame("N01", f"100,000 × {opening} closed", opening * 100_000 + "1" + closing * 100_000, MALFORMED)
        for levels, code in ((30, INVALID), (31, MALFORMED)):  # and two of the envelope
            frame = aimed('{"n":' + opening * levels + "1" + closing * levels + "}")
            yield Frame("N01", f"2 + {levels} × {opening}", frame, code)
    yield Frame("N01", "levels behind a string", aimed('{"word":"[[","n":' + "[" * 99 + "]" * 99 + "}"), MALFORMED)


def _n02() -> Iterator[Frame]:
    for digits in ("9" * 4_301, "9" * 4_300, "1" + "0" * 400, str(LARGEST + 1)):
        for sign in ("", "-"):
            yield Frame("N02", f"{len(digits)} digits {sign}", aimed(f'{{"n":{sign}{digits}}}'), MALFORMED)


def _n03() -> Iterator[Frame]:
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400 + ".0"):
        yield Frame("N03", number[:12], aimed(f'{{"ratio":{number}}}'), MALFORMED)


def _n04() -> Iterator[Frame]:
    yield Frame("N04", "in data", aimed('{"n":1,"n":2}'), MALFORMED)
    yield Frame("N04", "alike", aimed('{"n":1,"n":1}'), MALFORMED)
    yield Frame("N04", "nested", aimed('{"inner":{"n":1,"\\u006e":2}}'), MALFORMED)
    yield Frame("N04", "the type, escaped", '{"type":"attack.aimed","typ\\u0065":"attack.needy"}', MALFORMED)
    yield Frame("N04", "the data", '{"type":"attack.aimed","data":{},"data":{"n":1}}', MALFORMED)


def _n05() -> Iterator[Frame]:
    for half in ("\\ud800", "\\uDFFF", "\\udc00\\ud800", "x\\ud83d"):
        yield Frame("N05", half, aimed(f'{{"word":"{half}"}}'), MALFORMED)
        yield Frame("N05", f"{half} as a key", aimed(f'{{"{half}":1}}'), MALFORMED)
    yield Frame("N05", "in the id", '{"type":"attack.aimed","id":"\\ud800"}', MALFORMED)
    yield Frame("N05", "raw", aimed('{"word":"\ud800"}'), MALFORMED)


def _n07() -> Iterator[Frame]:
    for name in ("__proto__", "constructor", "prototype", "__class__", "__init__", "_schema", "__dict__", "toString"):
        yield Frame("N07", name, aimed(f'{{"{name}":{{"n":1}}}}'), INVALID)
        yield Frame("N07", f"{name} nested", aimed(f'{{"inner":{{"{name}":1}}}}'), INVALID)
        yield Frame("N07", f"{name} in the envelope", f'{{"type":"attack.aimed","{name}":{{}}}}', MALFORMED)


def _n08() -> Iterator[Frame]:
    yield Frame("N08", "value", aimed('{"word":"a\\u0000b"}'), INVALID)
    yield Frame("N08", "nested", aimed('{"several":[{"word":"\\u0000"}]}'), INVALID)
    yield Frame("N08", "key of a dict", aimed('{"table":{"\\u0000":{}}}'), INVALID)
    yield Frame("N08", "raw", aimed('{"word":"\0"}'), MALFORMED)


def _n09() -> Iterator[Frame]:
    keys = ",".join(f'"{SECRET}{number}":{number}' for number in range(100_000))
    yield Frame("N09", "100,000 keys", aimed(f"{{{keys}}}"), MALFORMED)
    yield Frame("N09", "1,001 keys", aimed(json.dumps({f"k{n}": n for n in range(1_001)})), MALFORMED)
    yield Frame("N09", "1,000 keys", aimed(json.dumps({f"{SECRET} {n}": n for n in range(1_000)})), INVALID)
    yield Frame("N09", "50,000 items", aimed('{"several":[' + "{}," * 49_999 + "{}]}"), MALFORMED)
    yield Frame("N09", "4,000 items", aimed('{"several":[' + "{}," * 3_999 + "{}]}"), INVALID)


def _n11() -> Iterator[Frame]:
    whole = aimed('{"n":1}')
    yield Frame("N11", "1 MB of blanks", " " * MiB, MALFORMED)
    yield Frame("N11", "1 MB of escapes", aimed('{"word":"' + "\\u0041" * (MiB // 6) + '"}'), INVALID)
    dialects = {
        "comment": f"/* */{whole}",
        "line comment": f"{whole}//",
        "single quotes": "{'type':'attack.aimed'}",
        "bare key": "{type:1}",
        "trailing comma": aimed('{"n":1,}'),
        "control": aimed('{"word":"\n"}'),
        "BOM": f"\ufeff{whole}",
        "NUL behind": f"{whole}\0",
    }
    others = {"trailing data": f"{whole} 1", "twice": whole * 2, "cut": whole[:-1], "empty": "", "a blank": " "}
    values = {"scalar": "1", "string": '"x"', "null": "null", "array": f"[{whole}]"}
    for what, text in (dialects | others | values).items():
        yield Frame("N11", what, text, MALFORMED)


def _n12() -> Iterator[Frame]:
    wrong: dict[str, tuple[Any, ...]] = {
        "n": (True, False, 1.0, 1.9, "1", "1_000", " 1 ", "１", [], {}),
        "ratio": (True, "1.5", "1_0", [1.5]),
        "flag": (1, 0, 1.0, "yes", "on", "true", [], {}),
        "word": (1, True, [], {}, ["x"]),
    }
    for name, values in wrong.items():
        for value in values:
            yield Frame("N12", f"{name}: {value!r}", aimed(json.dumps({name: value})), INVALID)


def _n13() -> Iterator[Frame]:
    yield Frame("N13", "64 KB", aimed(json.dumps({"word": SECRET * 4_000})), INVALID)
    yield Frame("N13", "33 characters", aimed(json.dumps({"word": SECRET.ljust(33)})), INVALID)


def _n14() -> Iterator[Frame]:
    for kind in ("null", "1", "true", "[]", "{}", '["attack.aimed"]'):
        yield Frame("N14", f"type {kind}", f'{{"type":{kind},"id":"i"}}', MALFORMED)
    for given in ("1", "null", "true", "[]", "{}", '"' + "x" * 65 + '"'):
        yield Frame("N14", f"id {given[:8]}", f'{{"type":"attack.aimed","id":{given}}}', MALFORMED)
    for data in ("null", "[]", "1", '"x"', "true"):
        yield Frame("N14", f"data {data}", aimed(data), MALFORMED)
    yield Frame("N14", "extra key", '{"type":"attack.aimed","meta":1}', MALFORMED)
    yield Frame("N14", "no type", '{"id":"i","data":{}}', MALFORMED)


def _s() -> Iterator[Frame]:
    for where, data in {"top": '{"x":1}', "nested": '{"inner":{"x":1}}', "in a list": '{"several":[{"x":1}]}'}.items():
        yield Frame("S01", where, aimed(data), INVALID)
    yield Frame("S01", "in a dict", aimed('{"table":{"a":{"x":1}}}'), INVALID)
    yield Frame("S02", "missing", aimed("{}", "attack.needy"), INVALID)
    yield Frame("S02", "null", aimed('{"word":null}', "attack.needy"), INVALID)
    for name in ("attack.Aimed", "attack.aimed ", "attack.aimed\\n", "__proto__", "constructor", "", SECRET * 600):
        yield Frame("S03", name[:16], aimed("{}", name), UNKNOWN)
    for value in ("[]", "1", '"x"', "null", "[{}]", "true"):
        yield Frame("S10", f"one: {value}", aimed(f'{{"inner":{value}}}'), INVALID)
    for value in ("{}", "1", '"x"', "null", "[[]]", "[1]", "[null]"):
        yield Frame("S10", f"several: {value}", aimed(f'{{"several":{value}}}'), INVALID)


_MAKERS: Final = (_n01, _n02, _n03, _n04, _n05, _n07, _n08, _n09, _n11, _n12, _n13, _n14, _s)
