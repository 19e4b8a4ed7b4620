"""What a binary message may be, told by the bytes that it begins with."""

import pytest

from tornado_wssec.policy.binary_formats import BEGINNING_MOST, FORMATS, NOTHING, BinaryFormat

BEGINNINGS = {
    "any": b"",
    "flac": b"fLaC\0",
    "gif": b"GIF89a\1\0",
    "gzip": b"\x1f\x8b\x08\0",
    "jpeg": b"\xff\xd8\xff\xe0",
    "mp4": b"\0\0\n\x18ftypisom",
    "ogg": b"OggS\0\2",
    "pdf": b"%PDF-1.7\n",
    "png": b"\x89PNG\r\n\x1a\n\0",
    "wav": b"RIFF\n\0\0\0WAVEfmt ",
    "webm": b"\x1a\x45\xdf\xa3\x01",
    "webp": b"RIFF\n\0\0\0WEBPVP8 ",
    "zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_fit_their_own_beginning_alone(name: str) -> None:
    """Each takes what begins as it does, and nothing that begins as another."""
    mine = BinaryFormat.parse(name)

    assert {"any", name} == {other for other in FORMATS if BinaryFormat.parse(other).fits(BEGINNINGS[name])}
    assert mine.fits(BEGINNINGS[name])
    assert (name == "any") == mine.fits(b"<html>")
    assert (name == "any") == mine.fits(b" " + BEGINNINGS[name])
    assert (name == "any") == mine.fits(b"")


def test_formats_of_ones_own() -> None:
    """Bytes stand for what begins with them, and are no expression."""
    mine = BinaryFormat.parse(b".*\n")

    assert [True, False] == [mine.fits(payload) for payload in (b".*\nx", b"x.\n")]
    assert "b'.*\\n'" == mine.name


@pytest.mark.parametrize("declared", ["", "PNG", "image/png", b"", b"x" * (BEGINNING_MOST + 1), 1, True, ["png"]])
def test_formats_that_are_none(declared: object) -> None:
    """The remedy names those that there are."""
    with pytest.raises(ValueError, match=r"; write one of any, flac, .*, or the bytes"):
        BinaryFormat.parse(declared)


def test_formats_that_cannot_be_read_take_nothing() -> None:
    """Not even what is empty."""

    assert [False, False] == [NOTHING.fits(payload) for payload in (b"", b"\x89PNG\r\n\x1a\n")]


@pytest.mark.parametrize("size", [1, BEGINNING_MOST])
def test_formats_of_ones_own_at_their_bounds(size: int) -> None:
    """From one byte to the most that can be declared."""

    assert BinaryFormat.parse(b"x" * size).fits(b"x" * size)
