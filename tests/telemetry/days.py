"""Simulated days of a server: who comes, what they are sent, what breaks, and who means harm.

Everything is drawn from a seeded generator, and time is turned by hand, so that a day is the same each time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import pi, sin
from random import Random
from typing import Final

from tornado_wssec.settings import KiB, Limits, MiB, Timeouts
from tornado_wssec.telemetry.anomaly import Detector
from tornado_wssec.telemetry.anomaly_alerts import Alert, AlertKind, Whom
from tornado_wssec.telemetry.anomaly_egress import Sample

LOOK: Final = Timeouts().alert_look
HOUR: Final = 3_600.0
OFFICE: Final = "192.0.2.1"
ISSUER: Final = "https://issuer.example.com"


@dataclass
class Person:
    """One who uses the application.

    Args:
        talk: how much of what there is to talk about is theirs; most little, some much.
        is_mobile: whether the network comes and goes.
    """

    whom: Whom
    address: str
    talk: float
    is_mobile: bool
    is_there: bool = False
    back_at: float = 0.0
    sent: float = 0.0
    heard: float = 0.0


@dataclass
class Day:
    """A day that is being lived.

    Args:
        hours: of it.
        people: who use the application.
    """

    seed: int
    hours: float = 24.0
    people: int = 60
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.now = 0.0
        self.detector = Detector(self.limits, self.now)
        self.flakiness = 1.0
        self.is_ready = self.is_trusted = True
        self.alerts: list[Alert] = []
        self.crowd = [self._person(number) for number in range(self.people)]

    def _person(self, number: int) -> Person:
        address = OFFICE if number % 3 == 0 else f"198.51.{100 + number // 200}.{number % 200}"
        # The first is a screen on a wall: it is on all day, and gets far more than anybody.
        talk = 20.0 if number == 0 else self.random.lognormvariate(0.0, 0.7)
        return Person(Whom(f"u{number}", ISSUER), address, talk, is_mobile=number % 4 == 1)

    # --- what happens ---

    def come(self, person: Person) -> None:
        """Connect, and load a page with its history; or be turned away."""
        if not self.is_ready:
            self.detector.saw_refusal(person.address, "ready", 503, self.now)
        elif not self.is_trusted:
            self.detector.saw_refusal(person.address, "credential", 401, self.now)
        else:
            self.detector.saw_open(person.whom, person.address, self.now)
            person.is_there = True
            person.sent += self.random.uniform(20, 300) * KiB
            return
        person.back_at = self.now + self.random.uniform(5, 30)

    def leave(self, person: Person, code: int | None, back: tuple[float, float] | None = None) -> None:
        """Go with a close code, or without one; come back after so many seconds, or when there is something to do."""
        self.detector.saw_close(person.whom, code, self.now)
        person.is_there = False
        person.back_at = self.now + (self.random.uniform(*back) if back else self.random.uniform(60, 3_600))

    def step(self) -> None:
        """Live until the next look."""
        self.now += LOOK
        busy = busyness(self.now / (self.hours * HOUR))
        for person in self.crowd:
            self._live(person, busy)
        if self.random.random() < LOOK / 600:
            stray = self.random.choice(self.crowd)
            self.detector.saw_refusal(stray.address, "credential", 401, self.now)  # a token that was old
        if self.random.random() < LOOK / 1_800:
            for person in self.crowd:
                person.sent += 20 * KiB * person.is_there  # news for everybody
        self.look()

    def look(self) -> None:
        """Let the detector see what was said, and judge."""
        spoke = [person for person in self.crowd if person.sent or person.heard]
        self.detector.saw_egress([Sample(one.whom, one.sent, one.heard) for one in spoke], self.now)
        for person in spoke:
            person.sent = person.heard = 0.0
        self.alerts += self.detector.judge(self.now)

    def _live(self, person: Person, busy: float) -> None:
        draw = self.random.random()
        if not person.is_there:
            if self.now >= person.back_at and draw < busy * 0.05:
                self.come(person)
            return
        if draw < 0.25 * busy:
            person.sent += 600.0 * person.talk * self.random.expovariate(0.2)
            person.heard += 1.0 + int(self.random.expovariate(1.0))
        lost = 0.02 if person.is_mobile else 0.0002
        if draw > 1.0 - lost * self.flakiness * LOOK / 60:
            self.leave(person, None, (1, 20))
        elif draw > 1.0 - 0.002 - 0.01 * (1 - busy):
            self.leave(person, 1001)


def busyness(share: float) -> float:
    """How much goes on at this share of the day: little at night, most in the afternoon."""
    return 0.08 + 0.92 * max(sin((share - 0.25) * 2 * pi), 0.0) ** 0.5 if 0.25 < share < 0.75 else 0.08


Event = Callable[[Day, float], None]
"""What is special about a day, at each step; the seconds since it began."""


@dataclass(frozen=True)
class Scenario:
    """A day on which something happens.

    Args:
        name: for the table.
        event: called at each step from when it begins until it ends.
        begins, lasts: as shares of the day, and in seconds.
        expected: the kinds of alert that it should raise; empty: none at all.
        within: seconds after which the first has to be there.
    """

    name: str
    event: Event
    lasts: float
    expected: frozenset[AlertKind] = frozenset()
    within: float = 30.0
    begins: float = 0.5


@dataclass(frozen=True)
class Outcome:
    """How a day was judged.

    Args:
        delay: seconds from when it began to the first alert of an expected kind; None: there was none.
        taken: bytes that had gone by then, where somebody takes them.
        raised: every alert that began.
    """

    scenario: Scenario
    hours: float
    delay: float | None
    raised: tuple[Alert, ...]

    @property
    def false_alarms(self) -> list[Alert]:
        """Those that were not expected."""
        return [alert for alert in self.raised if alert.kind not in self.scenario.expected]

    @property
    def is_missed(self) -> bool:
        """Whether something happened and nobody was told."""
        return bool(self.scenario.expected) and self.delay is None


def play(scenario: Scenario, seed: int, *, hours: float = 24.0, people: int = 60) -> Outcome:
    """Live through a day."""
    day = Day(seed, hours, people)
    begins = scenario.begins * hours * HOUR
    while day.now < hours * HOUR:
        if begins <= day.now < begins + scenario.lasts:
            scenario.event(day, day.now - begins)
        day.step()
    raised = tuple(alert for alert in day.alerts if alert.ended_at is None)
    told = [alert.since for alert in raised if alert.kind in scenario.expected and alert.since >= begins]
    return Outcome(scenario, hours, min(told) - begins if told else None, raised)


# --- what happens on them ---


def nothing(day: Day, since: float) -> None:
    """A day like any other."""


def flaky(day: Day, since: float) -> None:
    """A mobile network drops everybody on it twice as often, all day."""
    day.flakiness = 2.0


def deploy(day: Day, since: float) -> None:
    """Each of three nodes is drained in turn; everybody comes back within half a minute."""
    if since % 120.0 == 0.0 and since < 360.0:
        for person in day.crowd[int(since // 120) :: 3]:
            if person.is_there:
                day.leave(person, 1001, (0, 30))
    _hurry(day)


def broker_outage(day: Day, since: float) -> None:
    """The store is out of reach for five minutes: everybody is closed with 1013, and turned away with 503."""
    if since == 0.0:
        day.is_ready = False
        for person in day.crowd:
            if person.is_there:
                day.leave(person, 1013, (1, 30))
    if since >= 300.0:
        day.is_ready = True
    _hurry(day)


def issuer_outage(day: Day, since: float) -> None:
    """The identity provider signs with a key that nobody knows: everybody who comes is refused."""
    if since == 0.0:
        day.is_trusted = False
        for person in day.crowd:
            if person.is_there:
                day.leave(person, 4001, (1, 10))
    if since >= 300.0:
        day.is_trusted = True
    _hurry(day)


def broken_client(day: Day, since: float) -> None:
    """One client tries an old token three times a second, for ever."""
    for _ in range(int(3 * LOOK)):
        day.detector.saw_refusal("203.0.113.9", "credential", 401, day.now)


def restless_client(day: Day, since: float) -> None:
    """One client connects and drops every two seconds."""
    whom = Whom("u7", ISSUER)
    for _ in range(int(LOOK / 2)):
        day.detector.saw_open(whom, "203.0.113.9", day.now)
        day.detector.saw_close(whom, None, day.now)


def stuffing(day: Day, since: float) -> None:
    """Five hundred addresses try stolen passwords, five a second in all."""
    for _ in range(int(5 * LOOK)):
        day.detector.saw_refusal(_bot(day), "credential", 401, day.now)


def slow_stuffing(day: Day, since: float) -> None:
    """The same, at one in six seconds: below every limit of a minute."""
    if day.random.random() < LOOK / 6:
        day.detector.saw_refusal(_bot(day), "credential", 401, day.now)


def _bot(day: Day) -> str:
    number = day.random.randrange(500)
    return f"203.0.{number // 250}.{number % 250}"


def scraping(day: Day, since: float) -> None:
    """An account that is good fetches half a megabyte a second, forty messages a second."""
    thief = _thief(day)
    thief.sent += 512 * KiB * LOOK
    thief.heard += 40 * LOOK


def lean_scraping(day: Day, since: float) -> None:
    """An account that is good asks forty times a second, for little each time."""
    thief = _thief(day)
    thief.sent += 8 * KiB * LOOK
    thief.heard += 40 * LOOK


def slow_exfiltration(day: Day, since: float) -> None:
    """An account that is good takes 100 MiB in two hours, evenly."""
    _thief(day).sent += 100 * MiB / (2 * HOUR) * LOOK


def _thief(day: Day) -> Person:
    thief = day.crowd[5]
    if not thief.is_there:
        day.come(thief)
    return thief


def _hurry(day: Day) -> None:
    """Whoever was disconnected comes back as soon as they may."""
    for person in day.crowd:
        if not person.is_there and 0.0 < person.back_at <= day.now:
            day.come(person)


SCENARIOS: Final = (
    Scenario("nothing special", nothing, 0.0),
    Scenario("a flaky mobile network", flaky, 24 * HOUR, begins=0.0),
    Scenario("a deploy", deploy, 600.0),
    Scenario("an outage of the broker", broker_outage, 600.0, frozenset({AlertKind.SERVICE_OUTAGE})),
    Scenario("an outage of the issuer", issuer_outage, 600.0, frozenset({AlertKind.CREDENTIALS_OUTAGE})),
    Scenario("one client with an old token", broken_client, 600.0, frozenset({AlertKind.REFUSALS_ADDRESS})),
    Scenario("one client that reconnects", restless_client, 600.0, frozenset({AlertKind.CLIENT_FLAKY}), 90.0),
    Scenario("credential stuffing", stuffing, 600.0, frozenset({AlertKind.CREDENTIALS_ATTACK})),
    Scenario("slow credential stuffing", slow_stuffing, 2 * HOUR, frozenset({AlertKind.CREDENTIALS_ATTACK}), 2 * HOUR),
    Scenario(
        "scraping by a valid account",
        scraping,
        600.0,
        frozenset({AlertKind.EGRESS_BURST, AlertKind.EGRESS_HOUR, AlertKind.MESSAGES_BURST}),
    ),
    Scenario("scraping, little each time", lean_scraping, 600.0, frozenset({AlertKind.MESSAGES_BURST})),
    Scenario("slow exfiltration", slow_exfiltration, 2 * HOUR, frozenset({AlertKind.EGRESS_HOUR}), 2 * HOUR),
)


def table(outcomes: list[Outcome]) -> list[str]:
    """How days were judged, as a table of the page."""
    lines = ["| A day with | told | after | false alarms | missed |", "|---|---|---|---|---|"]
    for found in outcomes:
        kinds = dict.fromkeys(f"`{alert.kind}`" for alert in found.raised if alert.kind in found.scenario.expected)
        after = "–" if found.delay is None else _shown(found.delay)
        told = ", ".join(kinds) or "nothing, as it should be"
        missed = "no" if not found.is_missed else "**yes**"
        lines.append(f"| {found.scenario.name} | {told} | {after} | {len(found.false_alarms)} | {missed} |")
    return lines


def _shown(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds <= 120 else f"{seconds / 60:.0f} min"
