"""Line R04 over sockets: nobody chooses the address he is counted by, nor whether he came encrypted.

The client and the proxy of these tests are the same loopback peer: what differs is whether the server
was told to trust it. What the walk over the hops does is told in `tests/policy/test_proxies.py`; real
proxies stand in front in `tests/deploy/`.
"""

import logging
from dataclasses import replace
from typing import Any

import pytest

from tests.kits import GENEROUS, audited, in_loop
from tornado_wssec.testing import GuardKit

from .doors import Door, knock

PEER = "127.0.0.1"
OURS = {"trusted_proxies": (PEER,)}
HTTPS = ("X-Forwarded-Proto", "https")
CLAIMS = [
    ("X-Forwarded-For", "198.51.100.7"),
    ("X-Real-Ip", "198.51.100.7"),
    ("Forwarded", "for=198.51.100.7;proto=https;host=app.example.com"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Ssl", "on"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Client-Ip", "198.51.100.7"),
    ("True-Client-Ip", "198.51.100.7"),
    ("CF-Connecting-IP", "198.51.100.7"),
    ("X-Scheme", "https"),
]


async def seen(kit: GuardKit, caplog: pytest.LogCaptureFixture, *headers: tuple[str, str]) -> tuple[int, str]:
    """The status of a handshake without credential, and the address that the audit has it from."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "tornado_wssec.audit"):
        status = await knock(kit, ("Authorization", None), *headers)
    (line,) = audited(caplog.records, "handshake.refused")
    return status, line["address"]


@pytest.mark.requirement("R014")
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[0])
@in_loop
async def test_r04_claim_of_a_stranger(claim: tuple[str, str], door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a peer writes that is no proxy of ours, it is itself, over the connection that it has."""
    async with door.kit() as kit:
        status, address = await seen(kit, caplog, claim)

    assert PEER == address
    assert status in (401, 403)  # plain, a word of a proxy in between ends what loopback may do without TLS


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[0])
@in_loop
async def test_r04_claim_encrypts_nothing(claim: tuple[str, str]) -> None:
    """A plain peer that says it came by https, or from elsewhere, is no proxy of ours: it gets no socket by that."""
    settings = {"trusted_proxies": ("10.0.0.0/8",)}
    async with Door(None).kit(settings=settings) as kit:
        status = await knock(kit, ("X-Forwarded-For", PEER), claim)

    assert 403 == status


HOPS = [
    "1.1.1.1:80",
    "0x7f.1",
    "0x01010101",
    "127.1",
    "16843009",
    "01.1.1.1",
    "[2001:db9::1]:80",
    "fe80::1%eth0",
    "unknown",
    "",
    '"1.1.1.1"',
    "for=1.1.1.1",
    "1.1.1.1;",
    "app.example.com",
    "١.1.1.1",
]


@pytest.mark.parametrize("hop", HOPS, ids=ascii)
@in_loop
async def test_r04_hop_that_is_no_address(hop: str, caplog: pytest.LogCaptureFixture) -> None:
    """A trusted proxy that passes on what is spelt like no address: the proxy itself is taken, never the text."""
    async with Door(None).kit(settings=OURS) as kit:
        for line in (hop, f"8.8.8.8, {hop}", f"{hop}, {PEER}"):
            assert (line, (401, PEER)) == (line, await seen(kit, caplog, ("X-Forwarded-For", line), HTTPS))


@in_loop
async def test_r04_two_forwarding_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Two X-Forwarded-For lines are one list, and its right end is what our proxy wrote."""
    ours, strangers = ("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "203.0.113.9, 192.0.2.1")
    async with Door(None).kit(settings=OURS) as kit:
        assert (401, "198.51.100.7") == await seen(kit, caplog, strangers, ours, HTTPS)
        assert (401, "192.0.2.1") == await seen(kit, caplog, ours, strangers, HTTPS)


@pytest.mark.standard("RFC 7239")
@pytest.mark.requirement("R014")
@in_loop
async def test_r04_left_end_is_not_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    """What stands left of the first stranger is what he wrote himself."""
    lines = ["203.0.113.9, 198.51.100.7", f"{PEER}, 198.51.100.7", "x, 198.51.100.7", f"x, 198.51.100.7, {PEER}"]
    async with Door(None).kit(settings=OURS) as kit:
        for line in lines:
            assert (line, (401, "198.51.100.7")) == (
                line,
                await seen(kit, caplog, ("X-Forwarded-For", line), HTTPS),
            )


@pytest.mark.parametrize("name", ["X-Real-Ip", "Forwarded", "X-Client-Ip"])
@in_loop
async def test_r04_other_headers_of_a_trusted_proxy(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """One header says who the client is; what a proxy passes on unread says nothing, also beside that one."""
    async with Door(None).kit(settings=OURS) as kit:
        beside = await seen(kit, caplog, (name, "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7"), HTTPS)
        alone = await seen(kit, caplog, (name, "203.0.113.9"), HTTPS)

    assert ((401, "198.51.100.7"), (401, PEER)) == (beside, alone)


@pytest.mark.parametrize("protos", [("https", "http"), ("http", "https"), ("http",), ("https,http",), ("",), ("ftp",)])
@in_loop
async def test_r04_proto_in_doubt(protos: tuple[str, ...]) -> None:
    """Of several words each must be encrypted: one that a client smuggled in does not make its connection so."""
    async with Door(None).kit(settings=OURS) as kit:
        headers = [("X-Forwarded-Proto", proto) for proto in protos]

        assert 403 == await knock(kit, ("X-Forwarded-For", "198.51.100.7"), *headers)
        assert 101 == await knock(kit, ("X-Forwarded-For", "198.51.100.7"), HTTPS)


SPELT = ["8.8.8.{}, 203.0.113.9", "x{}, 203.0.113.9", "203.0.113.9:{}", "0x7f.{}", "127.{}", "203.0.113.9 ;{}"]


@pytest.mark.parametrize("trusted", [True, False])
@in_loop
async def test_r04_budget_is_not_escaped(trusted: bool, door: Door) -> None:
    """A new spelling for each attempt is no new address: the budget of the one that counts is used up."""
    limits = replace(GENEROUS, attempts_burst=3, attempts_per_second=0.001)
    settings: dict[str, Any] = OURS if trusted else {"insecure": True}
    for spelling in SPELT:
        async with door.kit(settings=settings, limits=limits) as kit:
            statuses = [
                await knock(kit, ("X-Forwarded-For", spelling.format(number)), ("X-Real-Ip", f"8.8.8.{number}"), HTTPS)
                for number in range(5)
            ]

        assert (spelling, [101, 101, 101, 429, 429]) == (spelling, statuses)
