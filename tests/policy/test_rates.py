"""Token buckets, alone, together and in a table that never forgets a debt."""

from collections.abc import Callable
from math import inf, nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.policy.rates import (
    SHARDS,
    TOLERANCE,
    Buckets,
    BucketTable,
    Rate,
    TokenBucket,
    budget_of,
    parse_rates,
)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("5/second", (Rate(5, 1),)),
        ("5/second, 100/minute", (Rate(5, 1), Rate(100, 60))),
        ("5/seconds,100/minutes,1000/hours,9/days", (Rate(5, 1), Rate(100, 60), Rate(1000, 3600), Rate(9, 86400))),
        (" 20 / 10 seconds ", (Rate(20, 10),)),
        ("1/2minutes", (Rate(1, 120),)),
    ],
)
def test_rates_are_read(text: str, rates: tuple[Rate, ...]) -> None:
    """A count over a time, several with commas between."""

    assert rates == parse_rates(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "5/",
        "/second",
        "five/second",
        "5/fortnight",
        "5/ss",
        "5/second,",
        "5/second;6/minute",
        "-5/second",
        "5.5/second",
        "5/SECOND",
        "5/second\n",
        "٥/second",
        "1_0/second",
        "9999999999/second",
        "5/0 seconds",
        "0/second",
    ],
)
def test_rates_refuse(text: str) -> None:
    """What is no rate is a ValueError that shows how to write one."""
    with pytest.raises(ValueError, match=r"; (write it as|use)"):
        parse_rates(text)


def test_rates_refuse_two_over_the_same_time() -> None:
    """One of the two would never matter: somebody meant something else."""
    with pytest.raises(ValueError, match="keep the stricter one"):
        parse_rates("60/second, 5/second")


@pytest.mark.parametrize(
    ("count", "seconds"), [(0.5, 1), (0, 1), (-1, 1), (nan, 1), (inf, 1), (1, 0), (1, -1), (1, nan), (1, inf)]
)
def test_rate_refuses_what_limits_nothing_or_everything(count: float, seconds: float) -> None:
    """Less than one would let nothing pass for ever; no time would let everything pass."""
    with pytest.raises(ValueError, match="; use"):
        Rate(count, seconds)


@given(st.text(max_size=20) | st.text(alphabet="0123456789/ ,secondmiuthay", max_size=20))
def test_rates_raise_nothing_but_value_error(text: str) -> None:
    """Any text is rates, at least one, or a ValueError."""
    try:
        rates = parse_rates(text)
    except ValueError:
        return

    assert all(rate.count >= 1 and rate.seconds >= 1 for rate in rates)
    assert rates


def test_bucket_passes_its_burst_and_no_more() -> None:
    """Full at the start: as many as the burst pass at once, then one per interval."""
    bucket = TokenBucket(5, 3, now=100.0)

    assert [0.0, 0.0, 0.0] == [bucket.take(1, 100.0) for _ in range(3)]
    assert 0.2 == pytest.approx(bucket.take(1, 100.0))
    assert 0.1 == pytest.approx(bucket.take(1, 100.1))
    assert 0.0 == bucket.take(1, 100.2)
    assert 0.2 == pytest.approx(bucket.take(1, 100.2))


def test_bucket_refills_to_its_burst_at_most() -> None:
    """A long silence is worth one burst, not more."""
    bucket = TokenBucket(1, 2, now=0.0)
    bucket.take(2, 0.0)

    assert [0.0, 0.0] == [bucket.take(1, 1e6) for _ in range(2)]
    assert 1.0 == pytest.approx(bucket.take(1, 1e6))


def test_bucket_does_not_charge_a_refusal() -> None:
    """Whoever asks too often waits no longer for it."""
    bucket = TokenBucket(1, 1, now=0.0)
    bucket.take(1, 0.0)

    assert 1.0 == bucket.take(1, 0.0)
    assert [1.0] * 100 == [bucket.take(1, 0.0) for _ in range(100)]
    assert 0.0 == bucket.take(1, 1.0)


def test_bucket_charges_by_cost() -> None:
    """Few but dear ones pay like many cheap ones."""
    bucket = TokenBucket(10, 100, now=0.0)

    assert 0.0 == bucket.take(90, 0.0)
    assert 1.0 == pytest.approx(bucket.take(20, 0.0))
    assert 0.0 == bucket.take(10, 0.0)


def test_bucket_lets_a_cost_above_the_burst_pass_when_full() -> None:
    """It would never pass otherwise; afterwards the bucket is in debt for all of it."""
    bucket = TokenBucket(1, 10, now=0.0)

    assert 0.0 == bucket.take(30, 0.0)
    assert 21.0 == bucket.take(1, 0.0)
    assert 30.0 == bucket.take(30, 0.0)
    assert 0.0 == bucket.take(30, 30.0)


def test_bucket_costs_nothing_when_nothing_is_asked() -> None:
    """A cost of zero passes while nothing is owed beyond the burst."""
    bucket = TokenBucket(1, 1, now=0.0)
    bucket.take(1, 0.0)

    assert 0.0 == bucket.take(0, 0.0)


def test_bucket_never_refills_backwards() -> None:
    """A clock that goes back gives nothing, neither then nor when it has caught up."""
    bucket = TokenBucket(1, 2, now=1_000.0)
    bucket.take(2, 1_000.0)

    assert bucket.take(1, 500.0) > 0
    assert bucket.take(1, 1_000.0) > 0
    assert 0.0 == bucket.take(1, 1_001.0)


def test_bucket_wait_charges_nothing() -> None:
    """A look is free and tells the same as a take would."""
    bucket = TokenBucket(1, 1, now=0.0)

    assert [0.0] * 10 == [bucket.wait(1, 0.0) for _ in range(10)]
    bucket.take(1, 0.0)
    assert 1.0 == bucket.wait(1, 0.0)
    assert 1.0 == bucket.take(1, 0.0)
    assert 0.0 == bucket.wait(1, 5.0)
    assert 0.0 == bucket.wait(5, 5.0)


def test_bucket_is_full_when_nothing_is_owed() -> None:
    """Full again is when a new one would do as well."""
    bucket = TokenBucket(1, 5, now=0.0)

    assert bucket.is_full(0.0) is True
    bucket.take(2, 0.0)
    assert bucket.is_full(1.9) is False
    assert bucket.is_full(2.0) is True


@pytest.mark.parametrize("make", [lambda: TokenBucket(1, 1, 0.0), lambda: Buckets([Rate(1, 1), Rate(5, 9)], 0.0)])
def test_copies_owe_the_same_and_then_go_their_ways(make: Callable[[], TokenBucket | Buckets]) -> None:
    """What is charged to the copy is not charged to the first."""
    first = make()
    copy = first.copy()
    copy.take(1, 0.0)

    assert 0.0 == first.wait(1, 0.0)
    assert 1.0 == copy.wait(1, 0.0)
    assert 1.0 == copy.copy().wait(1, 0.0)


class NaiveBucket:
    """Tokens in a jar, as the textbook has it."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst, self.tokens, self.now = rate, burst, burst, now

    def short_of(self, cost: float, now: float) -> float:
        if now > self.now:
            self.tokens, self.now = min(self.burst, self.tokens + (now - self.now) * self.rate), now
        return min(cost, self.burst) - self.tokens

    def take(self, cost: float, now: float) -> bool:
        passes = self.short_of(cost, now) <= 0
        self.tokens -= cost * passes
        return passes


# Sixteenths are exact in binary, so that the two ways of counting cannot differ by rounding.
SIXTEENTHS = st.integers(0, 100).map(lambda count: count / 16)
STEPS = st.lists(st.tuples(SIXTEENTHS, SIXTEENTHS), max_size=30)
POWERS = st.sampled_from([0.25, 0.5, 1.0, 2.0, 8.0])


@given(POWERS, st.integers(1, 20), STEPS)
def test_bucket_agrees_with_a_jar(rate: float, burst: int, steps: list[tuple[float, float]]) -> None:
    """The time of being full says the same as counted tokens."""
    ours, naive, now = TokenBucket(rate, burst, 0.0), NaiveBucket(rate, burst, 0.0), 0.0
    for pause, cost in steps:
        now += pause
        short = naive.short_of(cost, now)

        assert pytest.approx(max(0.0, short / rate)) == ours.wait(cost, now)
        assert naive.take(cost, now) is (ours.take(cost, now) == 0.0)


TIMES = st.floats(0, 1e7)
COSTS = st.floats(0, 100)


@given(st.floats(0.01, 1e6), st.floats(1, 1e6), TIMES, st.lists(st.tuples(st.floats(0, 10), COSTS), max_size=20))
@example(5.0, 5.0, 123_456.789, [(0.0, 1.0)] * 5)
def test_bucket_keeps_its_word(rate: float, burst: float, start: float, steps: list[tuple[float, float]]) -> None:
    """Whoever waits as long as he was told passes, whatever the floats do."""
    bucket, now = TokenBucket(rate, burst, start), start
    for pause, cost in steps:
        now += pause
        wait = bucket.take(cost, now)
        if wait:
            now += wait

            assert 0.0 == bucket.take(cost, now)


@given(st.floats(0.1, 100), st.floats(1, 100), st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 10)), max_size=50))
def test_bucket_never_gives_more_than_its_rate(rate: float, burst: float, steps: list[tuple[float, float]]) -> None:
    """Over any run, clock steps and all: at most the burst, what the time is worth, and one cost in debt."""
    bucket, now, latest, spent = TokenBucket(rate, burst, 0.0), 0.0, 0.0, 0.0
    for pause, cost in steps:
        now += pause
        latest = max(latest, now)
        spent += cost if bucket.take(cost, now) == 0.0 else 0.0

        assert spent <= burst + latest * rate + max(0.0, 10 - burst) + len(steps) * TOLERANCE * rate


def test_buckets_pass_together_or_charge_nothing() -> None:
    """What the second part refuses is not charged to the first."""
    buckets = Buckets([Rate(5, 1), Rate(6, 60)], now=0.0)
    for _ in range(5):
        buckets.take(1, 0.0)
    buckets.take(1, 1.0)

    assert 9.0 == pytest.approx(buckets.take(1, 1.0))
    assert 9.0 == pytest.approx(buckets.take(1, 1.0))
    assert 0.0 == buckets.take(1, 10.0)


def test_buckets_tell_the_longest_wait() -> None:
    """Whichever part comes first in the declaration, the answer is when all will pass."""
    rates = [Rate(1, 1), Rate(1, 60)]
    forwards, backwards = Buckets(rates, 0.0), Buckets(rates[::-1], 0.0)
    forwards.take(1, 0.0)
    backwards.take(1, 0.0)

    assert [60.0, 60.0] == [forwards.take(1, 0.0), backwards.take(1, 0.0)]
    assert [60.0, 60.0] == [forwards.wait(1, 0.0), backwards.wait(1, 0.0)]


def test_buckets_of_one_part_are_one_bucket() -> None:
    """The common case answers as the bucket itself."""
    buckets, bucket = Buckets([Rate(2, 4)], 0.0), TokenBucket(0.5, 2, 0.0)

    assert [bucket.take(1, 0.0) for _ in range(3)] == [buckets.take(1, 0.0) for _ in range(3)]


def test_buckets_without_rates_pass_everything() -> None:
    """No rate declared, none applied."""
    buckets = Buckets([], now=0.0)

    assert [0.0] * 100 == [buckets.take(1e9, 0.0) for _ in range(100)]
    assert buckets.is_full(0.0) is True


def test_buckets_are_full_when_all_parts_are() -> None:
    """One part that owes keeps them from being forgotten."""
    buckets = Buckets([Rate(2, 1), Rate(2, 60)], now=0.0)
    buckets.take(1, 0.0)

    assert buckets.is_full(0.5) is False
    assert buckets.is_full(30.0) is True


@given(st.integers(1, 10), st.integers(1, 10), STEPS)
def test_buckets_agree_with_jars(first: int, second: int, steps: list[tuple[float, float]]) -> None:
    """Two parts answer as two jars, of which both or neither are charged."""
    ours, now = Buckets([Rate(first, 1), Rate(second, 4)], 0.0), 0.0
    jars = [NaiveBucket(first, first, 0.0), NaiveBucket(second / 4, second, 0.0)]
    for pause, cost in steps:
        now += pause
        short = max(jar.short_of(cost, now) / jar.rate for jar in jars)
        if abs(short) < 1e-5:  # too near to call: the jars round, and we are generous by a microsecond
            return
        passes = short <= 0 and all([jar.take(cost, now) for jar in jars])

        assert passes is (ours.take(cost, now) == 0.0)


def test_table_keeps_keys_apart() -> None:
    """What one key spends another does not miss."""
    table: BucketTable[str] = BucketTable([Rate(1, 10)], most=10, now=0.0)

    assert [0.0, 0.0] == [table.take("a", 1, 0.0), table.take("b", 1, 0.0)]
    assert [10.0, 10.0] == [table.take("a", 1, 0.0), table.wait("b", 1, 0.0)]
    assert 0.0 == table.wait("c", 1, 0.0)
    assert 2 == len(table)


def test_table_stays_bounded() -> None:
    """However many come, only `most` have buckets of their own."""
    table: BucketTable[int] = BucketTable([Rate(5, 10)], most=100, now=0.0)
    for key in range(10_000):
        table.take(key, 1, 0.0)

    assert 100 == len(table)


def test_table_forgets_only_what_is_full() -> None:
    """An idle crowd makes room for the next one, two for each that comes."""
    table: BucketTable[int] = BucketTable([Rate(5, 10)], most=100, now=0.0)
    for key in range(100):
        table.take(key, 1, 0.0)
    for key in range(1_000, 1_050):
        table.take(key, 1, 60.0)

    assert 50 == len(table)


def test_table_looks_past_one_in_debt() -> None:
    """A key in long debt does not keep the idle ones behind it alive."""
    table: BucketTable[str] = BucketTable([Rate(5, 10)], most=3, now=0.0)
    table.take("deep", 500, 0.0)
    table.take("idle", 1, 0.0)
    table.take("idle too", 1, 0.0)
    for key in ("new", "newer"):
        table.take(key, 5, 60.0)
        table.take(key, 5, 60.0)

    assert table.wait("deep", 1, 60.0) > 900
    assert 3 == len(table)
    assert 10.0 == pytest.approx(table.wait("new", 5, 60.0))


def test_r07_flood_does_not_unblock_a_blocked_key() -> None:
    """A million strangers come by, and who was blocked is blocked to the second."""
    table: BucketTable[int] = BucketTable([Rate(100, 600)], most=1_000, now=0.0)
    table.take(-1, 100, 0.0)
    table.take(-1, 1, 0.0)
    for key in range(1_000_000):
        table.take(key, 1, 0.000_001 * key)

    assert 1_000 == len(table)
    assert 5.0 == pytest.approx(table.wait(-1, 1, 1.0))
    assert table.take(-1, 1, 5.9) > 0
    assert 0.0 == table.take(-1, 1, 6.0)


def test_r07_flood_blocks_its_own_newcomers() -> None:
    """Who finds no room shares: all of them together get what the shared buckets give, not one burst each."""
    table: BucketTable[int] = BucketTable([Rate(2, 600)], most=10, now=0.0)
    passed = sum(table.take(key, 1, 0.0) == 0.0 for key in range(100_000))

    assert 10 + 2 * SHARDS == passed


def test_r07_debt_of_a_shared_bucket_is_taken_along() -> None:
    """Who was blocked while sharing is still blocked when there is room again."""
    table: BucketTable[str] = BucketTable([Rate(2, 100)], most=1, now=0.0)
    table.take("settled", 1, 0.0)
    table.take("flooder", 1, 0.0)
    table.take("flooder", 1, 0.0)

    assert 50.0 == pytest.approx(table.wait("flooder", 1, 0.0))
    assert table.take("flooder", 1, 49.0) > 0
    assert 0.0 == table.take("flooder", 1, 51.0)
    assert 49.0 == pytest.approx(table.take("flooder", 1, 51.0))
    assert 1 == len(table)


def test_table_of_several_rates_passes_all_or_none() -> None:
    """Every part holds for every key."""
    table: BucketTable[str] = BucketTable([Rate(2, 1), Rate(3, 60)], most=10, now=0.0)

    assert [0.0, 0.0] == [table.take("a", 1, 0.0) for _ in range(2)]
    assert 0.5 == pytest.approx(table.take("a", 1, 0.0))
    assert 0.0 == table.take("a", 1, 1.0)
    assert 19.0 == pytest.approx(table.take("a", 1, 1.0))


def test_table_without_rates_passes_everything() -> None:
    """It limits nothing and still stays bounded."""
    table: BucketTable[int] = BucketTable([], most=10, now=0.0)

    assert [0.0] * 100 == [table.take(key, 1, 0.0) for key in range(100)]
    assert len(table) <= 10


KEYS = st.integers(0, 8)


@given(st.lists(st.tuples(KEYS, st.integers(0, 40).map(lambda pause: pause / 16), st.integers(1, 3)), max_size=80))
def test_table_is_never_kinder_than_a_bucket_each(steps: list[tuple[int, float, int]]) -> None:
    """Whatever is forgotten and shared: nobody passes who would not pass with a bucket for ever his own."""
    rate = Rate(4, 8)
    table: BucketTable[int] = BucketTable([rate], most=3, now=0.0)
    alone: dict[int, TokenBucket] = {}
    now = 0.0
    for key, pause, cost in steps:
        now += pause
        own = alone.setdefault(key, TokenBucket(rate.count / rate.seconds, rate.count, 0.0))
        expected, told = own.wait(cost, now), table.wait(key, cost, now)

        assert told >= expected
        assert told == table.take(key, cost, now)
        if told == 0.0:
            own.take(cost, now)


def test_budget_of_one_rate_and_of_several() -> None:
    """One holds as many as it says and gives them back in its time; of several every part must pass."""
    one, both = budget_of(parse_rates("2/minute"), 0.0), budget_of(parse_rates("2/second, 3/minute"), 0.0)

    assert (0.0, 0.0, 30.0) == (one.take(1.0, 0.0), one.take(1.0, 0.0), one.take(1.0, 0.0))
    assert 0.0 == one.take(1.0, 30.0)
    assert [0.0, 0.0, 0.5] == [both.take(1.0, 0.0) for _ in range(3)]
    assert [0.0, True] == [both.take(1.0, 1.0), both.take(1.0, 2.0) > 1.0]
