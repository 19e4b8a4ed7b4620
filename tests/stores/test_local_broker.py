"""The broker of a process that is alone."""

from pathlib import Path

from tornado_wssec.policy.history import remembered
from tornado_wssec.stores.local_broker import LocalBroker

from .broker_contract import BrokerContract
from .broker_kit import KEPT, Heard, running
from .kit import NOW, in_loop


class TestLocalBroker(BrokerContract):
    """The contract."""

    def new(self, place: Path, name: str, heard: Heard) -> LocalBroker:
        return LocalBroker(name, heard, lambda: NOW)


@in_loop
async def test_local_broker_forgets() -> None:
    """What has ended, when it is told to look."""
    now, heard = [NOW], Heard()
    async with running((LocalBroker("n", heard, lambda: now[0]), heard)) as [node]:
        first = await node.say("a", kept=KEPT)
        kept = await node.missed((first or 0) - 1)
        now[0] += 2 * remembered(KEPT)
        node.broker.tick()

        assert (["a"], None) == (kept, await node.missed(first))


@in_loop
async def test_local_broker_keeps_no_more_than_it_may() -> None:
    """Of all channels; who resumes from what has gone is told so."""
    heard = Heard()
    async with running((LocalBroker("n", heard, lambda: NOW, 10_000), heard)) as [node]:
        first = await node.say("a", "room:b", kept=KEPT)
        await node.say("b", "room:b", kept=KEPT)
        before = await node.missed(first, "room:b")
        await node.say("x" * 8_900, kept=KEPT)

        assert (["b"], None) == (before, await node.missed(first, "room:b"))


def test_local_broker_says_whom_it_reaches() -> None:
    """Nobody whom another process serves."""
    assert "the clients of this process alone" == LocalBroker("n", Heard(), lambda: NOW).reach
