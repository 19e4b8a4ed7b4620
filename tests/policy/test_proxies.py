"""Who the client is, behind proxies that are ours and before people who would like to be."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.errors import ConfigurationError
from tornado_wssec.policy.proxies import Client, ProxyPolicy, quota_key

PROXY = "10.0.0.1"
POLICY = ProxyPolicy(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"])


def address_behind(*lines: str, peer: str = PROXY) -> str:
    """The client's address for these X-Forwarded-For lines."""
    return POLICY.client(peer, lines, (), False).address


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (["9.9.9.9"], "9.9.9.9"),
        (["6.6.6.6, 9.9.9.9"], "9.9.9.9"),
        (["6.6.6.6,9.9.9.9, 10.1.1.1 ,\t192.0.2.7"], "9.9.9.9"),
        (["6.6.6.6", "9.9.9.9", "10.1.1.1"], "9.9.9.9"),
        (["10.3.3.3, 9.9.9.9, 10.1.1.1"], "9.9.9.9"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        (["2001:DB9:0::1"], "2001:db9::1"),
        (["::ffff:9.9.9.9"], "9.9.9.9"),
        (["9.9.9.9, ::ffff:10.1.1.1"], "9.9.9.9"),
        (["9.9.9.9, 2001:db8::5"], "9.9.9.9"),
        (["unknown, 9.9.9.9"], "9.9.9.9"),
        ([], PROXY),
    ],
)
def test_r04_rightmost_stranger_is_the_client(lines: list[str], address: str) -> None:
    """Over all lines as one list, from the right, past our proxies; further left stands a stranger’s word."""

    assert address == address_behind(*lines)


@pytest.mark.parametrize("peer", ["9.9.9.9", "11.0.0.1", "2001:db9::1", "::ffff:9.9.9.9", "192.0.2.8", "127.0.0.1"])
def test_r04_headers_of_a_stranger_do_not_count(peer: str) -> None:
    """Whoever is no proxy of ours is the client himself, over the connection that we see."""
    client = POLICY.client(peer, ["1.2.3.4"], ["https"], False)

    assert Client(peer.removeprefix("::ffff:"), is_https=False) == client


@pytest.mark.parametrize(
    "hop",
    [
        "1.1.1.1:80",
        "0x7f.1",
        "0x01010101",
        "127.1",
        "16843009",
        "01.1.1.1",
        "1.1.1.256",
        "1.1.1.1/32",
        "[2001:db9::1]",
        "[2001:db9::1]:80",
        "fe80::1%eth0",
        "2001:db9::1%0",
        "unknown",
        "_hidden",
        "",
        "null",
        "1.1.1.1 2.2.2.2",
        "1.1.1.1;2.2.2.2",
        '"1.1.1.1"',
        "for=1.1.1.1",
        "١.1.1.1",
        "1.1.1.1\x00",
        "1.1.1.1\n",
        "\u20281.1.1.1",
        "app.example.com",
        "\ud800",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("line", ["{}", "8.8.8.8, {}", "{}, 10.1.1.1"])
def test_r04_hop_that_is_no_address(hop: str, line: str) -> None:
    """Where the walk meets what is spelt like no address, the peer is taken: nobody gets a key of his own choice."""

    assert PROXY == address_behind(line.format(hop))


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("::ffff:10.0.0.1", "9.9.9.9"),
        ("2001:DB8:0::1", "9.9.9.9"),
        ("::1", "9.9.9.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("/run/app.sock", "/run/app.sock"),
        ("", ""),
    ],
)
def test_peer_is_read_as_the_socket_names_it(peer: str, address: str) -> None:
    """IPv4 in IPv6 clothes and a zone are the socket's own; a peer without an address is trusted by no network."""

    assert address == address_behind("9.9.9.9", peer=peer)


@pytest.mark.parametrize(
    ("lines", "is_tls", "is_https"),
    [
        (["https"], False, True),
        (["HTTPS"], False, True),
        (["https, https"], False, True),
        (["https", "https"], False, True),
        (["http"], False, False),
        (["https, http"], False, False),
        (["http, https"], False, False),
        (["https", "http"], False, False),
        (["https,"], False, False),
        ([""], False, False),
        (["wss"], False, True),
        (["WSS, https"], False, True),
        (["ws"], False, False),
        (["ws"], True, False),
        (["tls"], False, False),
        (["http\u017f"], False, False),
        ([], False, False),
        ([], True, True),
        (["http"], True, False),
        (["https"], True, True),
    ],
)
def test_forwarded_proto_is_read_strictly(lines: list[str], is_tls: bool, is_https: bool) -> None:
    """A proxy of ours knows better than our socket how the client came; several values must all be encrypted."""

    assert is_https is POLICY.client(PROXY, ["9.9.9.9"], lines, is_tls).is_https


@pytest.mark.parametrize("is_tls", [True, False])
def test_forwarded_proto_of_a_stranger_does_not_count(is_tls: bool) -> None:
    """Beyond our proxies only the socket says whether it is encrypted."""

    assert is_tls is POLICY.client("9.9.9.9", [], ["http" if is_tls else "https"], is_tls).is_https


def test_without_networks_no_header_counts() -> None:
    """The default trusts nobody, not even loopback."""

    assert Client("127.0.0.1", is_https=False) == ProxyPolicy([]).client("127.0.0.1", ["9.9.9.9"], ["https"], False)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.9.9.9", True), ("::ffff:10.9.9.9", True), ("192.0.2.8", False), ("garbage", False), ("fe80::1%x", False)],
)
def test_policy_tells_whom_it_trusts(address: str, expected: bool) -> None:
    """For whoever must know whether a header of another kind may count."""

    assert expected is POLICY.trusts(address)


def test_policy_reports_every_bad_network() -> None:
    """All of them at once, each with its remedy."""
    entries: list[Any] = [
        "10.0.0.0/8",
        "10.0.0.1/8",
        "2001:db8::1/32",
        "0.0.0.0/0",
        "::/0",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.255.255.255",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0",
        "fe80::1%eth0",
        "nginx",
        "",
        "10.0.0.0/8 ::1",
        7,
    ]
    with pytest.raises(ConfigurationError) as caught:
        ProxyPolicy(entries)
    world = "trusts the whole world, so that anybody could choose his address; name the proxies"
    unread = "is no network; write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32"
    expected = [
        "'10.0.0.1/8' has bits set behind its prefix; write 10.0.0.0/8, or the address alone",
        "'2001:db8::1/32' has bits set behind its prefix; write 2001:db8::/32, or the address alone",
        f"'0.0.0.0/0' {world}",
        f"'::/0' {world}",
        "'::ffff:10.0.0.0/104' is an IPv4 network in IPv6 clothes; write it as IPv4",
        f"'10.0.0.0/255.0.0.0' {unread}",
        f"'10.0.0.0/0.255.255.255' {unread}",
        f"'10.0.0.0/33' {unread}",
        f"'10.0.0.0/' {unread}",
        f"'10.0.0' {unread}",
        f"'fe80::1%eth0' {unread}",
        f"'nginx' {unread}",
        f"'' {unread}",
        "'10.0.0.0/8 ::1' has a space in it; drop it, and put a comma between two entries",
        "7 is no string; write it in quotes",
    ]

    assert [f"trusted_proxies (WSSEC_TRUSTED_PROXIES): {line}" for line in expected] == [
        str(problem) for problem in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("::ffff:9.9.9.9", "9.9.9.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("/run/app.sock", "/run/app.sock"),
    ],
)
def test_quota_key(address: str, key: str) -> None:
    """One IPv6 customer has 2⁶⁴ addresses, and one key."""

    assert key == quota_key(address)


ADDRESSES = st.ip_addresses().map(str) | st.sampled_from(["10.1.1.1", "192.0.2.7", "2001:db8::9", "::ffff:10.2.2.2"])
HOPS = ADDRESSES | st.text(max_size=12) | st.text(alphabet="0123456789abcf.:x%[], ", max_size=20)


def client_by_model(peer: str, lines: list[str]) -> str:
    """The walk told as a filter: drop our proxies from the right, take the last, or the first when none is left."""
    networks = [ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1")]
    hops: list[str] = [hop.strip(" \t") for hop in ",".join(lines).split(",")] if lines else []
    read: list[Any] = []
    for hop in hops:
        try:
            address = ip_address("" if "%" in hop else hop)
        except ValueError:
            read.append(None)
            continue
        read.append(getattr(address, "ipv4_mapped", None) or address)
    strangers = [hop for hop in read if hop is None or not any(hop in network for network in networks)]
    chosen = strangers[-1] if strangers else (read[0] if read else peer)
    return str(chosen) if chosen is not None else peer


@given(st.lists(st.lists(HOPS, min_size=1, max_size=4).map(",".join), max_size=3))
@example(["6.6.6.6, garbage", "9.9.9.9"])
def test_client_agrees_with_a_model(lines: list[str]) -> None:
    """For any lines: the same address as a slower telling of the rule, and never an exception."""

    assert client_by_model(PROXY, lines) == address_behind(*lines)


@given(HOPS, st.lists(HOPS, max_size=3), st.lists(HOPS, max_size=3), st.booleans())
def test_client_of_any_peer(peer: str, forwarded_for: list[str], forwarded_proto: list[str], is_tls: bool) -> None:
    """Whatever arrives is a client; and what a stranger writes into headers changes nothing."""
    client = POLICY.client(peer, forwarded_for, forwarded_proto, is_tls)

    assert POLICY.trusts(peer.partition("%")[0]) or POLICY.client(peer, [], [], is_tls) == client


@given(HOPS)
def test_quota_key_of_anything(address: str) -> None:
    """Any text has a key, and the key of an address is shared by its network alone."""
    key = quota_key(address)

    assert key == quota_key(address)
    if key != address and "/" in key:
        assert ip_address(address) in ip_network(key)


@given(st.lists(st.text(max_size=20) | st.text(alphabet="0123456789abcf.:/% ", max_size=20), max_size=3))
def test_policy_raises_nothing_but_configuration_error(entries: list[str]) -> None:
    """Any list of strings is a policy or a ConfigurationError with at most a problem for each."""
    problems: tuple[object, ...] = ()
    try:
        ProxyPolicy(entries)
    except ConfigurationError as error:
        problems = error.problems

    assert len(problems) <= len(entries)


@given(st.from_regex(r"[0-9.]{7,15}", fullmatch=True) | st.ip_addresses().map(str))
def test_quota_key_of_an_address_is_its_one_spelling(text: str) -> None:
    """The short way for IPv4 addresses says what parsing says, and takes nothing that is none."""
    try:
        address = ip_address(text)
    except ValueError:
        expected = text
    else:
        expected = str(ip_network((int(address) >> 64 << 64, 64))) if address.version == 6 else str(address)
        mapped = getattr(address, "ipv4_mapped", None)
        expected = expected if mapped is None else str(mapped)

    assert expected == quota_key(text)


def test_policy_without_proxies_trusts_nobody() -> None:
    """Not even what is no address."""
    assert [False, False] == [ProxyPolicy(()).trusts(address) for address in ("127.0.0.1", "x")]
