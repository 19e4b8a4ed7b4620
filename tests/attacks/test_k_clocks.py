"""Clocks that differ by more than they may: what they sign is refused, counted, and told of."""

import logging
from typing import Any

import pytest

from tests.kits import GENEROUS, chat_kit, in_loop
from tornado_wssec.policy.issuance import issue_token
from tornado_wssec.telemetry import measures
from tornado_wssec.testing import GuardKit

AHEAD = 600.0


def signed_at(kit: GuardKit, moment: float, **claims: Any) -> str:
    """A token of an issuer with the right key and a clock of its own."""
    return issue_token(kit.keys.load(), kit.guard.rules, subject="ann", now=moment, **claims)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings about clocks."""
    return [record.getMessage() for record in caplog.records if "set the clock of its issuer" in record.getMessage()]


@in_loop
async def test_k18_issuer_whose_clock_is_ahead(caplog: pytest.LogCaptureFixture) -> None:
    """By 10 minutes: refused, each is counted, and one warning says what to do; within the leeway all is well."""
    caplog.set_level(logging.WARNING)
    async with chat_kit(limits=GENEROUS) as kit:
        now = kit.clock.wall
        for _ in range(3):
            await kit.assert_handshake_refused(401, "/ws", token=signed_at(kit, now + AHEAD))
        await kit.connect("/ws", token=signed_at(kit, now + 30))
        counted = {family.metric: family.values for family in kit.guard.metrics.families()}

        assert {(kit.guard.rules.issuer,): 3.0} == counted[measures.TOKENS_AHEAD]
        assert [f"a token of {kit.guard.rules.issuer} was refused: iat is 600 s ahead, and more than 30 s"] == [
            line.partition(" are no difference")[0] for line in told(caplog)
        ]


@in_loop
async def test_k18_it_is_told_of_again(caplog: pytest.LogCaptureFixture) -> None:
    """After ten minutes in which it lasts, since logs are rotated; and a refresh counts like a handshake."""
    async with chat_kit(limits=GENEROUS) as kit:
        client = await kit.connect("/ws")
        await client.send("wssec.refresh", {"token": signed_at(kit, kit.clock.wall + AHEAD)}, "r")
        await client.assert_closed(4401)
        assert 1 == len(told(caplog))
        await kit.advance(AHEAD - 1)
        await kit.assert_handshake_refused(401, "/ws", token=signed_at(kit, kit.clock.wall + AHEAD))
        assert 1 == len(told(caplog))
        await kit.advance(1)
        await kit.assert_handshake_refused(401, "/ws", token=signed_at(kit, kit.clock.wall + AHEAD))

        assert 2 == len(told(caplog))


@in_loop
async def test_k18_stranger_cannot_make_it_told(caplog: pytest.LogCaptureFixture) -> None:
    """Without a good signature nothing is counted."""
    async with chat_kit(limits=GENEROUS) as kit:
        forged = signed_at(kit, kit.clock.wall + AHEAD)[:-8] + "AAAAAAAA"
        await kit.assert_handshake_refused(401, "/ws", token=forged)

        assert [] == told(caplog)


@in_loop
async def test_k18_issuer_whose_clock_is_behind() -> None:
    """Its tokens end the earlier; one that has ended is refused, and nobody is let in by it."""
    async with chat_kit(limits=GENEROUS) as kit:
        await kit.advance(2 * AHEAD)  # what is from before the store was made is refused anyway
        behind = kit.clock.wall - AHEAD
        await kit.assert_handshake_refused(401, "/ws", token=signed_at(kit, behind, ttl=AHEAD))
        await kit.connect("/ws", token=signed_at(kit, behind, ttl=AHEAD + 60))
