"""The two that take turns to show what telemetry costs: one counts, one does not, and both answer."""

import time

import pytest

from bench.peers import ours
from bench.suites import telemetry
from tests.kits import in_loop
from tornado_wssec import Registry, conversation
from tornado_wssec.clock import Clock
from tornado_wssec.conversation import Conversation
from tornado_wssec.testing import GuardKit
from tornado_wssec.wire.engine import Engine


@pytest.mark.parametrize(("name", "heard", "at_once"), [("on", 160, 1), ("off", 0, 1), ("on", 160, 16), ("off", 0, 16)])
@in_loop
async def test_telemetry_is_on_and_off(name: str, heard: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With it every message is counted, without it none; every one is answered."""
    monkeypatch.setattr(telemetry, "GOES", 1)
    registry = Registry(ours.Send, ours.Draw, ours.Post, ours.Posted, ours.RoomChannel)
    kit = GuardKit([("/ws", ours.Socket)], registry=registry, limits=ours.RAISED, clock=Clock())
    kit.clock.wall = time.time()
    async with kit:
        client, end = await telemetry._talk(kit, name)
        await telemetry.least_cost(client, end, telemetry.RECEIVE[name], at_once)

        assert heard == end.heard_frames
        assert heard == sum(kit.guard.reception._measuring.meters.counts.values())
    assert conversation.Conversation is Conversation
    assert telemetry.RECEIVE["on"] is Engine.data_received


def test_telemetry_notices_that_a_line_is_gone() -> None:
    """What cannot be left out is not measured: the suite fails, and says where."""
    with pytest.raises(RuntimeError, match=r"Conversation\.receive_all has no such line any more"):
        telemetry.without(conversation, Conversation.receive_all, **{"such line": ""})
