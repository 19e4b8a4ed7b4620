"""What authenticators see of a request."""

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from tornado_wssec.auth.base import RequestView
from tornado_wssec.errors import HandshakeMalformed
from tornado_wssec.request_view import is_forwarded, view_of
from tornado_wssec.settings import Limits


def requested(uri: str = "/ws", *headers: tuple[str, str]) -> HTTPServerRequest:
    """A GET with these headers."""
    found = HTTPHeaders({"Host": "app.example.com"})
    for name, value in headers:
        found.add(name, value)
    return HTTPServerRequest(start_line=RequestStartLine("GET", uri, "HTTP/1.1"), headers=found)


def seen(request: HTTPServerRequest, limits: Limits | None = None) -> RequestView:
    """The view of it."""
    return view_of(request, "192.0.2.1", limits or Limits(), is_handshake=True, is_from_proxy=False)


def test_view_headers_in_lower_case_with_every_value() -> None:
    """As a mapping that can be looked through, with nothing that is not there."""
    headers = seen(requested("/ws", ("X-One", "a"), ("x-two", "b"), ("X-TWO", "c"))).headers

    assert {"host": ["app.example.com"], "x-one": ["a"], "x-two": ["b", "c"]} == dict(headers)
    assert (3, None, ()) == (len(headers), headers.get("x-three"), headers.get("x-three", ()))
    with pytest.raises(KeyError):
        headers["x-three"]


def test_view_of_a_header_twice() -> None:
    """One that must be there once is refused when it is not."""
    request = requested("/ws", ("Authorization", "a"), ("Authorization", "b"))
    with pytest.raises(HandshakeMalformed):
        seen(request).header("authorization")


def test_view_of_a_bare_request() -> None:
    """What was not sent is empty, or None."""
    view = seen(requested())

    assert ("/ws", {}, [], None, None) == (
        view.path,
        view.query,
        list(view.offered),
        view.origin,
        view.header("cookie"),
    )


def test_view_of_a_query() -> None:
    """Every value of each name; more of them than may be are refused."""
    request = requested("/ws?a=1&a=2&b=%ff")

    assert {"a": ["1", "2"], "b": ["\ufffd"]} == seen(request).query
    assert 3 == sum(map(len, seen(request, Limits(query_arguments=3)).query.values()))
    with pytest.raises(HandshakeMalformed):
        seen(request, Limits(query_arguments=2))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Forwarded", True),
        ("x-real-ip", True),
        ("X-Forwarded-For", True),
        ("X-FORWARDED-ANYTHING", True),
        ("X-Forwarded", False),
        ("Not-Forwarded", False),
        ("Forwarded-Not", False),
    ],
)
def test_is_forwarded_by_name(name: str, expected: bool) -> None:
    """A header that proxies set, however it is spelt, and no other."""

    assert expected == is_forwarded(requested("/ws", ("Accept", "a"), (name, ""), ("Zz", "b")))
