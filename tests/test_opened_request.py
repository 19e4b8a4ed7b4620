"""What an open connection remembers of the request that it came by."""

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from tornado_wssec.opened_request import OpenedRequest


def opened(
    *headers: tuple[str, str], uri: str = "/ws/lobby?lang=de&lang=en&empty="
) -> tuple[HTTPServerRequest, OpenedRequest]:
    """A request, and what is remembered of it; the key is in X-Key."""
    found = HTTPHeaders({"Host": "App.example.com:8443"})
    for name, value in headers:
        found.add(name, value)
    request = HTTPServerRequest(start_line=RequestStartLine("GET", uri, "HTTP/1.1"), headers=found)
    request.remote_ip = "192.0.2.1"
    return request, OpenedRequest(request, ["X-KEY"])


@pytest.mark.parametrize(
    "name",
    [
        *("method", "uri", "version", "path", "query", "remote_ip", "protocol", "host", "host_name"),
        *("arguments", "query_arguments", "body_arguments", "files", "body", "connection", "server_connection"),
    ],
)
def test_opened_request_as_it_came(name: str) -> None:
    """What a handler of messages may ask of a request is the same as before."""
    request, kept = opened()

    assert getattr(request, name) == getattr(kept, name)
    assert (request.full_url(), repr(request).partition("(")[2]) == (kept.full_url(), repr(kept).partition("(")[2])


def test_opened_request_headers() -> None:
    """Each with every value, but those that show who one is."""
    secret = ["Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Key", "Sec-WebSocket-Protocol"]
    _, kept = opened(*[(name, "hunter2") for name in secret], ("X-Two", "b"), ("X-Two", "ü"), ("Origin", ""))

    assert [("Host", "App.example.com:8443"), ("X-Two", "b"), ("X-Two", "ü"), ("Origin", "")] == list(
        kept.headers.get_all()
    )
    assert {} == kept.cookies
    assert "hunter2" not in str(vars(kept))


def test_opened_request_of_what_it_never_was() -> None:
    """A name that no request has is an error like any other."""
    _, kept = opened()

    with pytest.raises(AttributeError, match="keeps no colour of its request"):
        kept.colour  # noqa: B018 - it raises
    assert kept.request_time() > 0
