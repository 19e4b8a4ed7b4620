"""What is told apart, and that strangers cannot make the detector grow, tire or lie."""

import sys
import tracemalloc

import pytest

from tests.telemetry.days import HOUR, LOOK, Day
from tornado_wssec.settings import KiB, Limits, MiB
from tornado_wssec.telemetry.anomaly import ACTIVE_MOST, Detector
from tornado_wssec.telemetry.anomaly_alerts import EVERYBODY, KINDS, Alert, AlertKind, Whom
from tornado_wssec.telemetry.anomaly_egress import Sample

ANN = Whom("ann", "https://issuer.example.com")


def person(number: int) -> Whom:
    """One of many."""
    return Whom(f"p{number}", ANN.issuer)


def judged(detector: Detector, samples: list[Sample], now: float) -> list[tuple[AlertKind, Whom]]:
    """What begins when these were sent and have said so much."""
    detector.saw_egress(samples, now)
    return [(alert.kind, alert.whom) for alert in detector.judge(now) if alert.ended_at is None]


def crowded(limits: Limits, *, batches: int, each: int) -> list[int]:
    """Blocks of memory that are in use after each batch of strangers, none of whom comes twice."""
    detector, sizes = Detector(limits, 0.0), []
    for batch in range(batches):
        now = batch * LOOK
        for number in range(each):
            whom, address = Whom(f"{batch}-{number}", "i"), f"10.{batch}.{number // 250}.{number % 250}"
            detector.saw_open(whom, address, now)
            detector.saw_close(whom, None, now)
            detector.saw_refusal(address, "credential", 401, now)
        detector.saw_egress((Sample(Whom(f"{batch}-{number}", "i"), 2e9, 1e6) for number in range(each)), now)
        detector.judge(now)
        assert 3 * limits.alert_tracked == detector.tracked()
        assert len(detector.active()) <= ACTIVE_MOST
        sizes.append(sys.getallocatedblocks())
    return sizes


def learned(people: int = 50, each: float = 10 * KiB, limits: Limits | None = None) -> tuple[Detector, float]:
    """A detector that has seen so many be sent so much every five seconds, for half an hour; and when."""
    detector, now = Detector(limits or Limits(), 0.0), 0.0
    while now < HOUR / 2:
        now += LOOK
        detector.saw_egress([Sample(person(number), each, 1.0) for number in range(people)], now)
        assert [] == detector.judge(now)
    return detector, now


def test_burst_of_one_is_told() -> None:
    """Who, how much against what, and since when; not again while it lasts, and once when it is over."""
    detector, now = learned()
    since = now + LOOK
    told: list[Alert] = []
    for _ in range(12):
        now += LOOK
        detector.saw_egress([Sample(person(0), 4 * MiB, 1.0)], now)
        told += [alert for alert in detector.judge(now) if alert.kind is AlertKind.EGRESS_BURST]

    (alert,) = told
    assert (person(0), since, None) == (alert.whom, alert.since, alert.ended_at)
    assert 4 * MiB == pytest.approx(alert.value, rel=0.01)
    assert alert.value > alert.band >= MiB
    assert 20 * KiB == pytest.approx(alert.usual, rel=0.5)

    ended: list[Alert] = []
    for _ in range(60):
        now += LOOK
        ended += [alert for alert in detector.judge(now) if alert.kind is AlertKind.EGRESS_BURST]
    (over,) = ended
    assert alert.id == over.id
    assert over.ended_at is not None
    assert over.value > alert.value


def test_burst_of_many_is_one_alert_about_all() -> None:
    """A broadcast to everybody, or as many accounts that scrape: not one alert for each."""
    detector, now = learned()

    assert [(AlertKind.EGRESS_CROWD, EVERYBODY)] == judged(
        detector, [Sample(person(number), 4 * MiB, 1.0) for number in range(50)], now + LOOK
    )


def test_burst_of_who_always_has_one_is_usual() -> None:
    """A consumer that is sent a hundred times what others are, and always was, is not told of again."""
    detector, now, found = Detector(Limits(), 0.0), 0.0, list[tuple[AlertKind, Whom]]()
    while now < HOUR:
        now += LOOK
        samples = [Sample(person(number), 10 * KiB, 1.0) for number in range(50)]
        found += judged(detector, [*samples, Sample(ANN, MiB, 1.0)], now)

    assert [] == found


def test_burst_before_anything_is_known_has_to_be_large() -> None:
    """In its first minutes a detector tells sixteen times the floor."""
    assert [] == judged(Detector(Limits(), 0.0), [Sample(ANN, 15 * MiB, 1.0)], LOOK)
    assert [(AlertKind.EGRESS_BURST, ANN)] == judged(Detector(Limits(), 0.0), [Sample(ANN, 17 * MiB, 1.0)], LOOK)


def test_burst_that_wavers_at_its_edge_is_one() -> None:
    """Whoever stays in the upper half of the band for minutes after has not come back."""
    detector, now = learned()
    told = judged(detector, [Sample(person(0), 2 * MiB, 1.0)], now + LOOK)
    for look in range(2, 60):
        told += judged(detector, [Sample(person(0), 0.3 * MiB, 1.0)], now + look * LOOK)

    assert [(AlertKind.EGRESS_BURST, person(0))] == told
    assert [person(0)] == [alert.whom for alert in detector.active()]


def test_hour_that_is_taught_slowly_is_told_all_the_same() -> None:
    """Whoever takes a tenth more every minute, so that no burst is one, is told of by the hour."""
    detector, now = learned()
    each, found = 10.0 * KiB, list[tuple[AlertKind, Whom]]()
    while not found and now < 4 * HOUR:
        now += LOOK
        each *= 1.1 ** (LOOK / 60)
        samples = [Sample(person(number), 10 * KiB, 1.0) for number in range(1, 50)]
        found = judged(detector, [*samples, Sample(person(0), each, 1.0)], now)

    assert [(AlertKind.EGRESS_HOUR, person(0))] == found


def test_attack_explains_the_addresses_that_make_it() -> None:
    """Ten addresses that each are refused three times a second are one alert, not ten."""
    detector, told = Detector(Limits(), 0.0), list[AlertKind]()
    for number in range(1, 25):
        for address in range(10):
            detector.saw_refusal(f"203.0.113.{address}", "credential", 401, number * LOOK, 15)
        told += [alert.kind for alert in detector.judge(number * LOOK)]

    assert [AlertKind.CREDENTIALS_ATTACK] == told


def test_refusals_of_one_address_are_that_address() -> None:
    """However many they are: it takes several to be an attack of many."""
    detector = Detector(Limits(), 0.0)
    for number in range(4):
        detector.saw_refusal(f"198.51.100.{number}", "credential", 401, 1.0)
    detector.saw_refusal("203.0.113.9", "credential", 401, 1.0, 1_000)

    assert [(AlertKind.REFUSALS_ADDRESS, Whom(address="203.0.113.9"))] == [
        (alert.kind, alert.whom) for alert in detector.judge(LOOK)
    ]


@pytest.mark.parametrize("loud", [1, 4])
def test_attack_cannot_hide_behind_broken_clients(loud: int) -> None:
    """A few that are refused all the time are no attack, and an attack in their shadow is one."""
    detector, told = Detector(Limits(), 0.0), list[tuple[AlertKind, int]]()
    for look in range(1, 2_000):
        for number in range(loud):
            detector.saw_refusal(f"192.0.2.{number}", "credential", 401, look * LOOK, 15)
        if look > 1_000:
            detector.saw_refusal(f"10.0.{look // 250}.{look % 250}", "credential", 401, look * LOOK)
        told += [(one.kind, look) for one in detector.judge(look * LOOK) if one.kind is not AlertKind.REFUSALS_ADDRESS]

    ((kind, at),) = told
    assert AlertKind.CREDENTIALS_ATTACK == kind
    assert 1_000 < at < 1_600


def test_refusals_at_another_stage_are_no_credentials() -> None:
    """A page of a foreign origin that is open in many browsers stuffs nothing."""
    detector = Detector(Limits(), 0.0)
    for number in range(100):
        detector.saw_refusal(f"198.51.100.{number}", "origin", 403, 1.0, 5)

    assert [] == detector.judge(LOOK)


def test_refusals_whose_addresses_are_not_known_count() -> None:
    """What was counted and not told one by one, in a replay."""
    detector = Detector(Limits(), 0.0)
    for number in range(6):
        detector.saw_refusal(f"198.51.100.{number}", "credential", 401, 1.0)
    detector.saw_refusal(None, "credential", 401, 1.0, 500)

    assert [AlertKind.CREDENTIALS_ATTACK] == [alert.kind for alert in detector.judge(LOOK)]


def test_connections_of_one_address() -> None:
    """Two hundred good log-ins from one address in a minute, where nobody has left: stolen accounts, or a proxy."""
    detector = Detector(Limits(), 0.0)
    for number in range(200):
        detector.saw_open(person(number), "203.0.113.9", number * 0.3)

    assert [(AlertKind.CONNECTS_ADDRESS, Whom(address="203.0.113.9"))] == [
        (alert.kind, alert.whom) for alert in detector.judge(60.0)
    ]


def test_connections_after_a_deploy_are_no_news() -> None:
    """An office of two hundred comes back at once, since all were told to."""
    detector = Detector(Limits(), 0.0)
    for number in range(200):
        detector.saw_open(person(number), "192.0.2.1", 0.0)
    for look in range(100):
        detector.judge(look * LOOK)
    for number in range(200):
        detector.saw_close(person(number), 1001, 500.0)
    detector.judge(500.0)
    for number in range(200):
        detector.saw_open(person(number), "192.0.2.1", 502.0)

    assert [] == detector.judge(505.0)


@pytest.mark.parametrize("code", [1000, 1001, 4001, 4403, 4409, 4429])
def test_closes_that_were_meant_are_no_outage(code: int) -> None:
    """A drain, an expiry, a revocation: nothing is broken."""
    detector = Detector(Limits(), 0.0)
    for number in range(500):
        detector.saw_open(person(number), f"198.51.100.{number % 250}", 0.0)
        detector.saw_close(person(number), code, 1.0)

    assert [] == detector.judge(LOOK)


def test_closes_of_a_few_among_many_are_no_outage() -> None:
    """A train goes into a tunnel: thirty of a thousand are gone."""
    detector = Detector(Limits(), 0.0)
    for number in range(1_000):
        detector.saw_open(person(number), f"10.0.{number // 250}.{number % 250}", 0.0)
    for number in range(30):
        detector.saw_close(person(number), None, 1.0)

    assert [] == detector.judge(LOOK)


def test_closes_of_one_are_no_outage() -> None:
    """One client that breaks fifty times is one client."""
    detector = Detector(Limits(), 0.0)
    for _ in range(50):
        detector.saw_open(ANN, "192.0.2.1", 1.0)
        detector.saw_close(ANN, None, 1.0)

    assert [AlertKind.CLIENT_FLAKY] == [alert.kind for alert in detector.judge(LOOK)]


@pytest.mark.parametrize(
    ("known", "kind"), [(True, AlertKind.CREDENTIALS_OUTAGE), (False, AlertKind.CREDENTIALS_ATTACK)]
)
def test_refusals_where_people_came_in_before_are_an_outage(known: bool, kind: AlertKind) -> None:
    """The same failures from where nobody ever has are an attack."""
    detector = Detector(Limits(), 0.0)
    for number in range(60):
        if known:
            detector.saw_open(person(number), f"198.51.100.{number}", 0.0)
        detector.saw_refusal(f"198.51.100.{number}", "credential", 401, 1.0)

    assert [kind] == [alert.kind for alert in detector.judge(LOOK)]


@pytest.mark.requirement("R087")
def test_detector_forgets_who_it_has_no_room_for() -> None:
    """However many identities and addresses come, each as loud as can be: it grows no further."""
    sizes = crowded(Limits(alert_tracked=1_000), batches=5, each=10_000)

    assert max(sizes[1:]) < 1.02 * sizes[0]


def test_detector_bounds_the_alerts_that_last() -> None:
    """Further ones are counted."""
    detector = Detector(Limits(), 0.0)
    for number in range(1_000):
        detector.saw_refusal(f"10.0.{number // 250}.{number % 250}", "origin", 403, 1.0, 500)
    detector.judge(LOOK)

    assert ACTIVE_MOST == len(detector.active())
    assert 1_000 - ACTIVE_MOST == detector.untold


def test_detector_costs_little() -> None:
    """What it keeps of each: so that its limit says truly what it takes."""
    limits = Limits()
    detector = Detector(limits, 0.0)
    tracemalloc.start()
    for number in range(2_000):
        detector.saw_open(person(number), f"10.0.{number // 250}.{number % 250}", 0.0)
    detector.saw_egress([Sample(person(number), 1.0, 1.0) for number in range(2_000)], 1.0)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert size / 2_000 * limits.alert_tracked < 40 * MiB


def test_alerts_have_an_explanation_each() -> None:
    """Every kind says what it means, and in which unit its numbers are."""
    assert set(AlertKind) == set(KINDS)


def test_alert_says_nothing_but_numbers_and_whom() -> None:
    """All it holds is fit for JSON, and what does not apply is left out."""
    alert = Alert(id="a", kind=AlertKind.EGRESS_BURST, whom=ANN, value=1.0, usual=0.0, band=0.5, since=2.0)

    assert {"id", "kind", "is_abuse", "what", "unit", "subject", "issuer", "value", "usual", "band", "since"} == set(
        alert.facts()
    )
    assert {str, bool, float} == {type(fact) for fact in alert.facts().values()}


def test_day_is_the_same_each_time() -> None:
    """Two days of one seed are alike to the last byte."""
    days = [Day(3), Day(3)]
    for day in days:
        for _ in range(500):
            day.step()

    assert sys.getsizeof(days[0].alerts) == sys.getsizeof(days[1].alerts)
    assert days[0].random.random() == days[1].random.random()
