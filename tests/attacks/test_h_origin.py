"""Lines H01 to H13: pages of other sites, and names that are not ours, at the door itself.

Each goes over a socket as it stands, once plain and once through TLS. What the policies read is
told in `tests/policy/test_origins.py` and `test_hosts.py`.
"""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from tests.kits import ChatSocket, audited, in_loop
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.raw import handshake_headers

from .doors import Door, knock, on_the_wire

PAGES = ("https://app.example.com", "https://*.wild.example", "https://bücher.example", "http://[::1]:8080")
NAMES = {"origins": PAGES, "hosts": ("app.example.com", "127.0.0.1", "ported.example:8443", "[::1]")}
BAD, GONE = 400, 0


async def knocked(door: Door, name: str, values: Sequence[str | None], **settings: Any) -> dict[str | None, int]:
    """Value of this header → status of the handshake; nobody is left in."""
    async with door.kit(settings={**NAMES, **settings}) as kit:
        return {value: await knock(kit, (name, value)) for value in values}


async def assert_refused(door: Door, origins: Sequence[str], also: Sequence[int] = ()) -> None:
    """Claim that each origin is refused as a stranger, or as no HTTP where `also` says so; never with a failure."""
    statuses = await knocked(door, "Origin", origins)

    assert {} == {origin: status for origin, status in statuses.items() if status not in (403, *also)}


@pytest.mark.standard("ASVS 5.0 4.4.2")
@pytest.mark.requirement("R006")
@in_loop
async def test_h01_exact_origin(door: Door) -> None:
    """Ours in any spelling that a browser may choose comes in."""
    ours = [
        "https://app.example.com",
        "HTTPS://app.example.com",
        "https://APP.Example.COM",
        "https://app.example.com:443",
        "http://[0:0:0:0:0:0:0:1]:8080",
        "https://xn--bcher-kva.example",
    ]

    assert dict.fromkeys(ours, 101) == await knocked(door, "Origin", ours)


@in_loop
async def test_h01_another_scheme_or_port(door: Door) -> None:
    """The same name is another page under another scheme or port."""
    await assert_refused(
        door,
        [
            "http://app.example.com",
            "https://app.example.com:80",
            "https://app.example.com:8443",
            "wss://app.example.com",
            "http://[::1]",
        ],
    )


@pytest.mark.parametrize("allow", [False, True])
@in_loop
async def test_h02_null_origin(door: Door, allow: bool) -> None:
    """A sandboxed frame is nobody, also where clients without an Origin are let in, and with an empty Host."""

    class NativeSocket(ChatSocket):
        allow_missing_origin = allow

    async with door.kit(NativeSocket, settings=NAMES) as kit:
        statuses = [await knock(kit, ("Origin", value)) for value in ("null", "NULL", "null, https://app.example.com")]
        nameless = await knock(kit, ("Origin", "null"), ("Host", ""))

    assert [403, 403, 403] == statuses
    assert nameless in (400, 403, 421)


@in_loop
async def test_h05_origin_with_more_than_an_origin(door: Door) -> None:
    """Userinfo, path, query, fragment, a slash at the end."""
    await assert_refused(
        door,
        [
            "https://app.example.com@evil.test",
            "https://user@app.example.com",
            "https://user:pw@app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?q",
            "https://app.example.com#f",
            "https://app.example.com\\",
            "https://app.example.com;",
        ],
    )


@pytest.mark.requirement("R006")
@in_loop
async def test_h06_origin_that_contains_ours(door: Door) -> None:
    """In front, behind, in the middle, or as one of two."""
    await assert_refused(
        door,
        [
            "https://app.example.com.evil.test",
            "https://xapp.example.com",
            "https://evil.test/https://app.example.com",
            "https://app.example.comevil.test",
            "https://appxexample.com",
            "https://app.example.co",
            "app.example.com",
            "//app.example.com",
            "https:/app.example.com",
            "xhttps://app.example.com",
            "https://app.example.com https://evil.test",
            "https://app.example.com,https://evil.test",
        ],
    )


@in_loop
async def test_h06_two_origins(door: Door) -> None:
    """Ours and another in two lines are refused, whichever comes first."""
    pair = ("https://app.example.com", "https://evil.test")
    async with door.kit(settings=NAMES) as kit:
        statuses = [await knock(kit, *(("Origin", value) for value in both)) for both in (pair, pair[::-1])]

    assert [403, 403] == statuses


@pytest.mark.standard("RFC 6454")
@in_loop
async def test_h07_garbage_origin(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be read is a stranger, and no failure of ours: nothing is logged as an error."""
    await assert_refused(
        door,
        [
            "",
            "://",
            "https://",
            "https://[",
            "http://[evil",
            "http://]",
            "http://[::1",
            "http://[::1%25eth0]:8080",
            "%00",
            "https://app.example.com%00",
            "https://app.example.com\thttps://evil.test",
            "https://app.example.com:",
            "https://app.example.com:0443",
            "https://app.example.com:99999",
            "https://app.example.com:-443",
            "https://app.example.com:4٤3",
            "https://app.example.com.",
            "https://app..example.com",
            "https://" + "a" * 8_192,
            "https://app.example.com" + "/" * 8_192,
            "[" * 4_096,
        ],
    )

    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


@in_loop
async def test_h07_origin_that_is_no_header(door: Door) -> None:
    """Control characters are no HTTP: the request ends before anybody is asked."""
    await assert_refused(door, ["https://app.example.com\x00", "\x00", "https://app.example.com\x7f"], (BAD, GONE))


@in_loop
async def test_h08_look_alike_origin(door: Door) -> None:
    """Raw UTF-8 is refused also where it would mean ours, and so is a look-alike in punycode."""
    await assert_refused(
        door,
        [
            "https://bücher.example",
            "https://app.ex\u0430mple.com",
            "https://app.example\u3002com",
            "https://app.example.com\u200b",
            "https://xn--pp-pmc.example.com",
            "https://xn--bcher-kvb.example",
        ],
    )


@in_loop
async def test_h09_subdomain(door: Door) -> None:
    """A star is one label; a sibling that nobody listed is not ours."""
    allowed = await knocked(door, "Origin", ["https://a.wild.example", "https://A.Wild.Example:443"])
    await assert_refused(
        door,
        [
            "https://wild.example",
            "https://a.b.wild.example",
            "https://*.wild.example",
            "https://awild.example",
            "http://a.wild.example",
            "https://a.wild.example.evil.test",
            "https://old.example.com",
        ],
    )

    assert {101} == set(allowed.values())


@pytest.mark.standard("ASVS 5.0 4.4.2")
@pytest.mark.requirement("R022")
@pytest.mark.parametrize(("allow", "status"), [(False, 403), (True, 101)])
@in_loop
async def test_h11_missing_origin(door: Door, allow: bool, status: int) -> None:
    """No Origin comes in only where the handler says so."""

    class NativeSocket(ChatSocket):
        allow_missing_origin = allow

    async with door.kit(NativeSocket, settings=NAMES) as kit:
        assert status == await knock(kit, ("Origin", None))


@pytest.mark.parametrize("word", ["same-origin", "none", "same-site", "cross-site"])
@in_loop
async def test_h12_sec_fetch_site(door: Door, word: str) -> None:
    """What a browser says of itself replaces no Origin."""
    async with door.kit(settings=NAMES) as kit:
        evil = await knock(kit, ("Origin", "https://evil.test"), ("Sec-Fetch-Site", word))
        missing = await knock(kit, ("Origin", None), ("Sec-Fetch-Site", word))

    assert (403, 403) == (evil, missing)


HOSTS = [
    ("app.example.com", 101),
    ("APP.example.com:1", 101),
    ("ported.example:8443", 101),
    ("ported.example", 421),
    ("ported.example:443", 421),
    ("app.example.com.", 421),
    ("evil.test", 421),
    ("evil.test:8888", 421),
    ("app.example.com.evil.test", 421),
    ("app.example.com@evil.test", 421),
    ("evil.test@app.example.com", 421),
    ("app.example.com,evil.test", 421),
    ("app.example.com, app.example.com", 421),
    ("app.example.com:", 421),
    ("app.example.com:x", 421),
    ("127.1", 421),
    ("0x7f.0.0.1", 421),
    ("[::1", 421),
    ("xn--", 421),
    ("b\u00fccher.example", 421),
    ("", 421),
]


@pytest.mark.parametrize(("host", "status"), HOSTS, ids=lambda value: ascii(value)[:40])
@in_loop
async def test_h13_host(door: Door, host: str, status: int) -> None:
    """A name is compared without its case, and without its port unless the entry has one; nothing else is ours."""
    async with door.kit(settings=NAMES) as kit:
        found = await knock(kit, ("Host", host))

    assert found == status or (status == 421 and found == BAD)


@pytest.mark.requirement("R006")
@in_loop
async def test_h13_rebound_name(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """A name of the attacker's that leads here: Host and Origin agree with each other, and are refused before both."""
    caplog.set_level(logging.INFO, "tornado_wssec.audit")
    async with door.kit(settings=NAMES) as kit:
        status = await knock(kit, ("Host", "evil.test:80"), ("Origin", "http://evil.test:80"))

    assert (421, ["host"]) == (status, [line["stage"] for line in audited(caplog.records, "handshake.refused")])


@in_loop
async def test_h13_two_hosts(door: Door) -> None:
    """Two lines are 400, also of one value: a proxy may have read the other."""
    async with door.kit(settings=NAMES) as kit:
        statuses = [
            await knock(kit, ("Host", first), ("Host", second))
            for first, second in (("app.example.com", "evil.test"), ("evil.test", "app.example.com"))
        ]
        none = await knock(kit, ("Host", None))

    assert ([400, 400], 400) == (statuses, none)


@in_loop
async def test_h13_absolute_target(door: Door) -> None:
    """A whole URL in the request line replaces no Host header."""
    async with door.kit(settings=NAMES) as kit:
        answers = [await asked_for(kit, f"{scheme}://app.example.com/ws") for scheme in ("http", "https", "ws")]

    assert 101 not in answers


async def asked_for(kit: GuardKit, target: str) -> int:
    """The status of a good handshake for this target, with a Host of somebody else's."""
    headers = handshake_headers("evil.test", origin=on_the_wire(PAGES[0]), token=kit.token())
    return (await (await kit.raw()).upgrade(target, headers)).status
