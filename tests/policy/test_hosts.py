"""Names of hosts, on the wire and in a configuration, and the Host allowlist."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.errors import ConfigurationError, Problem
from tornado_wssec.policy.hosts import LOOPBACK_HOSTS, HostPolicy, read_authority, read_configured


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("app.example.com", "app.example.com", None),
        ("App.EXAMPLE.com:8443", "app.example.com", 8443),
        ("localhost", "localhost", None),
        ("a_b.example", "a_b.example", None),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]", "[::1]", None),
        ("[2001:DB8:0::1]:443", "[2001:db8::1]", 443),
        ("a:65535", "a", 65535),
        ("a" * 63 + ".example", "a" * 63 + ".example", None),
        ("a." * 126 + "a", "a." * 126 + "a", None),
    ],
)
def test_authority_is_read_in_its_one_spelling(text: str, host: str, port: int | None) -> None:
    """Lower case, IPv6 compressed; the port as a number."""

    assert (host, port) == read_authority(text)


NO_AUTHORITIES = [
    "",
    ":",
    ":80",
    "a:",
    "a:0",
    "a:080",
    "a:65536",
    "a:99999999999",
    "a:+80",
    "a:8_0",
    "a:٨٠",
    "a:80:80",
    "a.",
    "a.:80",
    ".a",
    "a..b",
    "-a",
    "a-",
    "a.-b",
    "a" * 64,
    "a." * 127,
    "a." * 127 + "a",
    "u@a",
    "u:p@a",
    "a,b",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\t",
    "a\x00",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "a%2e",
    "*.a",
    "*",
    "bücher.example",
    "\u212aelvin.example",
    "ａ.example",
    "a\u3002b",
    "ex\u00adample",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "2130706433",
    "127.0.0.01",
    "127.0.0.256",
    "a.1",
    "a.0x",
    "::1",
    "[::1",
    "::1]",
    "[]",
    "[::1]a",
    "[::1]]",
    "[fe80::1%eth0]",
    "[::g]",
    "[1:2:3:4:5:6:7:8:9]",
    "[127.0.0.1]",
]


@pytest.mark.parametrize("text", NO_AUTHORITIES, ids=ascii)
def test_authority_refuses(text: str) -> None:
    """What is no plain `host[:port]` is nothing at all, and nothing is repaired."""

    assert read_authority(text) is None


TEXTS = (
    st.text(max_size=30)
    | st.text(alphabet="ab.:[]%@-_0x1 fF*", max_size=20)
    | st.sampled_from(["a.b", "b.a.b", "A.b:80", "c.b.a.b"])
    | st.from_regex(r"\A\[[0-9a-f:.]{2,20}\](:[0-9]{1,6})?\Z")
)


@given(TEXTS)
@example("[" + ":" * 44 + "]")
@example("\ud800")
def test_authority_reads_any_text(text: str) -> None:
    """Never an exception; and what was read is spelt so that reading it again gives the same."""
    read = read_authority(text)
    if read is None:
        return
    host, port = read

    assert read == read_authority(host if port is None else f"{host}:{port}")
    assert host.isascii()
    assert host == host.lower()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("App.example.com", "app.example.com", None),
        ("app.example.com:8443", "app.example.com", 8443),
        ("*.Example.com", "*.example.com", None),
        ("*.example.com:8443", "*.example.com", 8443),
        ("*.localhost", "*.localhost", None),
        ("[::1]:8080", "[::1]", 8080),
        ("[0:0::1]", "[::1]", None),
        ("Bücher.example", "xn--bcher-kva.example", None),
        ("BÜCHER.example", "xn--bcher-kva.example", None),
        ("bu\u0308cher.example", "xn--bcher-kva.example", None),
        ("*.bücher.example:81", "*.xn--bcher-kva.example", 81),
        ("bü-cher7.example", "xn--b-cher7-n2a.example", None),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai", None),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah", None),
    ],
)
def test_configured_host_is_read(text: str, host: str, port: int | None) -> None:
    """As on the wire, with U-labels as their A-labels and perhaps `*.` in front."""

    assert (host, port) == read_configured(text)


@pytest.mark.parametrize(
    "label",
    [
        "straße",
        "STRAẞE",
        "ὀδός",
        "ΟΔΟΣ",
        "ﬁsch",
        "ｂücher",
        "\u212a",
        "İstanbul",
        "ǅ",
        "x\u200dü",
        "x\u200cü",
        "x\u00adü",
        "ü\ufe0f",
        "ü\u034f",
        "\u3164ü",
        "ü\u3002example",
        "ü·",
        "ü ü".replace(" ", "\u2044"),
        "☃",
        "💩",
        "½ü",
        "Ⅷ",
        "\ud800",
        "\ue000",
        "\u0378",
    ],
    ids=ascii,
)
def test_h08_label_of_two_readings(label: str) -> None:
    """What programs convert to different names, or cannot be a name, is refused; its xn-- form may be written."""
    with pytest.raises(ValueError, match="converted differently by different programs; write its xn-- form"):
        read_configured(f"{label}.example")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "names no host"),
        ("user@example.com", "has userinfo"),
        ("*", r"has \* elsewhere"),
        ("a.*.example.com", r"has \* elsewhere"),
        ("*.*.example.com", r"has \* elsewhere"),
        ("**.example.com", r"has \* elsewhere"),
        ("*example.com", r"has \* elsewhere"),
        ("example.com.", "dot at the end"),
        ("example.com.:80", "dot at the end"),
        ("example.com:", "has '' where a port"),
        ("example.com:0", "has '0' where a port"),
        ("example.com:http", "has 'http' where a port"),
        ("example.com:65536", "has '65536' where a port"),
        ("*.com", "no domain of yours"),
        ("*.2.3.4", "no host in its usual"),
        ("*.192.0.2.1", "no domain of yours"),
        ("*.[::1]", "no domain of yours"),
        ("127.1", "no host in its usual"),
        ("::1", "no host in its usual"),
        ("[::1", "no host in its usual"),
        ("a,b", "no host in its usual"),
        ("ü" * 60 + ".example", "no host in its usual"),
    ],
)
def test_configured_host_refuses(text: str, fault: str) -> None:
    """The error says what is wrong and what to write."""
    with pytest.raises(ValueError, match=fault) as caught:
        read_configured(text)

    assert "; " in str(caught.value)


@given(TEXTS | st.text(alphabet="aüß.*:1-İK", max_size=15))
def test_configured_host_agrees_with_the_wire(text: str) -> None:
    """What was read from a configuration can arrive on the wire, or is `*.` before what can."""
    try:
        host, port = read_configured(text)
    except ValueError:
        return
    plain = host.removeprefix("*.")

    assert (plain, port) == read_authority(plain if port is None else f"{plain}:{port}")


@pytest.mark.parametrize(
    ("entry", "header"),
    [
        ("app.example.com", "app.example.com"),
        ("app.example.com", "APP.example.COM"),
        ("app.example.com", "app.example.com:443"),
        ("app.example.com", "app.example.com:9999"),
        ("APP.example.com:8443", "app.example.com:8443"),
        ("app.example.com:443", "app.example.com"),
        ("app.example.com:80", "app.example.com"),
        ("*.example.com", "app.example.com"),
        ("*.example.com", "app.example.com:1"),
        ("*.example.com:8443", "app.example.com:8443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]", "[::1]:8888"),
        ("[::1]", "[0:0:0:0:0:0:0:1]"),
        ("127.0.0.1", "127.0.0.1:8888"),
    ],
)
def test_h13_host_is_ours(entry: str, header: str) -> None:
    """Case does not matter, nor does the port unless the entry has one."""

    assert HostPolicy([entry]).allows(header) is True


@pytest.mark.parametrize(
    ("entry", "header"),
    [
        ("app.example.com", "evil.test"),
        ("app.example.com", "evil.test:443"),
        ("app.example.com", "app.example.com.evil.test"),
        ("app.example.com", "xapp.example.com"),
        ("app.example.com", "example.com"),
        ("app.example.com", "app.example.com."),
        ("app.example.com", "app.example.com.:443"),
        ("app.example.com", "app.example.com,evil.test"),
        ("app.example.com", "app.example.com, app.example.com"),
        ("app.example.com", "app.example.com:443,evil.test"),
        ("app.example.com", "app.example.com@evil.test"),
        ("app.example.com", "evil@app.example.com"),
        ("app.example.com", "app.example.com:"),
        ("app.example.com", "app.example.com:x"),
        ("app.example.com", ""),
        ("app.example.com", " app.example.com"),
        ("app.example.com", "app.example.com\t"),
        ("app.example.com", "app.ex\u0430mple.com"),
        ("app.example.com", "https://app.example.com"),
        ("app.example.com:8443", "app.example.com"),
        ("app.example.com:8443", "app.example.com:443"),
        ("app.example.com:443", "app.example.com:80"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.example.com", ".example.com"),
        ("*.example.com", "*.example.com"),
        ("*.example.com:8443", "app.example.com"),
        ("bücher.example", "bücher.example"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "127.1"),
        ("[::1]", "::1"),
    ],
    ids=ascii,
)
def test_h13_host_is_not_ours(entry: str, header: str) -> None:
    """Another host, another port where one is named, or anything that is no host."""

    assert HostPolicy([entry]).allows(header) is False


def test_host_policy_keeps_ports_with_their_hosts() -> None:
    """The port of one entry does not open another host."""
    policy = HostPolicy(["a.example:1", "b.example:2"])

    assert [True, False, True, False] == [
        policy.allows(header) for header in ("a.example:1", "a.example:2", "b.example:2", "b.example:1")
    ]


def test_host_policy_without_hosts_allows_none() -> None:
    """An empty list is no wildcard."""

    assert HostPolicy([]).allows("localhost") is False


def test_host_policy_takes_the_loopback_names() -> None:
    """What a listener on loopback answers for, on whatever port."""
    policy = HostPolicy(LOOPBACK_HOSTS)

    assert [True, True, True, False] == [
        policy.allows(header) for header in ("localhost:8888", "127.0.0.1:8888", "[::1]:8888", "evil.test:8888")
    ]


def test_host_policy_reports_every_bad_entry() -> None:
    """All of them at once, each with its remedy, and no password among them."""
    entries: list[Any] = ["ok.example", "https://a.example", "user:hunter2@b.example", "*", "c d", 7]
    with pytest.raises(ConfigurationError) as caught:
        HostPolicy(entries)
    where = "hosts (WSSEC_HOSTS)"

    assert (
        Problem(where, "'https://a.example' has a scheme", "drop everything up to the ://"),
        Problem(where, "'…@b.example' has userinfo", "drop everything up to the @"),
        Problem(where, "'*' has * elsewhere than as the whole first label", "write it as *.example.com"),
        Problem(where, "'c d' has a space in it", "drop it, and put a comma between two entries"),
        Problem(where, "7 is no string", "write it in quotes"),
    ) == caught.value.problems


def test_host_policy_takes_one_string_for_one_entry() -> None:
    """A string is not a list of letters."""

    assert HostPolicy("app.example.com").allows("app.example.com") is True


@given(TEXTS)
def test_host_policy_answers_any_text(header: str) -> None:
    """Whatever stands in the header, the answer is yes or no; and yes only for what was listed."""
    read = read_authority(header)
    host = read[0] if read else ""

    assert HostPolicy(["a.b", "*.a.b"]).allows(header) is (
        host == "a.b" or (host.endswith(".a.b") and host.count(".") == 2)
    )
