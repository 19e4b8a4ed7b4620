"""The first of a kind are told one by one, the rest by number."""

import logging

import pytest

from tests.kits import audited
from tornado_wssec.telemetry.audit import Audit
from tornado_wssec.telemetry.sampling import KINDS_MOST, OTHERS, Refusals, Sampler, tell_untold
from tornado_wssec.testing.clock import HandClock


def sampler_of(clock: HandClock, most: int = 3, seconds: float = 10.0) -> Sampler:
    """A sampler on a clock that is turned by hand."""
    return Sampler(most, seconds, lambda: clock.monotonic)


def told(sampler: Sampler, count: int, kind: str = "kind") -> int:
    """How many of so many are told."""
    return sum(sampler.takes(kind) for _ in range(count))


def test_sampler_tells_the_first() -> None:
    """As many as are allowed, of each kind."""
    sampler = sampler_of(HandClock())

    assert 3 == told(sampler, 100)
    assert 2 == told(sampler, 2, "other")


def test_sampler_counts_the_rest_exactly() -> None:
    """Once the window is over, and once only."""
    clock = HandClock()
    sampler = sampler_of(clock)
    told(sampler, 100)
    told(sampler, 3, "quiet")

    assert [] == sampler.ended()
    clock.advance(10)
    assert [("kind", 97)] == sampler.ended()
    assert [] == sampler.ended()


def test_sampler_begins_anew() -> None:
    """In each window the first are told, also when nobody has asked for the number in between."""
    clock = HandClock()
    sampler = sampler_of(clock)
    totals = []
    for _ in range(4):
        totals.append(told(sampler, 5))
        clock.advance(10)

    assert [3, 3, 3, 3] == totals
    assert [("kind", 8)] == sampler.ended()


def test_sampler_tells_at_the_end() -> None:
    """A process that ends leaves no number untold."""
    sampler = sampler_of(HandClock())
    told(sampler, 5)

    assert [("kind", 2)] == sampler.ended(all_of_them=True)


def test_sampler_keeps_few_kinds() -> None:
    """Kinds that strangers invent share a window, and are counted no less."""
    sampler = sampler_of(HandClock())
    passed = sum(sampler.takes(f"kind {number}") for number in range(10_000))

    assert KINDS_MOST + 3 == passed
    assert [(OTHERS, 10_000 - passed)] == sampler.ended(all_of_them=True)
    assert 0 == len(sampler._windows)


def test_refusals_are_counted_by_stage_and_status() -> None:
    """However many of them are told."""
    refusals = Refusals(sampler_of(HandClock()))
    shown = [refusals.count("origin", 403) for _ in range(5)] + [refusals.count("tls", 403)]

    assert [True, True, True, False, False, True] == shown
    assert {("origin", 403): 5, ("tls", 403): 1} == refusals.counts


def test_refusals_cannot_be_changed_from_outside() -> None:
    """What is handed out is a view."""
    with pytest.raises(TypeError):
        Refusals(sampler_of(HandClock())).counts[("origin", 403)] = 0  # type: ignore[index]


def test_untold_is_a_line_and_a_record(caplog: pytest.LogCaptureFixture) -> None:
    """The log and the audit get the exact number, once."""
    caplog.set_level(logging.INFO)
    clock = HandClock()
    refusals = Refusals(sampler_of(clock))
    for _ in range(10):
        refusals.count("origin", 403)
    clock.advance(10)
    for _ in range(2):
        tell_untold(refusals.sampler, Audit(), clock.wall)

    assert 1 == caplog.text.count("7 more refusals with 403 at origin, not told one by one")
    (line,) = audited(caplog.records, "log.sampled")
    assert ("refusals with 403 at origin", 7) == (line["what"], line["count"])
