"""Lines R03, R06 and R12 over a real socket: who comes too often, who holds too much, and everybody at once."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from tests.kits import CHAT, GENEROUS, ChatSocket, audited, chat_kit, in_loop, settled
from tests.talk import Script, TalkSocket, talk_kit
from tornado_wssec import BearerToken, Close, FirstMessage, Identity, Limits, Ticket, Timeouts
from tornado_wssec.auth import Credential, Desk, RequestView
from tornado_wssec.hub import Live
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.routes import RETRY_SPREAD_SECONDS
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.raw import BINARY, CLOSE, TEXT


class Gated(BearerToken):
    """Verifies tokens when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on, self.count = asyncio.Event(), 0

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        self.count += 1
        await self.go_on.wait()
        return await super().verify(credential, request, desk)


async def statuses_of(kit: GuardKit, number: int, **options: Any) -> list[int]:
    """The answers to so many handshakes, one after the other."""
    return [(await kit.handshake("/ws", **options))[1].status for _ in range(number)]


# --- an address ---


@pytest.mark.requirement("R069")
@in_loop
async def test_r03_attempts_of_an_address() -> None:
    """A hundred in a second: the budget's worth is looked at, the rest is 429 before anything is verified."""
    gated = Gated()
    gated.go_on.set()
    limits = replace(GENEROUS, attempts_burst=40, attempts_per_second=10)
    async with chat_kit(authenticators=[gated], limits=limits) as kit:
        assert [401] * 40 + [429] * 60 == await statuses_of(kit, 100, token="x")
        assert 40 == gated.count
        await kit.advance(1)
        assert [101] * 10 + [429] * 5 == await statuses_of(kit, 15, token=kit.token())


@pytest.mark.requirement("R068")
@in_loop
async def test_r03_connections_of_an_identity() -> None:
    """Five, whatever addresses' budgets allow; then 429, and a place that is freed can be had again."""
    limits = replace(GENEROUS, connections_per_subject=Limits().connections_per_subject)
    async with chat_kit(limits=limits) as kit:
        first, *_ = [await kit.connect("/ws") for _ in range(5)]
        assert [429] * 3 == await statuses_of(kit, 3, token=kit.token())
        assert [101] == await statuses_of(kit, 1, token=kit.token("bob"))
        await first.close()
        await settled(kit, 5)
        assert [101, 429] == await statuses_of(kit, 2, token=kit.token())


# --- bans ---


class Stubborn(TalkSocket):
    anonymous = True


async def misbehave(client: Client, code: int = 4400) -> None:
    """Be closed for what one sends: nonsense (4400), or for nothing but its number (4429)."""
    for _ in range(200):
        await client.socket.send_frame(TEXT, b"nonsense" if code == 4400 else b'{"type":"talk.do"}')
    await client.assert_closed(code)


BANS = replace(GENEROUS, error_budget=Limits().error_budget)
FLOODS = replace(GENEROUS, frames_burst=50, frames_per_second=1.0)


@pytest.mark.parametrize(("limits", "code"), [(BANS, 4400), (FLOODS, 4429)])
@in_loop
async def test_r01_ban_of_an_identity(limits: Limits, code: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever was closed for what he sent gets 429 until it is over, on whatever credential; others come in."""
    caplog.set_level(logging.INFO)
    async with talk_kit(limits=limits, timeouts=Timeouts(ban=60.0)) as kit:
        await misbehave(await kit.connect("/ws"), code)
        answer = (await kit.handshake("/ws", token=kit.token()))[1]
        assert (429, True) == (answer.status, 60 <= int(answer.headers["retry-after"]) <= 60 + RETRY_SPREAD_SECONDS)
        assert [101] == await statuses_of(kit, 1, token=kit.token("bob"))
        await kit.advance(59.5)
        assert [429] == await statuses_of(kit, 1, token=kit.token())
        await kit.advance(0.5)
        assert [101] == await statuses_of(kit, 1, token=kit.token())
    begun = [(line["subject"], line["code"], line["seconds"]) for line in audited(caplog.records, "ban.begun")]
    assert [("ann", code, 60.0)] == begun
    assert ["ann is banned"] * 2 == [line["evidence"] for line in audited(caplog.records, "handshake.refused")]


@in_loop
async def test_r01_ban_begins_before_the_close_is_answered() -> None:
    """Who leaves our close unanswered cannot come in beside it."""
    async with talk_kit(limits=BANS, timeouts=Timeouts(ban=60.0)) as kit:
        client = await kit.connect("/ws")
        for _ in range(20):
            await client.socket.send_frame(TEXT, b"nonsense")
        while (frame := await client.socket.receive_frame()) is not None and frame.opcode != CLOSE:
            continue
        assert 1 == len(kit.guard.hub)
        assert [429] == await statuses_of(kit, 1, token=kit.token())


@in_loop
async def test_r01_ban_of_nobody_in_particular() -> None:
    """Of an address that sent nonsense under no name, those without a name stay out; who has one comes in."""
    async with talk_kit(handler=Stubborn, limits=BANS, timeouts=Timeouts(ban=60.0)) as kit:
        await misbehave(await kit.connect("/ws", token=""))
        assert [429] == await statuses_of(kit, 1)
        assert [101] == await statuses_of(kit, 1, token=kit.token())
        await kit.advance(60)
        assert [101] == await statuses_of(kit, 1)


@pytest.mark.parametrize("hours", [-1, 1])
@in_loop
async def test_r14_ban_and_a_wall_clock_that_steps(hours: int) -> None:
    """A ban goes by the other clock. A day of the wall changes nothing of it."""
    times = Timeouts(ban=60.0, clock_step=7_200.0)
    async with talk_kit(handler=Stubborn, limits=BANS, timeouts=times) as kit:
        await misbehave(await kit.connect("/ws", token=""))
        kit.clock.step_wall(3_600 * hours)
        assert [429] == await statuses_of(kit, 1)
        await kit.advance(60)
        assert [101] == await statuses_of(kit, 1)


@in_loop
async def test_r01_no_ban_unless_it_is_asked_for() -> None:
    """By default, and for a close that is nobody's fault, the way back is open."""
    async with talk_kit(limits=BANS) as kit:
        await misbehave(await kit.connect("/ws"))
        assert [101] == await statuses_of(kit, 1, token=kit.token())
    async with talk_kit(limits=BANS, timeouts=Timeouts(ban=60.0)) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(BINARY, b"")
        await client.assert_closed(1003)
        assert [101] == await statuses_of(kit, 1, token=kit.token())


# --- the newest wins ---


class Newest(TalkSocket):
    newest_wins = True


async def told_to_go(client: Client) -> str:
    """The reason of the 4409 with which it is closed."""
    return await client.assert_closed(4409)


@pytest.mark.requirement("R068")
@pytest.mark.parametrize("where", ["guard", "handler"])
@in_loop
async def test_r03_newest_wins(where: str, caplog: pytest.LogCaptureFixture) -> None:
    """At the cap the newest is let in, and the identity's oldest is closed with 4409, one for one, in their order."""
    caplog.set_level(logging.INFO)
    script = Script()
    given: dict[str, Any] = {"newest_wins": True} if where == "guard" else {"handler": Newest}
    async with talk_kit(script, limits=replace(GENEROUS, connections_per_subject=2), **given) as kit:
        bob = await kit.connect("/ws", subject="bob")
        clients = [await kit.connect("/ws") for _ in range(5)]
        for client in clients[:3]:
            assert "replaced by a newer connection" == await told_to_go(client)
        await settled(kit, 3)
        for client in (bob, *clients[3:]):
            await client.request("talk.do")
        assert 2 == kit.guard.hub.of_identity(kit.identity())
        assert [("closed", 4409)] * 3 == [told for told in script.told if told[0] == "closed"]
        assert [4409] * 3 == [line["code"] for line in audited(caplog.records, "session.closed")]


@in_loop
async def test_r03_newest_wins_only_where_it_is_said() -> None:
    """A handler that says False refuses the newest, though its guard would let it win."""

    class Oldest(TalkSocket):
        newest_wins = False

    limits = replace(GENEROUS, connections_per_subject=1)
    async with talk_kit(handler=Oldest, limits=limits, newest_wins=True) as kit:
        ann = await kit.connect("/ws")
        await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        await ann.request("talk.do")


@in_loop
async def test_r03_newest_wins_among_handshakes_that_wait_together() -> None:
    """Ten that are identified at once leave two open, and nobody of another identity has to go."""
    gated = Gated()
    limits = replace(GENEROUS, connections_per_subject=2)
    async with talk_kit(authenticators=[gated], limits=limits, newest_wins=True) as kit:
        waiting = [asyncio.create_task(kit.connect("/ws", subject="ann")) for _ in range(10)]
        waiting += [asyncio.create_task(kit.connect("/ws", subject="bob"))]
        asking = await kit.raw()
        while gated.count < 11:
            await asking.upgrade("/wssec/live", [("Host", kit.host)])
        gated.go_on.set()
        clients = await asyncio.gather(*waiting)
        is_open = [live.session.identity.subject for live in kit.guard.hub if not live.session.is_closing]
        assert ["ann", "ann", "bob"] == sorted(is_open)
        await clients[-1].request("talk.do")
        await kit.advance(kit.guard.timeouts.close)
        await settled(kit, 3)


@in_loop
async def test_r03_newest_wins_replaces_nobody_for_who_is_refused() -> None:
    """A newest that may not come in after all ends nobody's connection; nor does one that never proves who it is."""

    class Board(TalkSocket):
        newest_wins = True
        requires = "board:join"

    limits = replace(GENEROUS, connections_per_subject=1)
    async with talk_kit(handler=Board, limits=limits, authenticators=[BearerToken(), FirstMessage()]) as kit:
        ann = await kit.connect("/ws", permissions=["board:join"])
        await kit.assert_handshake_refused(403, "/ws", token=kit.token())
        await kit.assert_handshake_refused(401, "/ws", token="x")
        stranger = await kit.connect("/ws", token="")
        await stranger.send("wssec.auth", {"token": kit.token("ann")})
        await stranger.assert_closed(4403)
        await ann.request("talk.do")

        newest = await kit.connect("/ws", token="")
        await newest.send("wssec.auth", {"token": kit.token("ann", ["board:join"])})
        await newest.assert_received("wssec.ready")
        await told_to_go(ann)


@in_loop
async def test_r03_newest_wins_and_anonymous_ones() -> None:
    """Nobody in particular has no oldest connection."""

    class Public(ChatSocket):
        anonymous = True
        newest_wins = True

    async with GuardKit([("/ws", Public)], registry=CHAT, limits=replace(GENEROUS, connections_per_subject=1)) as kit:
        clients = [await kit.connect("/ws", token="") for _ in range(3)]
        for client in clients:
            await client.assert_nothing_received()


# --- an identity ---


@pytest.mark.requirement("R069")
@in_loop
async def test_r06_attempts_of_an_identity() -> None:
    """Once its credential has been verified, each attempt counts, let in or not; time gives them back."""
    limits = replace(GENEROUS, identity_attempts_burst=3, identity_attempts_per_second=0.5)
    async with chat_kit(limits=limits) as kit:
        assert [101] * 3 + [429] * 2 == await statuses_of(kit, 5, token=kit.token())
        assert [101] == await statuses_of(kit, 1, token=kit.token("bob"))
        refused = await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        assert 2 <= int(refused.headers["retry-after"]) <= 2 + RETRY_SPREAD_SECONDS
        await kit.advance(float(refused.headers["retry-after"]))
        assert [101] == await statuses_of(kit, 1, token=kit.token())


@in_loop
async def test_r06_nobody_locks_out_another() -> None:
    """However often somebody names a subject that he cannot prove, its owner's attempts are its own."""
    limits = replace(GENEROUS, identity_attempts_burst=1, identity_attempts_per_second=0.001)
    async with chat_kit(limits=limits) as kit:
        forged = kit.token() + "x"
        assert [401] * 20 == await statuses_of(kit, 20, token=forged)
        assert [101, 429] == await statuses_of(kit, 2, token=kit.token())


@in_loop
async def test_r06_ticket_is_spent_by_an_attempt_too_many() -> None:
    """A ticket that has been shown is spent, whatever is decided behind it; an attempt is one by any way."""
    limits = replace(GENEROUS, identity_attempts_burst=1, identity_attempts_per_second=0.001)
    async with chat_kit(limits=limits, authenticators=[BearerToken(), Ticket()]) as kit:
        ticket = await kit.ticket("/ws")
        await kit.connect("/ws")
        await kit.assert_handshake_refused(429, f"/ws?ticket={ticket}")
        assert await kit.store.take_ticket(digest_of(ticket), NOON) is None


@in_loop
async def test_r06_anonymous_ones_have_no_attempts_together() -> None:
    """Nobody in particular cannot use up everybody's attempts."""

    class Public(ChatSocket):
        anonymous = True

    limits = replace(GENEROUS, identity_attempts_burst=1, identity_attempts_per_second=0.001)
    async with GuardKit([("/ws", Public)], registry=CHAT, limits=limits) as kit:
        assert [101] * 5 == await statuses_of(kit, 5)


class Namesakes(BearerToken):
    """Vouches for ann, of whichever issuer the token names."""

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        return Identity(subject="ann", issuer=credential.value)


@pytest.mark.parametrize("limit", [{"identity_attempts_burst": 1}, {"connections_per_subject": 1}], ids=str)
@in_loop
async def test_r06_namesakes_are_two_people(limit: dict[str, int]) -> None:
    """The ann of one issuer uses up nothing of another's ann."""
    limits = replace(GENEROUS, identity_attempts_per_second=0.001, **limit)
    async with chat_kit(authenticators=[Namesakes()], limits=limits) as kit:
        assert [101, 101, 429, 429] == [(await statuses_of(kit, 1, token=name))[0] for name in ("a", "b", "a", "b")]


@in_loop
async def test_r06_showing_nothing_is_a_failure() -> None:
    """At the door, where no page elsewhere gets as far; a hundred by default, and a success washes none off."""
    async with chat_kit(limits=replace(GENEROUS, failed_credentials=Limits().failed_credentials)) as kit:
        assert [101] == await statuses_of(kit, 1, token=kit.token())
        assert [401] * 100 + [429] * 5 == await statuses_of(kit, 105)
        assert [429] == await statuses_of(kit, 1, token=kit.token())
        await kit.advance(Limits().failed_credentials_window_seconds / 100)
        assert [101] == await statuses_of(kit, 1, token=kit.token())


@in_loop
async def test_r06_what_was_refused_before_is_no_failure() -> None:
    """A page elsewhere, another host, no handshake at all: none says anything about a credential."""
    async with chat_kit(limits=replace(GENEROUS, failed_credentials=1)) as kit:
        for options in ({"origin": "https://evil.test"}, {"host": "evil.test"}, {"subprotocols": ["a", "a"]}):
            assert 101 not in await statuses_of(kit, 3, token="wrong", **options)
        assert [101] == await statuses_of(kit, 1, token=kit.token())


# --- everybody at once ---


@in_loop
async def test_r12_reconnect_storm() -> None:
    """300 at once: as many as may are verified, the others get 503 without that and are told to come back apart."""
    gated, most = Gated(), 50
    limits = replace(GENEROUS, pending_handshakes=most, pending_requests_per_address=300)
    async with chat_kit(authenticators=[gated], limits=limits) as kit:
        storm = [asyncio.create_task(kit.handshake("/ws", token=kit.token(f"u{number}"))) for number in range(300)]
        asking = await kit.raw()
        while sum(task.done() for task in storm) < 300 - most:
            await asking.upgrade("/wssec/live", [("Host", kit.host)])
        assert most == gated.count
        refused = [task.result()[1] for task in storm if task.done()]
        waits = [int(answer.headers["retry-after"]) for answer in refused]
        assert {503} == {answer.status for answer in refused}
        assert 5 <= min(waits) < max(waits) <= 5 + RETRY_SPREAD_SECONDS
        most_together = max(waits.count(wait) for wait in waits)
        assert most_together < len(waits) / 4
        gated.go_on.set()
        statuses = [(await task)[1].status for task in storm]
        assert (most, 300 - most) == (statuses.count(101), statuses.count(503))
        assert [101] == await statuses_of(kit, 1, token=kit.token())


@in_loop
async def test_r12_storm_from_one_address() -> None:
    """Who is over the budget of an address is told when, and each a little later than need be; none too early."""
    async with chat_kit(limits=replace(GENEROUS, attempts_burst=1, attempts_per_second=0.5)) as kit:
        await kit.connect("/ws")
        answers = [(await kit.handshake("/ws", token=kit.token()))[1] for _ in range(40)]
        waits = [int(answer.headers["retry-after"]) for answer in answers]
        assert {429} == {answer.status for answer in answers}
        assert 2 <= min(waits) < max(waits) <= 2 + RETRY_SPREAD_SECONDS


@in_loop
async def test_r03_newest_wins_counts_who_is_open() -> None:
    """Who is being closed already holds no place for which an older one would have to go."""
    async with talk_kit(limits=replace(GENEROUS, connections_per_subject=2), newest_wins=True) as kit:
        oldest, _ = await kit.connect("/ws"), await kit.connect("/ws")
        kit.guard.hub.end(second_of(kit), Close(4100))  # and its client does not answer
        newest = await kit.connect("/ws")
        for client in (oldest, newest):
            await client.request("talk.do")


def second_of(kit: GuardKit) -> Live:
    """The second connection of ann's."""
    _, second = kit.guard.hub._identities[kit.identity().issuer, "ann"]
    return second
