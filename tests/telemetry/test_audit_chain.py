"""Each line of a chain proves the one before."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.telemetry.kit import AT
from tornado_wssec.telemetry.audit import record_of
from tornado_wssec.telemetry.audit_chain import BEGINNING, Chain, Entry, Fault, Head, Torn, checked

CHAIN = Chain("one")
LINES = [CHAIN.seal(record_of("e", AT, {"n": number})) for number in range(5)]


def faults(lines: list[bytes], head: Head | None = BEGINNING) -> list[object]:
    """What is wrong with these lines."""
    return [found for found in checked(lines, "one", head) if not isinstance(found, Entry)]


def test_chain_that_nobody_touched() -> None:
    """Every line stands where it belongs, and is JSON with its number and its hash."""
    found = [entry.facts["n"] for entry in checked(LINES, "one", BEGINNING) if isinstance(entry, Entry)]

    assert ([0, 1, 2, 3, 4], []) == (found, faults(LINES))
    assert {"v", "at", "event", "n", "chain", "seq", "hash"} == set(json.loads(LINES[0]))


def test_chain_goes_on_from_a_head() -> None:
    """A later file is checked against the end of the one before."""
    first = [entry for entry in checked(LINES[:2], "one", BEGINNING) if isinstance(entry, Entry)]

    assert [] == faults(LINES[2:], first[-1].head)
    assert [Fault(1, "has number 3 where 1 comes next: lines are missing, added or moved")] == faults(LINES[2:])
    assert [] == faults(LINES[2:], None)


@given(st.data())
def test_l09_chain_with_any_byte_changed(data: st.DataObject) -> None:
    """Whatever is changed in whichever line is told, the last line's own hash included."""
    number = data.draw(st.integers(0, 4))
    line = bytearray(LINES[number])
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))

    assert [] != faults([*LINES[:number], bytes(line), *LINES[number + 1 :]])


@given(st.permutations(range(5)), st.integers(1, 5))
def test_l09_chain_with_lines_moved_or_removed(order: list[int], kept: int) -> None:
    """Any order but the first one, and any gap but at the end, is told; the end is for the folder to know of."""
    lines = [LINES[number] for number in order[:kept]]

    assert (order[:kept] == list(range(kept))) == (faults(lines) == [])


def test_chain_with_a_line_of_another() -> None:
    """What was written elsewhere does not fit in."""
    other = Chain("two")
    line = other.seal(record_of("e", AT, {}))

    assert [Fault(1, "belongs to another chain")] == faults([line])


def test_chain_that_a_crash_has_torn() -> None:
    """A line without its end is the last one, and is not believed."""
    torn = faults([*LINES[:2], LINES[2][:20]])

    assert [20] == [one.size for one in torn if isinstance(one, Torn)]


def test_chain_with_what_is_no_line() -> None:
    """JSON of the right end and the wrong inside is no line, however deep."""
    seal = b', "hash": "' + b"0" * 64 + b'"}\n'

    for inside in (b"{", b'{"seq": Infinity', b'{"seq": "x"', b'{"seq": null', b"[" * 100_000, b"", b'{"a": 1'):
        assert [Fault(1, "is no line of an audit")] == faults([inside + seal])
    assert [Fault(1, "is no line of an audit")] == faults([b"\xff\n"])
