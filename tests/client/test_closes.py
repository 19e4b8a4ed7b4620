"""Every way in which the server ends a connection, and what the Python client does about it."""

from typing import Final

import pytest

from tests.client.kit import LINE, Chat, Waits, in_loop, start
from tornado_wssec import Close, CloseCode
from tornado_wssec.client import Refused, Stopped, bearer, first_message
from tornado_wssec.client.schedule import LONGEST_WAIT, STABLE_AFTER, Ending, Schedule
from tornado_wssec.closing import Advice, going_away

OWN: Final = 4999
STOPS: Final = {
    CloseCode.NORMAL: "normal",
    CloseCode.PROTOCOL_ERROR: "protocol_error",
    CloseCode.UNSUPPORTED_DATA: "unsupported_data",
    CloseCode.INVALID_PAYLOAD: "invalid_payload",
    CloseCode.MESSAGE_TOO_BIG: "message_too_big",
    CloseCode.BAD_MESSAGES: "bad_messages",
    CloseCode.REVOKED: "revoked",
    CloseCode.REPLACED: "replaced",
    OWN: "application",
}
WAITS: Final = {
    CloseCode.GOING_AWAY: ("going_away", 8.0),
    CloseCode.INTERNAL_ERROR: ("internal_error", 1.5),
    CloseCode.TRY_AGAIN_LATER: ("try_again_later", 1.5),
    CloseCode.TOKEN_EXPIRED: ("token_expired", 0.5),
    CloseCode.UNAUTHENTICATED: ("unauthenticated", 0.5),
    CloseCode.TIMED_OUT: ("timed_out", 0.5),
    CloseCode.SLOW_CONSUMER: ("slow_consumer", 1.5),
    CloseCode.RATE_LIMITED: ("rate_limited", 1.5),
}


def end_all(kit: Chat, code: int) -> None:
    """The server closes every connection."""
    kit.guard.hub.end_where(lambda live: True, Close(code, "as it is"))


def test_closes_are_all_here() -> None:
    """No code of the package is left out."""

    assert set(CloseCode) == (STOPS.keys() | WAITS.keys()) - {OWN}


@pytest.mark.parametrize("code", STOPS, ids=int)
@in_loop
async def test_closes_that_mean_stop_are_final(code: int) -> None:
    """The state says why, the events end in it, and what is asked from then on is refused."""
    waits = Waits()
    async with Chat() as kit, kit.client(waits) as client:
        end_all(kit, code)
        state = await waits.until("stopped", STOPS[code])

        with pytest.raises(Stopped, match=STOPS[code]):
            [event async for event in client.events()]
        with pytest.raises(Refused, match="stopped"):
            await client.request("chat.send", LINE)
        assert (code, "as it is", []) == (state.code, state.text, waits.seconds)


@pytest.mark.parametrize("code", WAITS, ids=int)
@in_loop
async def test_closes_that_pass_are_waited_out(code: CloseCode) -> None:
    """The state says why and how long: at most the first wait of its kind. Then it is open again."""
    reason, longest = WAITS[code]
    waits = Waits()
    async with Chat() as kit, kit.client(waits) as client:
        end_all(kit, code)
        state = await waits.until("waiting", reason)
        await waits.until("open", times=2)

        assert (code, longest, [longest]) == (state.code, state.seconds, waits.seconds)
        assert {"delivered": True} == await client.request("chat.send", LINE)
        assert ["connecting", "open", f"waiting:{reason}", "connecting", "open"] == waits.names


@in_loop
async def test_closes_of_its_own_are_made_once() -> None:
    """Who has closed it by hand may leave the context as well."""
    waits = Waits()
    async with Chat() as kit:
        async with kit.client(waits) as client:
            await client.close()

        assert ["connecting", "open", "stopped:closed"] == waits.names


@in_loop
async def test_closes_listen_again() -> None:
    """A reconnected client hears the same channels; of one that keeps nothing it tells a gap, before what follows."""
    waits = Waits()
    async with Chat() as kit, kit.client(waits) as client:
        await client.subscribe("room:lobby")
        await client.subscribe("kept:lobby")
        await client.request("chat.send", {"room": "lobby", "text": "keep"})
        events = client.events()
        kept = await anext(events)

        waits.is_held = True
        end_all(kit, CloseCode.TIMED_OUT)
        await waits.until("waiting", "timed_out")
        async with kit.client() as other:
            await other.request("chat.send", {"room": "lobby", "text": "keep"})
        waits.release()
        missed = [await anext(events), await anext(events)]

        assert kept.seq is not None
        assert {("wssec.gap", "room:lobby", None), ("chat.posted", "kept:lobby", kept.seq + 1)} == {
            (one.type, one.channel, one.seq) for one in missed
        }


@in_loop
async def test_closes_reject_what_had_left_and_keep_what_had_not() -> None:
    """A request under way is `disconnected`; one that is made while there is no connection is sent by the next."""
    waits = Waits()
    async with Chat() as kit, kit.client(waits) as client:
        under_way = start(client.request("chat.send", {"room": "lobby", "text": "wait"}))
        await client.check()  # behind it, so that it has arrived
        waits.is_held = True
        end_all(kit, CloseCode.TIMED_OUT)
        await waits.until("waiting", "timed_out")
        kept = start(client.request("chat.send", LINE))
        waits.release()

        with pytest.raises(Refused, match="disconnected"):
            await under_way
        assert {"delivered": True} == await kept


@in_loop
async def test_closes_bound_what_waits() -> None:
    """In number: one more is refused at once. In time: what is late is not sent at all."""
    waits = Waits()
    async with Chat() as kit, kit.client(waits, queue=2) as client:
        await client.subscribe("room:lobby")
        waits.is_held = True
        end_all(kit, CloseCode.TIMED_OUT)
        await waits.until("waiting", "timed_out")
        with pytest.raises(Refused, match="no_answer"):
            await client.request("chat.send", {"room": "lobby", "text": "late"}, within=0)
        await client.send("chat.send", LINE)
        with pytest.raises(Refused, match="queue_full"):
            await client.send("chat.send", LINE)
        waits.release()
        events = client.events()

        assert ["wssec.gap", "chat.posted"] == [(await anext(events)).type for _ in range(2)]


@in_loop
async def test_closes_of_a_bad_first_message_are_final_the_second_time() -> None:
    """A new credential is tried once; a server that refuses that one, too, is believed."""
    waits = Waits()
    async with Chat() as kit:
        client = kit.client(waits, url=f"ws://{kit.host}/first", credential=first_message(token="wrong"))
        with pytest.raises(Stopped, match="unauthenticated"):
            async with client:
                raise AssertionError("it is not open")

        assert ["connecting", "waiting:unauthenticated", "connecting", "stopped:unauthenticated"] == waits.names


@in_loop
async def test_closes_come_after_a_good_first_message() -> None:
    """Where the handshake has no place for a credential."""
    async with Chat() as kit:
        shown = first_message(token=lambda: kit.token("ann", ["chat:*:lobby"]))
        async with kit.client(url=f"ws://{kit.host}/first", credential=shown) as client:
            assert {"delivered": True} == await client.request("chat.send", LINE)


@pytest.mark.parametrize("advice", Advice)
def test_schedule_doubles_up_to_the_longest(advice: Advice) -> None:
    """And begins anew once a connection has stood."""
    codes = [code for code in CloseCode if code.advice is advice and code in WAITS and code != 4401]
    for code in codes:
        schedule, first = Schedule(lambda: 1.0), WAITS[code][1]
        waits = [schedule.after(Ending(code)).seconds for _ in range(9)]

        assert [min(LONGEST_WAIT, first * 2**count) for count in range(9)] == waits
        assert first == schedule.after(Ending(code, stood=STABLE_AFTER + 0.1)).seconds


def test_schedule_obeys_the_advice_of_a_drain() -> None:
    """A server that tells many to go says over how long they should come back; what fails then doubles it as ever."""
    advised = going_away(3.0)
    schedule = Schedule(lambda: 1.0)
    told = [schedule.after(Ending(advised.code, text=advised.reason)).seconds for _ in range(5)]
    others = [Ending(text=advised.reason), Ending(CloseCode.TIMED_OUT, text=advised.reason)]

    assert [3.0, 6.0, 12.0, 24.0, LONGEST_WAIT] == told
    assert [1.5, 0.5] == [Schedule(lambda: 1.0).after(ending).seconds for ending in others]


def test_schedule_draws_from_nothing_up() -> None:
    """Full jitter: whoever was disconnected together does not come back together."""

    assert 0.0 == Schedule(lambda: 0.0).after(Ending()).seconds
    assert 0.75 == Schedule(lambda: 0.5).after(Ending()).seconds


@in_loop
async def test_client_without_a_good_token_is_refused() -> None:
    """401 at the handshake: no close code is needed to know it."""
    waits = Waits()
    async with Chat() as kit:
        with pytest.raises(Stopped, match=r"unauthenticated: HTTP 401"):
            async with kit.client(waits, credential=bearer("wrong")):
                raise AssertionError("it is not open")

        assert ["connecting", "stopped:unauthenticated"] == waits.names
