"""What Tornado would read leniently in front of a body, and we refuse."""

import pytest

from tornado_wssec.policy.request_head import body_fault, head_fault


def head(*lines: bytes) -> bytes:
    """A request's head of these header lines."""
    return b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])


@pytest.mark.parametrize("sent", [head(b"Host: a"), head(), b"\r\n" + head(b"Host: a"), head(*[b"X: 1"] * 100)])
def test_head_as_it_should_be(sent: bytes) -> None:
    """CRLF everywhere, also one before the request line (RFC 9112 §2.2), and no more lines than allowed."""
    assert None is head_fault(sent, 100)


@pytest.mark.parametrize(
    "sent",
    [
        head(b"Host: a").replace(b"\r\n", b"\n"),
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        head(b"Host: a\rX: b"),
        head(b"Host: a\nX: b"),
        head(b"Host: a\r\r"),
    ],
)
def test_h21_head_with_other_line_ends(sent: bytes) -> None:
    """A bare LF or CR anywhere: what one parser takes for a line end, another may not."""
    assert "a line that does not end in CRLF" == head_fault(sent, 100)


def test_h20_head_of_too_many_lines() -> None:
    """One more than allowed."""
    assert "more than 100 header lines" == head_fault(head(*[b"X: 1"] * 101), 100)


@pytest.mark.parametrize("space", [b" ", b"\t"])
def test_h21_head_with_folded_lines(space: bytes) -> None:
    """A header that goes on in the next line (RFC 9112 §5.2)."""
    assert "a folded header" == head_fault(head(b"X: a", space + b"b"), 100)


@pytest.mark.parametrize(
    ("method", "lengths", "encodings"),
    [
        ("GET", [], []),
        ("GET", ["0"], []),
        ("POST", ["5"], []),
        ("POST", [" 5 "], []),
        ("POST", ["64"], []),
        ("POST", [], ["chunked"]),
        ("POST", [], ["Chunked"]),
        ("PUT", ["0"], []),
    ],
)
def test_body_as_it_should_be(method: str, lengths: list[str], encodings: list[str]) -> None:
    """None, an empty one, or one of a single known length."""
    assert None is body_fault(method, lengths, encodings, 64)


TWO, UNKNOWN, LONG = "a body of two lengths", "a body of no length that can be known", "a body that is too long"


@pytest.mark.parametrize(
    ("method", "lengths", "encodings", "fault"),
    [
        ("POST", ["3"], ["chunked"], TWO),
        ("POST", ["3", "3"], [], TWO),
        ("POST", [], ["chunked", "chunked"], TWO),
        ("POST", ["3, 3"], [], UNKNOWN),
        ("POST", ["-1"], [], UNKNOWN),
        ("POST", ["+1"], [], UNKNOWN),
        ("POST", ["1_0"], [], UNKNOWN),
        ("POST", ["0x1"], [], UNKNOWN),
        ("POST", [""], [], UNKNOWN),
        ("POST", ["٣"], [], UNKNOWN),
        ("POST", ["0" * 17], [], UNKNOWN),
        ("POST", [], ["gzip"], UNKNOWN),
        ("POST", [], ["gzip, chunked"], UNKNOWN),
        ("POST", [], [""], UNKNOWN),
        ("GET", ["1"], [], "GET with a body"),
        ("GET", ["104857600"], [], "GET with a body"),
        ("HEAD", [], ["chunked"], "HEAD with a body"),
        ("POST", ["65"], [], LONG),
        ("DELETE", ["104857600"], [], LONG),
    ],
)
def test_h21_body_that_is_refused(method: str, lengths: list[str], encodings: list[str], fault: str) -> None:
    """Two lengths, none that can be known, one that is too long, and any at all of a GET."""
    assert fault == body_fault(method, lengths, encodings, 64)
