"""What was recorded of a day is judged as the day was."""

import heapq
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from tests.telemetry.days import LOOK, SCENARIOS, Day
from tornado_wssec.settings import Limits, Timeouts
from tornado_wssec.telemetry.anomaly import Detector
from tornado_wssec.telemetry.anomaly_alerts import Alert, AlertKind, Whom
from tornado_wssec.telemetry.anomaly_egress import Sample
from tornado_wssec.telemetry.anomaly_replay import alerts_of

AT = 1_767_225_600.0
TOLD_MOST = 20


class Recorder(Detector):
    """Keeps the lines of an audit: the first refusals of ten seconds, and who was sent most in a minute."""

    def __init__(self) -> None:
        super().__init__(Limits(), 0.0)
        self.lines: list[dict[str, Any]] = []
        self._minute: Counter[Whom] = Counter()
        self._heard: Counter[Whom] = Counter()
        self._refusals: Counter[int] = Counter()
        self._untold: Counter[tuple[str, int]] = Counter()

    def line(self, event: str, now: float, **facts: Any) -> None:
        """One of them."""
        self.lines.append({"v": 1, "at": AT + now, "event": event, **facts})

    def saw_open(self, whom: Whom, address: str, now: float) -> None:
        self.line("session.opened", now, session="s", subject=whom.subject, issuer=whom.issuer, address=address)

    def saw_close(self, whom: Whom, code: int | None, now: float) -> None:
        self.line("session.closed", now, session="s", subject=whom.subject, issuer=whom.issuer, code=code)

    def saw_refusal(self, address: str | None, stage: str, status: int, now: float, count: float = 1.0) -> None:
        self._refusals[int(now // 10)] += 1
        if self._refusals[int(now // 10)] <= TOLD_MOST:
            self.line("handshake.refused", now, address=address, stage=stage, status=status)
        else:
            self._untold[stage, status] += 1

    def saw_egress(self, samples: Iterable[Sample], now: float) -> None:
        for whom, sent, heard in samples:
            self._minute[whom] += int(sent)
            self._heard[whom] += int(heard)
        for (stage, status), count in self._untold.items():
            self.line("log.sampled", now, what=f"refusals with {status} at {stage}", count=count)
        self._untold.clear()
        if now % 60 < LOOK:
            most = heapq.nlargest(TOLD_MOST, self._minute, key=lambda whom: self._minute[whom])
            for whom in most:
                facts = {"bytes": self._minute.pop(whom), "messages": self._heard.pop(whom)}
                self.line("egress.measured", now, subject=whom.subject, issuer=whom.issuer, **facts)
            if self._minute:
                sums = {"bytes": sum(self._minute.values()), "messages": sum(self._heard.values())}
                self.line("egress.measured", now, others=len(self._minute), **sums)
            self._minute.clear()
            self._heard.clear()

    def judge(self, now: float) -> list[Alert]:
        return []


@cache
def recorded(name: str) -> list[dict[str, Any]]:
    """The audit of a day on which something happens."""
    (scenario,) = (one for one in SCENARIOS if one.name == name)
    day = Day(1)
    day.detector = recorder = Recorder()
    begins = scenario.begins * day.hours * 3_600
    while day.now < begins + 3 * 3_600:
        if begins <= day.now < begins + scenario.lasts:
            scenario.event(day, day.now - begins)
        day.step()
    return recorder.lines


def replayed(lines: Iterable[dict[str, Any]]) -> list[Alert]:
    """The alerts that begin."""
    return [alert for alert in alerts_of(lines, Limits(), Timeouts()) if alert.ended_at is None]


@pytest.mark.parametrize(
    "name",
    [
        "nothing special",
        "an outage of the broker",
        "one client with an old token",
        "credential stuffing",
        "scraping by a valid account",
        "slow exfiltration",
    ],
)
def test_replay_tells_what_the_day_told(name: str) -> None:
    """The same kinds, though the lines hold less than a server sees."""
    (scenario,) = (one for one in SCENARIOS if one.name == name)
    kinds = {alert.kind for alert in replayed(recorded(name))}

    assert bool(scenario.expected) == bool(kinds)
    assert kinds <= scenario.expected


def test_replay_says_when_it_was() -> None:
    """In wall seconds, from when it began; the end follows."""
    (begun, over) = alerts_of(recorded("credential stuffing"), Limits(), Timeouts())

    assert (AlertKind.CREDENTIALS_ATTACK, begun.id) == (begun.kind, over.id)
    assert 0 < begun.since - (AT + 12 * 3_600) <= 30
    assert over.ended_at is not None
    assert 600 < over.ended_at - begun.since < 1_200


def test_replay_of_nothing() -> None:
    """Is nothing."""
    assert [] == replayed([])


@pytest.mark.parametrize(
    "line",
    [
        {"event": "session.opened"},
        {"event": "session.closed", "subject": "ann", "issuer": "i", "code": "x"},
        {"event": "handshake.refused", "address": "192.0.2.1", "stage": "origin", "status": "x"},
        {"event": "log.sampled", "what": "refusals with 401 at credential", "count": "x"},
        {"event": "log.sampled", "what": "lines of other kinds", "count": 3},
        {"event": "egress.measured", "bytes": 1e400, "messages": 1, "others": 3},
        {"event": "egress.measured", "subject": "ann"},
        {"event": "egress.measured", "subject": "ann", "bytes": 1e400, "messages": 1},
        {"event": "egress.measured", "subject": "ann", "bytes": float("nan"), "messages": 1},
        {"event": "egress.measured", "subject": "ann", "bytes": -1, "messages": 1},
        {"event": "session.opened", "subject": "ann", "issuer": "i", "address": "\x1b[2J"},
        {"event": "log.sampled", "what": "refusals with 401 at credential", "count": float("nan")},
        {"at": 1e300, "event": "audit.began"},
        {"at": float("inf"), "event": "audit.began"},
        {"at": float("nan"), "event": "audit.began"},
        {"event": ["session.opened"]},
        {},
    ],
    ids=str,
)
def test_replay_survives_what_is_no_line_of_ours(line: dict[str, Any]) -> None:
    """It is left out, and the rest is judged."""
    attack = [
        {"at": AT, "event": "handshake.refused", "address": f"203.0.113.{number % 9}", "stage": "credential"}
        for number in range(90)
    ]

    assert [AlertKind.CREDENTIALS_ATTACK] == [alert.kind for alert in replayed([{"at": AT, **line}, *attack])]


def test_replay_follows_sessions_of_nobody_by_their_address() -> None:
    """A hundred strangers who come and go are not one client that reconnects."""
    who = {"subject": "anonymous"}
    lines = []
    for number in range(100):
        facts = {**who, "session": f"s{number}"}
        lines += [
            {"at": AT + number, "event": "session.opened", "address": f"198.51.100.{number}", **facts},
            {"at": AT + number, "event": "session.closed", "code": 1001, **facts},
        ]

    assert [] == replayed(lines)
    assert [AlertKind.CLIENT_FLAKY] == [
        alert.kind for alert in replayed([{**line, "subject": "ann"} for line in lines])
    ]


def test_replay_counts_what_was_only_counted_once() -> None:
    """A hundred that were not told are a hundred, of those addresses that were told."""
    facts = {"at": AT, "event": "handshake.refused", "stage": "origin", "status": 403}
    lines = [{**facts, "address": f"203.0.113.{number}"} for number in range(2)]
    sampled = {"at": AT, "event": "log.sampled", "what": "refusals with 403 at origin"}

    assert [] == replayed([*lines, {**sampled, "count": 100}])
    assert ["203.0.113.0", "203.0.113.1"] == [one.whom.address for one in replayed([*lines, {**sampled, "count": 150}])]


def test_replay_counts_networks_as_quotas_do() -> None:
    """Of IPv6 the /64: whoever has one has all its addresses."""
    lines = [
        {"at": AT, "event": "handshake.refused", "address": f"2001:db8::{number:x}", "stage": "origin", "status": 403}
        for number in range(90)
    ]

    assert ["2001:db8::/64"] == [alert.whom.address for alert in replayed(lines)]


def test_replay_skips_the_time_in_which_nobody_was_there() -> None:
    """A year between two lines is no year of looking."""
    lines = [{"at": AT, "event": "audit.began"}, {"at": AT + 3e7, "event": "audit.began"}, {"at": AT, "event": "x"}]

    assert [] == replayed(lines)
