"""Whether a folder of audit files is whole."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.telemetry.kit import AT, writer_of, written
from tornado_wssec.telemetry.audit import record_of
from tornado_wssec.telemetry.audit_chain import Chain, Head
from tornado_wssec.telemetry.audit_file import OPERATORS, ChainFile, Piece
from tornado_wssec.telemetry.audit_reading import last_head
from tornado_wssec.telemetry.audit_shared import append_shared
from tornado_wssec.telemetry.audit_verdict import ChainVerdict, judged


def faults(folder: Path, *heads: tuple[str, Head]) -> list[str]:
    """What is wrong in a folder."""
    return [fault for verdict in judged(folder, heads) for fault in verdict.faults]


def only(folder: Path, *heads: tuple[str, Head]) -> ChainVerdict:
    """The verdict on the only chain there is."""
    (verdict,) = judged(folder, heads)
    return verdict


def test_folder_that_nobody_touched(tmp_path: Path) -> None:
    """Every chain that has ended is whole, over all its files."""
    written(tmp_path, "one", 20, piece_bytes=600)
    written(tmp_path, "two", 3)

    assert [("one", "ended", 20), ("two", "ended", 3)] == [(v.name, v.state, v.lines) for v in judged(tmp_path)]
    assert [] == faults(tmp_path)
    assert 5 < len(list(tmp_path.iterdir()))


def removed_line(path: Path) -> None:
    """Take the second line out."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))


def removed_end(path: Path) -> None:
    """Take the last line out."""
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def swapped(path: Path) -> None:
    """Let two lines change places."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))


def edited(path: Path) -> None:
    """Write another number into a line."""
    path.write_bytes(path.read_bytes().replace(b'"number": 1', b'"number": 9', 1))


def cut(path: Path) -> None:
    """Take a few bytes off the end."""
    path.write_bytes(path.read_bytes()[:-5])


def doubled(path: Path) -> None:
    """Say the last line twice."""
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])


@pytest.mark.requirement("R083")
@pytest.mark.parametrize("harm", [removed_line, removed_end, swapped, edited, cut, doubled, os.unlink, os.truncate])
def test_l09_folder_with_harm_done(harm: Callable[..., None], tmp_path: Path) -> None:
    """Whatever is done to a chain that has ended is told, in words that name the file or the chain."""
    writer_of(tmp_path).close(5)
    (path,) = written(tmp_path)
    writer_of(tmp_path, 8).close(5)
    assert [] == faults(tmp_path)

    harm(*((path, 0) if harm is os.truncate else (path,)))

    assert [] != faults(tmp_path)


@pytest.mark.parametrize("number", range(4))
def test_l09_folder_with_a_file_missing(number: int, tmp_path: Path) -> None:
    """Each file of a chain is missed, the first and the last too."""
    paths = written(tmp_path, "one", 20, piece_bytes=1_000)
    paths[number].unlink()

    assert 4 == len(paths)
    assert [] != faults(tmp_path)


def test_folder_of_a_live_process(tmp_path: Path) -> None:
    """A chain that is being written has no end yet, and nothing is wrong with it."""
    writer = writer_of(tmp_path)

    assert ("live", []) == (only(tmp_path).state, only(tmp_path).faults)
    writer.close(5)
    assert "ended" == only(tmp_path).state


def crashed(folder: Path) -> Path:
    """A chain whose process was killed in the middle of a line."""
    file = ChainFile(folder, Chain("crashed"), 1, 1_000_000)
    file.write([record_of("tests.event", AT, {"n": n}) for n in range(3)], AT)
    file.close()
    path = file.piece.path
    path.write_bytes(path.read_bytes() + b'{"v": 1, "at"')
    return path


def test_folder_after_a_crash(tmp_path: Path) -> None:
    """A process that was killed leaves a chain without its end; whoever begins next has seen how far it came."""
    path = crashed(tmp_path)
    assert ["has no last line: its process was killed, or its end was cut off"] == faults(tmp_path)

    writer_of(tmp_path).close(5)

    verdict = next(verdict for verdict in judged(tmp_path) if verdict.name == "crashed")
    assert ("crashed", 3, []) == (verdict.state, verdict.lines, verdict.faults)
    assert [f"{path.name}: ends in a torn line of 13 bytes"] == verdict.notes
    removed_end(path)
    removed_end(path)
    assert "its end is missing: it once had 3 lines" in faults(tmp_path)


def test_folder_written_anew(tmp_path: Path) -> None:
    """A chain made anew from an edited line on is whole, but not the one whose head was kept elsewhere."""
    (path,) = written(tmp_path)
    head = last_head(Piece("one", 1, path))
    path.unlink()
    forged = ChainFile(tmp_path, Chain("one"), 1, 1_000_000)
    forged.write([record_of("audit.ended" if n == 4 else "forged", AT, {}) for n in range(5)], AT)
    forged.close()

    assert [] == faults(tmp_path)
    assert ["line 5 is not the one that was seen there: it was written anew"] == faults(tmp_path, ("one", head))


def test_folder_of_commands(tmp_path: Path) -> None:
    """Commands go on where the one before has ended, behind a torn line in a file of their own."""
    append_shared(tmp_path, [record_of("tests.event", AT, {})], AT, 1_000_000)
    append_shared(tmp_path, [record_of("tests.event", AT, {})], AT, 1_000_000)
    path = tmp_path / f"{OPERATORS}.0001.jsonl"
    path.write_bytes(path.read_bytes() + b"torn")

    append_shared(tmp_path, [record_of("tests.event", AT, {})], AT, 1_000_000)

    assert ("shared", 4, []) == (only(tmp_path).state, only(tmp_path).lines, only(tmp_path).faults)
    assert [f"{OPERATORS}.0002.jsonl: goes on behind a line that a crash has torn"] == only(tmp_path).notes
    path.write_bytes(path.read_bytes() + b"!")
    assert [f"{OPERATORS}.0002.jsonl: does not say what tore the line before it"] == faults(tmp_path)
    append_shared(tmp_path, [record_of("tests.event", AT, {})], AT, 10)
    assert (tmp_path / f"{OPERATORS}.0003.jsonl").exists()


def test_folder_of_commands_with_a_link(tmp_path: Path) -> None:
    """A line between two files that belongs to neither is told."""
    append_shared(tmp_path, [record_of("tests.event", AT, {})], AT, 1)
    append_shared(tmp_path, [record_of("tests.event", AT, {})], AT, 1)
    first = tmp_path / f"{OPERATORS}.0001.jsonl"
    first.write_bytes(b"")

    assert [] != faults(tmp_path)


@pytest.mark.parametrize("event", ["audit.saw", "audit.removed"])
def test_folder_in_which_somebody_testifies_nonsense(event: str, tmp_path: Path) -> None:
    """What a forged chain says of others ends no verdict, and hides nothing."""
    (path,) = written(tmp_path)
    forged = ChainFile(tmp_path, Chain("forged"), 1, 1_000_000)
    facts = {"other": "one", "other_seq": "many", "other_hash": 7, "piece": "all"}
    forged.write([record_of(event, AT, facts), record_of("audit.ended", AT, {})], AT)
    forged.close()
    removed_end(path)

    assert "has no last line: its process was killed, or its end was cut off" in faults(tmp_path)
