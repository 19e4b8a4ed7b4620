"""When this process is too hard pressed to take anybody new in."""

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec import pressure as pressure_module
from tornado_wssec.doorstep import Doorstep
from tornado_wssec.pressure import CALM_SECONDS, LOOK_SECONDS, Pressure, resident_bytes
from tornado_wssec.settings import MiB, Timeouts


class Hand:
    """A clock that is turned by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def pressed(memory_bytes: int | None = None) -> tuple[Pressure, Hand]:
    """A process, and its clock."""
    hand = Hand()
    return Pressure(memory_bytes, Doorstep(Timeouts(), hand), hand), hand


@pytest.mark.parametrize(("lag", "after", "is_shed"), [(1.5, 0.0, False), (3.0, 0.0, True), (3.0, 1.0, False)])
def test_pressure_of_a_stall(lag: float, after: float, is_shed: bool) -> None:
    """Newcomers are turned away for a second after a long one; a short one is a pause of the machine."""
    pressure, hand = pressed()
    pressure.stood_still(lag)
    hand.now += after

    assert is_shed == bool(pressure.fault())


def test_pressure_of_stalls_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many follow one another, and once that it is over."""
    pressure, hand = pressed()
    for _ in range(10):
        hand.now += 2
        pressure.stood_still(3.0)
        pressure.look(hand.now)
    hand.now += CALM_SECONDS
    pressure.look(hand.now)

    assert ["ERROR", "WARNING"] == [record.levelname for record in caplog.records]
    assert "the event loop stood still for 3.0 s" in caplog.text


def test_pressure_of_memory(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """From nine tenths on, looked at once a second."""
    used = [89 * MiB, 91 * MiB, 50 * MiB]
    monkeypatch.setattr(pressure_module, "resident_bytes", lambda: used.pop(0))
    pressure, hand = pressed(100 * MiB)
    faults = []
    for _ in range(3):
        pressure.look(hand.now)
        pressure.look(hand.now)
        faults.append(pressure.fault())
        hand.now += LOOK_SECONDS

    assert ["", "memory is short", ""] == faults
    assert "91 of 100 MiB of memory are in use: nobody new comes in; raise Limits.memory_bytes" in caplog.text


def test_pressure_of_memory_that_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not say, nobody is kept out."""
    monkeypatch.setattr(pressure_module, "resident_bytes", lambda: None)
    pressure, hand = pressed(1)
    pressure.look(hand.now)

    assert "" == pressure.fault()


def test_resident_bytes_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python process has some MiB; without /proc there is no answer."""
    found = resident_bytes()
    monkeypatch.setattr(pressure_module, "_STATM", pressure_module._STATM.with_name("nothing"))

    assert found is None or found > MiB
    assert None is resident_bytes()


@in_loop
async def test_stall_forgives_who_is_in_and_nobody_else() -> None:
    """The copy of the store has grown old while nobody could look: live ones stay, newcomers wait for a look."""
    async with chat_kit() as kit:
        live, ready = await kit.connect("/ws"), kit.guard._readiness
        kit.clock.advance(100)
        ready.extend(70)
        assert not ready.is_too_stale()
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        ready.extend(-40)
        assert ready.is_too_stale()
        await kit.guard.watcher.catch_up()
        kit.clock.advance(61)
        assert ready.is_too_stale()
        await live.assert_nothing_received()
