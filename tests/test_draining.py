"""A drain: who is told to go when, what is finished before, and what hurries it."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.hand_loop import run_by_hand
from tests.kits import GENEROUS, audited, chat_kit, in_loop
from tests.talk import Script, talk_kit
from tests.waiting import until_turned
from tornado_wssec import Close, CloseCode, Limits, Timeouts
from tornado_wssec.closing import going_away
from tornado_wssec.draining import AGAIN_SECONDS, SPREAD_SHARE, Drain
from tornado_wssec.hub import Hub, Live
from tornado_wssec.processes import First
from tornado_wssec.testing import RawSocket


class Crowd(Hub):
    """So many connections without sockets; notes who was told what, and when by the loop's clock."""

    def __init__(self, count: int, busy: float = 0.0) -> None:
        super().__init__(Limits(), Timeouts(), lambda: 0.0)
        self.told: list[tuple[float, Close]] = []
        self.is_last: list[bool] = []
        for _ in range(count):
            self.join(busy)

    def join(self, busy: float) -> None:
        """One more, whose handler needs so many seconds from when it is asked for."""

        async def settled(*, is_last: bool = False) -> None:
            self.is_last.append(is_last)
            await asyncio.sleep(busy)

        live = SimpleNamespace(session=SimpleNamespace(is_closing=False), settled=settled, isolated=nullcontext)
        self._lives.add(cast("Live", HashedByPlace(live, len(self._lives))))

    def end(self, live: Live, close: Close, evidence: str = "") -> None:
        """Note it."""
        assert not live.session.is_closing
        cast("Any", live.session).is_closing = True
        self.told.append((asyncio.get_running_loop().time(), close))


class HashedByPlace:
    """What a set takes."""

    def __init__(self, live: Any, place: int) -> None:
        self.session, self.settled, self.isolated, self._place = live.session, live.settled, live.isolated, place

    def __hash__(self) -> int:
        return self._place


def drained(
    crowd: Crowd,
    *,
    per_second: float = 10.0,
    patience: float = 30.0,
    beside: Callable[[Drain], Awaitable[None]] | None = None,
) -> int:
    """Drain it by a clock turned by hand; how many were told before their turn."""

    async def play() -> int:
        drain = Drain(crowd, per_second=per_second, patience=patience)
        drain.plan()
        other = asyncio.ensure_future(beside(drain)) if beside else None
        early = await drain.run()
        if other is not None:
            await other
        return early

    return run_by_hand(play())


def in_each_second(crowd: Crowd) -> list[int]:
    """How many were told in each."""
    seconds = [int(at) for at, _ in crowd.told]
    return [seconds.count(second) for second in range(max(seconds) + 1)]


def test_drain_is_spread_evenly() -> None:
    """As many a second as is allowed, and nearly at once back elsewhere."""
    crowd = Crowd(60)

    assert 0 == drained(crowd, per_second=10.0)
    assert [10] * 6 == in_each_second(crowd)
    assert {going_away(AGAIN_SECONDS)} == {close for _, close in crowd.told}


def test_drain_of_few_takes_no_time() -> None:
    """Whoever has three clients does not wait for a window."""
    crowd = Crowd(3)
    drained(crowd, per_second=Limits().departures_per_second)

    assert crowd.told[-1][0] < 0.01


def test_drain_of_too_many_is_faster() -> None:
    """What does not fit by the rate is told within two thirds of the time, so that the last have time to finish."""
    crowd = Crowd(1_000)
    drained(crowd, per_second=10.0, patience=30.0)

    assert 20 == len(in_each_second(crowd))
    assert all(49 <= count <= 51 for count in in_each_second(crowd))  # who is nearly due is told as well


def test_drain_at_the_default_rate_fits_the_default_crowd() -> None:
    """Ten thousand, by `Limits.departures_per_second`, in the share of `Timeouts.drain` that is for it."""

    assert 10_000 / Limits().departures_per_second <= SPREAD_SHARE * Timeouts().drain
    assert Timeouts().handler <= (1 - SPREAD_SHARE) * Timeouts().drain + 1e-6


def test_drain_waits_for_handlers_and_reads_no_further() -> None:
    """Each is told to go once it is done; nobody else waits for it."""
    crowd = Crowd(10, busy=7.0)
    crowd.join(0.0)
    drained(crowd, per_second=1_000.0)

    assert [1, 0, 0, 0, 0, 0, 0, 10] == in_each_second(crowd)
    assert [True] * 11 == crowd.is_last


def test_drain_ends_in_time() -> None:
    """Whoever is not done then is told to go as he is, and counted."""
    crowd = Crowd(4, busy=1_000.0)

    assert 4 == drained(crowd, patience=30.0)
    assert [30, 30, 30, 30] == [round(at) for at, _ in crowd.told]


def test_drain_takes_leave_of_who_comes_meanwhile() -> None:
    """A handshake that was under way."""
    crowd = Crowd(20)

    async def come(drain: Drain) -> None:
        await asyncio.sleep(1.0)
        crowd.join(0.0)

    assert 0 == drained(crowd, beside=come)
    assert 21 == len(crowd.told)


def test_drain_in_a_hurry_leaves_the_spreading_to_the_clients() -> None:
    """All who are left are told at once, and each to come back within what was left of the time."""
    crowd = Crowd(60)

    async def hurry(drain: Drain) -> None:
        await asyncio.sleep(1.95)
        drain.hurry()

    assert 40 == drained(crowd, per_second=10.0, beside=hurry)
    assert [10, 50] == in_each_second(crowd)
    assert [going_away(5.0)] * 40 == [close for _, close in crowd.told[20:]]


def test_drain_in_a_hurry_waits_for_no_handler() -> None:
    """Nor for the notice before it."""
    crowd = Crowd(2, busy=9.0)

    async def hurry(drain: Drain) -> None:
        drain.hurry()
        await drain.pause(60.0)

    assert 2 == drained(crowd, beside=hurry)
    assert [2] == in_each_second(crowd)


# --- over real sockets ---


@in_loop
async def test_drain_answers_what_it_has_read_and_reads_nothing_more() -> None:
    """Three that were accepted are answered before the goodbye; a fourth that came behind it is not handled."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        for number in range(3):
            await client.send("talk.do", {"what": str(number)}, f"a{number}")
        await script.entered.wait()
        await client.assert_nothing_received()
        stopping = asyncio.create_task(kit.guard.stop())
        (live,) = kit.guard.hub
        await until_turned(lambda: not live.connection.is_reading)
        await client.send("talk.do", {"what": "late"}, "late")
        script.go_on.set()

        assert ["0", "1", "2"] == [(await client.answer(f"a{number}"))["data"]["what"] for number in range(3)]
        await client.assert_closed(CloseCode.GOING_AWAY)
        await stopping
        assert "late" not in script.told


@in_loop
async def test_drain_reads_no_further_where_the_inbox_makes_room() -> None:
    """Who has sent so much that reading had paused is not read on as it becomes less: else it might never end."""
    script = Script()
    script.do = script.wait
    limits = Limits(inbox_messages=2)
    async with talk_kit(script, limits=limits) as kit:
        client = await kit.connect("/ws")
        for number in range(9):
            await client.send("talk.do", {"what": str(number)})
        (live,) = kit.guard.hub
        await until_turned(lambda: not live.connection.is_reading)
        stopping = asyncio.create_task(kit.guard.stop())
        for _ in range(20):
            await asyncio.sleep(0)
        script.go_on.set()
        await client.assert_closed(CloseCode.GOING_AWAY)
        await stopping

        assert ["0", "1", "2"] == [what for what in script.told if isinstance(what, str)]


@in_loop
async def test_drain_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """In the log, in the audit and in the metrics; ready says no from its first moment on."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        before = metric(kit.guard, "wssec_draining")
        await client.send("talk.do", {"what": "slow"})
        await script.entered.wait()
        with caplog.at_level(logging.INFO):
            stopping = asyncio.create_task(kit.guard.stop())
            await asyncio.sleep(0)
            during = metric(kit.guard, "wssec_draining"), metric(kit.guard, "wssec_ready")
            script.go_on.set()
            await client.assert_closed(CloseCode.GOING_AWAY)
            await stopping
        told = [
            (line["event"], line["connections"])
            for name in ("began", "ended")
            for line in audited(caplog.records, f"drain.{name}")
        ]

    assert (0.0, (1.0, 0.0)) == (before, during)
    assert [("drain.began", 1), ("drain.ended", 1)] == told
    assert "draining 1 connections over" in caplog.text
    assert "drained; 0 connections" in caplog.text


@in_loop
async def test_drain_can_be_watched() -> None:
    """Whoever reads the metrics is let in until the end, where nobody else is."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        port = kit.guard.listen_metrics(0)
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "slow"})
        await script.entered.wait()
        stopping = asyncio.create_task(kit.guard.stop())
        await asyncio.sleep(0)
        prometheus = await RawSocket.open(port)
        await prometheus.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        told = await prometheus.response()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await kit.raw()
        script.go_on.set()
        await client.assert_closed(CloseCode.GOING_AWAY)
        await stopping
        await prometheus.close()

    assert b"\nwssec_draining 1.0\n" in told.body


@in_loop
async def test_drain_survives_a_connection_that_fails() -> None:
    """A mistake of ours about one of them is its own end, and nobody else's."""

    async def fail(*, is_last: bool = False) -> None:
        raise RuntimeError("s3cr3t")

    async with talk_kit() as kit:
        one, other = await kit.connect("/ws"), await kit.connect("/ws", subject="bob")
        (live,) = [live for live in kit.guard.hub if live.session.identity.subject == "ann"]
        live.settled = fail
        stopping = asyncio.create_task(kit.guard.stop())
        reason = await other.assert_closed(CloseCode.GOING_AWAY)
        assert None is await one.socket.receive_frame()
        await stopping

    assert "server is draining; retry within 1 s" == reason


def metric(guard: Any, name: str) -> float:
    """One that has no labels."""
    (found,) = [values for metric, values, _ in guard.metrics.families() if metric.name == name]
    return float(found[()])


@in_loop
async def test_drain_notice_lets_people_in() -> None:
    """Not ready, so that a balancer sends nobody here any more; who comes all the same is served until it is over."""
    async with chat_kit(timeouts=Timeouts(drain=90.0, drain_notice=60.0)) as kit:
        stopping = asyncio.create_task(kit.guard.stop())
        await asyncio.sleep(0)
        _, ready = await kit.handshake("/wssec/ready")
        client = await kit.connect("/ws", permissions=["chat:write:lobby"])
        answer = await client.request("chat.send", {"room": "lobby", "text": "hello"})
        kit.guard._lifecycle.hurry()
        await client.assert_closed(CloseCode.GOING_AWAY)
        await stopping

        assert (503, {"ready": False}) == (ready.status, json.loads(ready.body))
        assert {"delivered": True} == answer


@in_loop
async def test_drain_of_somebody_elses_server_has_no_notice() -> None:
    """Where the guard listens nowhere it does not matter whether it is ready."""
    guard = chat_kit(timeouts=Timeouts(drain=90.0, drain_notice=60.0)).guard
    await guard.start(following=False)
    async with asyncio.timeout(10):
        await guard.stop()

    assert not guard.is_ready()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@in_loop
async def test_drain_is_hurried_by_a_second_signal(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody's turn and nobody's handler is waited for; the clients are told over how long to come back."""
    monkeypatch.setattr("tornado_wssec.stop_signals.ECHO_SECONDS", 0.0)
    limits = Limits(departures_per_second=0.1, connections_per_subject=10)
    async with chat_kit(limits=limits) as kit:
        clients = [await kit.connect("/ws") for _ in range(3)]
        stopping = asyncio.create_task(kit.guard.until_stopped())
        await clients[0].assert_nothing_received()
        os.kill(os.getpid(), signal.SIGTERM)
        await until_turned(lambda: any(live.session.is_closing for live in kit.guard.hub))
        os.kill(os.getpid(), number)
        reasons = sorted([await client.assert_closed(CloseCode.GOING_AWAY) for client in clients])
        await stopping

    assert ["server is draining; retry within 1 s"] + ["server is draining; retry within 20 s"] * 2 == reasons
    assert f"{number.name} again: nobody is waited for any more" in caplog.text


@in_loop
async def test_drain_takes_an_echo_for_one_signal() -> None:
    """A manager that tells each process, and a first process that tells the others, mean the same."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script, limits=GENEROUS) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        stopping = asyncio.create_task(kit.guard.until_stopped())
        await client.assert_nothing_received()
        os.kill(os.getpid(), signal.SIGTERM)
        (live,) = kit.guard.hub
        await until_turned(lambda: not live.connection.is_reading)
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(20):
            await asyncio.sleep(0)
        script.go_on.set()

        assert {"what": "slow"} == (await client.answer("slow"))["data"]
        await client.assert_closed(CloseCode.GOING_AWAY)
        await stopping


def test_drain_in_a_hurry_hurries_every_process() -> None:
    """The first one tells the others, by a second signal."""
    told: list[str] = []
    first = First(3, 0)
    running, _ = first._seats
    running.process = cast("Any", SimpleNamespace(terminate=lambda: told.append("1")))
    first.hurry()

    assert ["1"] == told
