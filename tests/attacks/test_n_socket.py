"""Lines N01 to N14 over a real socket: JSON that two readers could take differently, or that costs more than it says.

Each gets its error, of at most 1 KiB and without a value of the peer's; the connection stays open
and nothing is handled.
"""

import json
import logging

import pytest

from tests.kits import audited, in_loop
from tornado_wssec import Limits

from .target import CANARY, Hostile, assert_all_handled, assert_all_refused, error_to, probe, target_kit

pytestmark = pytest.mark.usefixtures("way")
MILLION = 2**20


@pytest.mark.requirement("R057")
@in_loop
async def test_n01_nesting() -> None:
    """100,000 levels, closed or not, of lists or objects, and one level more than the budget."""
    deep = 100_000
    await assert_all_refused(
        Hostile("lists", "[" * deep + "]" * deep, "malformed"),
        Hostile("lists left open", "[" * deep, "malformed"),
        Hostile("objects", '{"a":' * deep + "1" + "}" * deep, "malformed"),
        Hostile("objects left open", '{"a":' * deep, "malformed"),
        Hostile("in the data", probe('"tags":' + "[" * deep + "]" * deep), "malformed"),
        Hostile("both by turns", probe('"tags":' + '[{"a":' * 5_000 + "1" + "}]" * 5_000), "malformed"),
        Hostile("one too many", probe('"tags":' + "[" * 31 + "]" * 31), "malformed"),
        Hostile("within, and no such shape", probe('"tags":' + "[" * 30 + "]" * 30), "invalid"),
    )


@in_loop
async def test_n02_integers() -> None:
    """Beyond what a browser holds exactly, up to what int() itself refuses."""
    numbers = ["9" * 4_301, "-" + "9" * 4_301, "9" * 4_300, "1" + "0" * 400, "9" * 100_000, str(2**53), str(-(2**53))]
    await assert_all_refused(
        *(Hostile(f"{number[:8]}… of {len(number)}", probe(f'"number":{number}'), "malformed") for number in numbers),
        *(Hostile(f"ratio {number[:8]}", probe(f'"ratio":{number}'), "malformed") for number in numbers),
    )


@in_loop
async def test_n02_largest_integers() -> None:
    """The last one on each side is taken, exactly."""
    await assert_all_handled(
        *((probe(f'"number":{number}'), {"number": number}) for number in (2**53 - 1, -(2**53) + 1, 0))
    )


@in_loop
async def test_n03_numbers_that_are_none() -> None:
    """NaN, infinities, and what only a float overflow would make of a number."""
    spelt = ["NaN", "Infinity", "-Infinity", "nan", "-NaN", "1e400", "-1e400", "1e309", "1E+999999", "0x10", "01", "1."]
    spelt += [".5", "+1", "1_000", "--1", "1e", "\uff11", "1e4_0"]
    await assert_all_refused(*(Hostile(text, probe(f'"ratio":{text}'), "malformed") for text in spelt))


@in_loop
async def test_n03_small_numbers() -> None:
    """`-0` is the integer 0, and a number too small for a float is rounded like any other."""
    await assert_all_handled(
        (probe('"number":-0'), {"number": 0}),
        (probe('"ratio":1e-400'), {"ratio": 0.0}),
        (probe('"ratio":2'), {"ratio": 2}),
    )


@in_loop
async def test_n04_duplicate_keys() -> None:
    """A name twice, at any depth and however it is spelt."""
    pair = f'"text":"{CANARY}"'
    await assert_all_refused(
        Hostile("in the data", probe(f'"text":"a",{pair}'), "malformed"),
        Hostile("escaped", probe(f'"te\\u0078t":"a",{pair}'), "malformed"),
        Hostile("the same value", probe('"text":"a","text":"a"'), "malformed"),
        Hostile("nested", probe('"point":{"x":1,"y":1,"x":2}'), "malformed"),
        Hostile("in a list", probe('"path":[{"x":1,"y":1,"y":1}]'), "malformed"),
        Hostile("type", '{"type":"target.small","type":"target.probe","data":{}}', "malformed"),
        Hostile("type, escaped", '{"type":"target.small","typ\\u0065":"target.probe"}', "malformed"),
        Hostile("id", '{"type":"target.small","id":"a","id":"b"}', "malformed"),
        Hostile("data", '{"type":"target.small","data":{},"data":{"text":"a"}}', "malformed"),
        Hostile("empty name", probe('"":1,"":2'), "malformed"),
    )


@in_loop
async def test_n05_lone_surrogates() -> None:
    """Half a character can be read, but never written: no string holds one, and no name."""
    await assert_all_refused(
        *(
            Hostile(f"{half} {where}", frame, "malformed")
            for half in ("\\ud800", "\\uDFFF", "\\udc00\\ud800", "a\\uD83D")
            for where, frame in {
                "as value": probe(f'"text":"{half}"'),
                "as name": probe(f'"{half}":1'),
                "in a list": probe(f'"tags":["{half}"]'),
                "as type": f'{{"type":"{half}"}}',
                "as id": f'{{"type":"target.small","id":"{half}"}}',
            }.items()
        )
    )


@in_loop
async def test_n05_surrogate_pair() -> None:
    """Two halves that belong together are one character."""
    await assert_all_handled((probe('"text":"\\ud83d\\ude00"'), {"text": "\U0001f600"}))


@pytest.mark.requirement("R058")
@in_loop
async def test_n07_names_that_mean_something_elsewhere() -> None:
    """They are unknown fields like any other, and unknown keys of an envelope."""
    names = ["__proto__", "constructor", "prototype", "__class__", "__init__", "_schema", "__dict__", "hasOwnProperty"]
    names += ["toString", "valueOf", "$where", "context", "self", "unknown", "many", "partial"]
    await assert_all_refused(
        *(Hostile(name, probe(f'"{name}":{{"admin":"{CANARY}"}}'), "invalid") for name in names),
        *(Hostile(f"{name}, nested", probe(f'"point":{{"x":1,"y":1,"{name}":{{}}}}'), "invalid") for name in names),
        *(Hostile(f"{name}, enveloped", f'{{"type":"target.small","{name}":{{}}}}', "malformed") for name in names),
    )


@in_loop
async def test_n08_nul() -> None:
    """No text holds NUL: neither a field, nor an item, nor a name."""
    await assert_all_refused(
        Hostile("value", probe(f'"text":"{CANARY[:8]}\\u0000"'), "invalid"),
        Hostile("item", probe('"tags":["a\\u0000b"]'), "invalid"),
        Hostile("name", probe('"counts":{"a\\u0000b":1}'), "invalid"),
        Hostile("name of a field", probe('"te\\u0000xt":1'), "invalid"),
        Hostile("raw", probe('"text":"a\x00b"'), "malformed"),
        Hostile("type", '{"type":"target.probe\\u0000"}', "unknown_type"),
        Hostile("raw newline", probe('"text":"a\nb"'), "malformed"),
    )


@in_loop
async def test_n09_many_elements() -> None:
    """100,000 keys or items are counted before a schema sees them; what a schema sees costs at most 1 KiB of answer."""

    def keys(count: int) -> str:
        return ",".join(f'"{CANARY}{number}":{number}' for number in range(count))

    def items(item: str, count: int) -> str:
        return ",".join([item] * count)

    await assert_all_refused(
        Hostile("keys", probe(keys(100_000)), "malformed"),
        Hostile("keys of an envelope", f"{{{keys(100_000)}}}", "malformed"),
        Hostile("keys, one object's most and one", probe(keys(1_001)), "malformed"),
        Hostile("items", probe(f'"tags":[{items("1", 50_000)}]'), "malformed"),
        Hostile("empty items", probe(f'"path":[{items("{}", 50_000)}]'), "malformed"),
        Hostile("items within the budget", probe(f'"path":[{items("{}", 4_000)}]'), "invalid"),
        Hostile("bad items within the length", probe(f'"path":[{items("{}", 8)}]'), "invalid"),
    )


@pytest.mark.requirement("R056")
@in_loop
async def test_n09_many_unknown_keys() -> None:
    """A thousand long names of the peer's own: the answer tells a few, none of them whole where it is no plain name."""
    names = ",".join(f'"\\u00e9{"k" * 60}{number}":{number}' for number in range(999))
    await assert_all_refused(Hostile("keys", probe(names), "invalid"))


@in_loop
async def test_n11_no_json() -> None:
    """White space by the megabyte, something behind the message, comments, and other languages than JSON."""
    message = probe('"text":"a"')
    frames = {
        "empty": "",
        "white space": " " * MILLION,
        "newlines": "\n" * MILLION,
        "trailing data": f"{message} {message}",
        "trailing comma": probe('"text":"a",'),
        "trailing brace": message + "}",
        "NUL behind": message + "\x00",
        "BOM before": "\ufeff" + message,
        "no-break space": "\u00a0" + message,
        "string": '"target.probe"',
        "number": "1",
        "true": "true",
        "null": "null",
        "list": f"[{message}]",
        "comment": f"{message} // {CANARY}",
        "comment within": probe('/* a */"text":"a"'),
        "single quotes": message.replace('"', "'"),
        "bare names": '{type:"target.probe"}',
        "unfinished": message[:-1],
        "unfinished string": '{"type":"target.pro',
        "unfinished escape": '{"type":"\\u12',
        "bad escape": '{"type":"\\x41"}',
        "python": "{'type': None}",
        "quotes": '"' * 100_000,
        "backslashes": '"' + "\\" * 100_001,
        "YAML": "type: target.probe",
    }
    await assert_all_refused(
        *(Hostile(what, frame, "malformed") for what, frame in frames.items()),
        Hostile("escapes by the megabyte", probe('"text":"' + "\\u0041" * (MILLION // 6) + '"'), "invalid"),
        Hostile("white space around a small type", " " * MILLION + '{"type":"target.small"}', "too_big"),
    )


@pytest.mark.requirement("R051")
@in_loop
async def test_n12_another_type() -> None:
    """A boolean is no number, a number no boolean, a float no integer, and no string is any of them."""
    wrong = {
        "number": ["true", "false", "1.0", "1e0", '"1"', "[]", "{}", '""', "null"],
        "ratio": ["true", '"1.5"', '"NaN"', "[]", "null"],
        "flag": ["1", "0", '"true"', '"yes"', '"on"', '"1"', "1.0", "[]", "null"],
        "text": ["1", "true", "[]", "{}", '["a"]', "null", "1.5"],
        "when": ["0", "1767225600", '"2026-01-01"', '"now"', '"2026-01-01T00:00:00"', "true", "null"],
        "uuid": ["1", '"x"', "[]", "null", '"' + "0" * 31 + '"'],
        "tags": ['"a"', "{}", "[1]", "[null]", "[[]]", "null", '{"0":"a"}'],
        "counts": ["[]", '[["a",1]]', '{"a":"1"}', '{"a":true}', '{"a":null}', "null", "1"],
    }
    await assert_all_refused(
        *(
            Hostile(f"{name} {value}", probe(f'"{name}":{value}'), "invalid")
            for name, values in wrong.items()
            for value in values
        )
    )


@pytest.mark.requirement("R056")
@in_loop
async def test_n13_long_string() -> None:
    """64 KiB where 32 characters are allowed: refused without a word of it."""
    await assert_all_refused(
        Hostile("ASCII", probe('"text":"' + CANARY * 3_641 + '"'), "invalid"),
        Hostile("of four bytes each", probe('"text":"' + "\U0001f600" * 16_384 + '"'), "invalid"),
        Hostile("in a pattern", probe('"word":"' + "a" * 65_536 + '"'), "invalid"),
        Hostile("as an item", probe('"tags":["' + CANARY * 3_641 + '"]'), "invalid"),
        Hostile("as a name", probe('"' + CANARY * 3_641 + '":1'), "invalid"),
        Hostile("as a type", '{"type":"' + CANARY * 3_641 + '"}', "unknown_type"),
    )


@pytest.mark.requirement("R055")
@in_loop
async def test_n14_no_envelope() -> None:
    """An object that is no message of ours."""
    frames = [
        "{}",
        '{"data":{}}',
        *(f'{{"type":{kind}}}' for kind in ("null", "1", "true", "[]", "{}", '["target.small"]', "1.0")),
        *(f'{{"type":"target.small","id":{id}}}' for id in ("1", "null", "true", "[]", "{}", f'"{"i" * 65}"', "1.5")),
        *(f'{{"type":"target.small","data":{data}}}' for data in ("null", "1", "[]", '"a"', "true", "[{}]")),
        *(
            f'{{"type":"target.small","{key}":1}}'
            for key in ("extra", "Type", "ID", "channel", "seq", "sig", "", "iD ")
        ),
        '{"action":"target.small"}',
        '{"type":"target.small","text":"a"}',
    ]
    await assert_all_refused(*(Hostile(frame[:60], frame, "malformed") for frame in frames))


@in_loop
async def test_n14_unknown_type(caplog: pytest.LogCaptureFixture) -> None:
    """A string that names none is unknown_type, and no label, line or answer is made of the client's string."""
    caplog.set_level(logging.DEBUG)
    async with target_kit() as kit:
        client = await kit.connect("/ws")
        answer, text = await error_to(client, json.dumps({"type": CANARY, "id": "i1"}))

    assert ("unknown_type", "i1") == (answer["code"], answer["id"])
    assert CANARY not in text
    assert ["unknown_type"] == [line["code"] for line in audited(caplog.records, "message.refused")]
    assert CANARY not in caplog.text


@pytest.mark.parametrize("frame", ["{", '{"type":"target.none"}', probe('"text":1'), '{"type":1}'])
@in_loop
async def test_n00_error_budget(frame: str) -> None:
    """The errors of the budget are answered, and the next mistake of the peer ends the connection with 4400."""
    limits = Limits()
    async with target_kit(limits=limits) as kit:
        client = await kit.connect("/ws")
        answers = [(await error_to(client, frame))[0]["type"] for _ in range(limits.error_budget)]
        await client.send_text(frame)

        assert ["error"] * limits.error_budget == answers
        assert "too many bad messages" == await client.assert_closed(4400)


@in_loop
async def test_n00_error_budget_refills() -> None:
    """A client with a bug is told for as long as it makes one mistake in the time that one comes back in."""
    limits = Limits()
    async with target_kit(limits=limits) as kit:
        client = await kit.connect("/ws")
        for _ in range(3 * limits.error_budget):
            assert "malformed" == (await error_to(client, "{"))[0]["code"]
            await kit.advance(limits.error_refill_seconds)
        await client.assert_nothing_received()
