"""The Origin allowlist: who is let in, and everybody who must not be."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.errors import ConfigurationError, Problem
from tornado_wssec.policy.origins import OriginPolicy

APP = "https://app.example.com"
EVERYTHING = [
    APP,
    "http://localhost:3000",
    "https://*.wild.example",
    "https://bücher.example",
    "http://[::1]:8080",
    "chrome-extension://abcdefghijklmnop",
]


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com",
        "HTTPS://app.example.com",
        "https://APP.Example.COM",
        "https://app.example.com:443",
        "http://localhost:3000",
        "http://[::1]:8080",
        "http://[0:0:0:0:0:0:0:1]:8080",
        "chrome-extension://abcdefghijklmnop",
        "https://xn--bcher-kva.example",
    ],
)
def test_h01_exact_origin(origin: str) -> None:
    """Scheme and host are compared in lower case, and a default port is no port."""

    assert OriginPolicy(EVERYTHING).allows(origin) is True


@pytest.mark.parametrize("origin", ["http://app.example.com:80", "HTTP://app.example.com"])
def test_h01_default_port_is_of_its_scheme(origin: str) -> None:
    """80 is nothing to http, and says something to https."""

    assert OriginPolicy(["http://app.example.com"]).allows(origin) is True
    assert OriginPolicy([APP]).allows(origin) is False
    assert OriginPolicy([APP]).allows("https://app.example.com:80") is False


@pytest.mark.parametrize("origin", ["null", "NULL", "Null", "null, https://app.example.com"])
def test_h02_null_origin(origin: str) -> None:
    """Every sandboxed frame and every file says `null`: it is nobody."""

    assert OriginPolicy(EVERYTHING).allows(origin) is False


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com@evil.test",
        "https://app.example.com:443@evil.test",
        "https://user@app.example.com",
        "https://user:pw@app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?",
        "https://app.example.com?q",
        "https://app.example.com#",
        "https://app.example.com#f",
        "https://app.example.com\\",
        "https://app.example.com;",
    ],
)
def test_h05_origin_with_more_than_an_origin(origin: str) -> None:
    """Userinfo, path, query or fragment: no browser serialises an origin so."""

    assert OriginPolicy(EVERYTHING).allows(origin) is False


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com.evil.test",
        "https://xapp.example.com",
        "https://evil.test/https://app.example.com",
        "https://evil.test?https://app.example.com",
        "https://app.example.comevil.test",
        "https://appxexample.com",
        "https://app.example.co",
        "app.example.com",
        "//app.example.com",
        "https:app.example.com",
        "https:/app.example.com",
        "xhttps://app.example.com",
        "https://app.example.com https://evil.test",
        "https://evil.test https://app.example.com",
        "https://app.example.com,https://evil.test",
    ],
)
def test_h06_origin_that_contains_ours(origin: str) -> None:
    """Ours in front, behind or in the middle is not ours."""

    assert OriginPolicy(EVERYTHING).allows(origin) is False


GARBAGE = [
    "",
    " ",
    "://",
    "https://",
    "https://:443",
    "https://[",
    "https://]",
    "http://[evil",
    "http://]",
    "http://[::1",
    "http://[::1]evil:8080",
    "http://[::1%25eth0]:8080",
    "%00",
    "\x00",
    "https://app.example.com%00",
    "https://app.example.com\x00",
    "https://app.example.com\n",
    "https://app.example.com\r\nX: y",
    "\thttps://app.example.com",
    " https://app.example.com",
    "https://app.example.com ",
    "https://app.example.com:",
    "https://app.example.com:0443",
    "https://app.example.com:65979",
    "https://app.example.com:99999",
    "https://app.example.com:4٤3",
    "https://app.example.com:-443",
    "https://app.example.com:443:443",
    "https://app.example.com.",
    "https://app..example.com",
    "https://.app.example.com",
    "1https://app.example.com",
    "https" * 2_000,
    "https://" + "a" * 8_192,
    "https://app.example.com" + "/" * 8_192,
    "http://127.1",
    "http://0x7f.1",
    "\ud800",
]


@pytest.mark.parametrize("origin", GARBAGE, ids=lambda origin: ascii(origin)[:30])
def test_h07_garbage_origin(origin: str) -> None:
    """What cannot be read is refused, without an exception."""

    assert OriginPolicy([*EVERYTHING, "http://127.0.0.1"]).allows(origin) is False


@pytest.mark.parametrize(
    "origin",
    [
        "https://bücher.example",
        "https://app.ex\u0430mple.com",
        "https://app.example\u3002com",
        "https://app.example.com\u200b",
        "https://ａpp.example.com",
        "http\u017f://app.example.com",
        "https://xn--pp-pmc.example.com",
        "https://xn--bcher-kvb.example",
        "https://xn--app-.example.com",
    ],
    ids=ascii,
)
def test_h08_look_alike_origin(origin: str) -> None:
    """Browsers send A-labels: raw UTF-8 is refused also where it would mean ours, and look-alikes are others."""

    assert OriginPolicy(EVERYTHING).allows(origin) is False


def test_h08_look_alike_scheme() -> None:
    """The Kelvin sign in lower case is a plain `k`: what is not ASCII is refused before anything else."""
    policy = OriginPolicy(["kiosk://app"])

    assert policy.allows("KIOSK://app") is True
    assert policy.allows("\u212aiosk://app") is False


def test_h08_configured_u_label() -> None:
    """An entry in its own script is converted once and then compared as what browsers send."""
    policy = OriginPolicy(["https://Bücher.example", "https://*.пример.рф"])

    assert policy.allows("https://xn--bcher-kva.example") is True
    assert policy.allows("https://www.xn--e1afmkfd.xn--p1ai") is True
    assert ("xn--bcher-kva.example", "*.xn--e1afmkfd.xn--p1ai") == policy.hosts


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://a.wild.example", True),
        ("https://A.Wild.Example:443", True),
        ("https://xn--bcher-kva.wild.example", True),
        ("https://wild.example", False),
        ("https://a.b.wild.example", False),
        ("https://.wild.example", False),
        ("https://*.wild.example", False),
        ("https://awild.example", False),
        ("http://a.wild.example", False),
        ("https://a.wild.example:8443", False),
        ("https://a.wild.example.evil.test", False),
        ("https://other.example.com", False),
        ("https://a@b.wild.example", False),
    ],
)
def test_h09_wildcard_is_one_label(origin: str, expected: bool) -> None:
    """`*.wild.example` is each host with one label in front: never the apex, never two, nor another scheme."""

    assert expected is OriginPolicy(EVERYTHING).allows(origin)


def test_h09_sibling_is_not_listed() -> None:
    """A forgotten subdomain that somebody took over is not ours."""

    assert OriginPolicy([APP]).allows("https://old.example.com") is False


def test_h11_no_origin() -> None:
    """A missing Origin is never on the list; whether it may be missing is the endpoint's to say."""

    assert OriginPolicy(EVERYTHING).allows(None) is False


def test_origins_empty_allow_none() -> None:
    """Without entries no page is allowed, and no host follows."""
    policy = OriginPolicy([])

    assert [False, False, False] == [policy.allows(origin) for origin in (APP, "null", "")]
    assert () == policy.hosts


def test_origins_tell_their_hosts() -> None:
    """The hosts of web pages, once each and without ports; an extension's is no host of ours."""
    policy = OriginPolicy([*EVERYTHING, "https://app.example.com:8443", "http://localhost"])

    assert ("app.example.com", "localhost", "*.wild.example", "xn--bcher-kva.example", "[::1]") == policy.hosts


def test_origins_report_every_bad_entry() -> None:
    """All of them at once, each with its remedy."""
    entries: list[Any] = [
        APP,
        "https://app.example.com/",
        "https://app.example.com/chat",
        "https://app.example.com/?q",
        "https://app.example.com?q",
        "https://app.example.com#f",
        "*",
        "null",
        "app.example.com",
        "://app.example.com",
        "wss://app.example.com",
        "ws://localhost:8888",
        "file:///home",
        "https://user:hunter2@app.example.com",
        "https://app.example.com:0",
        "https://*.com",
        "https://*",
        "",
        "https://a.example https://b.example",
        None,
    ]
    with pytest.raises(ConfigurationError) as caught:
        OriginPolicy(entries)
    page = "is the address of a socket; an origin names the page, so write"
    expected = [
        "'https://app.example.com/' has a path; drop the slash",
        "'https://app.example.com/chat' has a path; drop everything from the / on",
        "'https://app.example.com/?q' has a path; drop everything from the / on",
        "'https://app.example.com?q' has a query; drop everything from the ? on",
        "'https://app.example.com#f' has a fragment; drop everything from the # on",
        "'*' allows every site in the world; list yours, https://*.example.com stands for one label",
        "'null' is what every sandboxed frame and local file sends; serve the page from a site of yours",
        "'app.example.com' has no scheme; write it as https://app.example.com",
        "'://app.example.com' has no scheme; write it as https://app.example.com",
        f"'wss://app.example.com' {page} https://",
        f"'ws://localhost:8888' {page} http://",
        "'file:///home' is no origin, pages in files send null; serve the page from a site of yours",
        "'…@app.example.com' has userinfo; drop everything up to the @",
        "'https://app.example.com:0' has '0' where a port from 1 to 65535 belongs; drop it or mend it",
        "'https://*.com' has * in front of what is no domain of yours; name the domain, such as *.example.com",
        "'https://*' has * elsewhere than as the whole first label; write it as *.example.com",
        "'' has no scheme; write it as https://app.example.com",
        "'https://a.example https://b.example' has a space in it; drop it, and put a comma between two entries",
        "None is no string; write it in quotes",
    ]

    assert [f"origins (WSSEC_ORIGINS): {line}" for line in expected] == [str(each) for each in caught.value.problems]


def test_origins_take_one_string_for_one_entry() -> None:
    """A string is not a list of letters."""

    assert OriginPolicy(APP).allows(APP) is True


def test_origins_problem_is_a_problem() -> None:
    """The parts stand where a program finds them."""
    with pytest.raises(ConfigurationError) as caught:
        OriginPolicy(["https://app.example.com/"])

    assert (
        Problem("origins (WSSEC_ORIGINS)", "'https://app.example.com/' has a path", "drop the slash"),
    ) == caught.value.problems


TEXTS = (
    st.none()
    | st.text(max_size=40)
    | st.text(alphabet="htps:/.[]@*wildexamp%0 \n", max_size=40)
    | st.builds(
        "{}://{}{}".format,
        st.sampled_from(["https", "http", "HTTPS", "wss", ""]),
        st.sampled_from(["app.example.com", "a.wild.example", "[::1]", "evil.test"]) | st.text(max_size=10),
        st.sampled_from(["", ":443", ":80", ":8080", "/", "."]),
    )
)


def allowed_by_model(origin: str | None) -> bool:
    """The same allowlist as one expression over the grammar of RFC 6454, for entries without IPv6."""
    https = r"https://(app\.example\.com|(?!-)[a-z0-9_-]{1,63}(?<!-)\.wild\.example)(:443)?"
    return origin is not None and re.fullmatch(https, origin, re.IGNORECASE | re.ASCII) is not None


@given(TEXTS)
@example("https://a.wild.example:443")
@example("http\u017f://app.example.com")
def test_origins_agree_with_a_model(origin: str | None) -> None:
    """Never an exception, and yes exactly for what one careful expression matches."""

    assert allowed_by_model(origin) is OriginPolicy([APP, "https://*.wild.example"]).allows(origin)


@given(st.lists(st.text(max_size=20) | st.text(alphabet="htps:/.*ab@1[]", max_size=20), max_size=3))
def test_origins_configured_raise_nothing_else(entries: list[str]) -> None:
    """Any list of strings is an allowlist or a ConfigurationError with at most a problem for each."""
    problems: tuple[Problem, ...] = ()
    try:
        OriginPolicy(entries)
    except ConfigurationError as error:
        problems = error.problems

    assert len(problems) <= len(entries)
