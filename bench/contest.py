"""Servers take turns in several rounds, so that what disturbs the machine disturbs all alike; their medians count."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from .bars import Bar
from .load.driver import Load, LoadFailed
from .process import ServerProcess
from .results import Figure

RUN_SECONDS: Final = 0.4
WARM_SECONDS: Final = 0.05
BUSY_MOST: Final = 0.9
"""Of its core; a load client that uses more is what limits the server, which then idles between its messages."""


@dataclass
class Contender:
    """One server in one discipline.

    Args:
        discipline: what is measured.
        name: whose it is.
        measure: one turn; returns seconds of the server's CPU a unit of work.
        costs: of each round.
        fault: why it is out; None: it is not.
    """

    discipline: str
    name: str
    measure: Callable[[], float]
    costs: list[float] = field(default_factory=list)
    fault: str | None = None

    def take_turn(self) -> None:
        """Measure once; one that fails is out."""
        if self.fault is not None:
            return
        try:
            self.costs.append(self.measure())
        except LoadFailed as error:
            self.fault = str(error)
            self.costs.clear()
            print(f"{self.name} is out of {self.discipline}: {error}", flush=True)


def take_turns(contenders: Sequence[Contender], rounds: int) -> None:
    """Let each measure once a round, after one round that does not count."""
    for number in range(rounds + 1):
        for contender in contenders:
            contender.take_turn()
            if number == 0:
                contender.costs.clear()
        print(f"  round {number} of {rounds}" if number else "  warm", flush=True)


def cost_per_message(server: ServerProcess, load: Load, seconds: float = RUN_SECONDS) -> float:
    """Seconds of the server's CPU for each message of one run."""
    before = server.cpu_seconds()
    run = load.run(seconds)
    if run.busy > BUSY_MOST:
        print(f"  the load client used {run.busy:.0%} of its core: this figure may be its own", flush=True)
    return (server.cpu_seconds() - before) / run.messages


def table(contenders: Iterable[Contender]) -> dict[str, dict[str, list[float]]]:
    """Discipline → name → [median, least, most] microseconds of those that were not out."""
    found: dict[str, dict[str, list[float]]] = {}
    for each in contenders:
        if each.costs:
            row = [statistics.median(each.costs), min(each.costs), max(each.costs)]
            found.setdefault(each.discipline, {})[each.name] = [round(cost * 1e6, 2) for cost in row]
    return found


def faults(contenders: Iterable[Contender]) -> dict[tuple[str, str], str]:
    """(discipline, name) → why it is out."""
    return {(each.discipline, each.name): each.fault for each in contenders if each.fault is not None}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a contest came to.

    Args:
        costs: discipline → name → [median, least, most] microseconds.
        faults: (discipline, name) → why it is out.
        missing: name → why it took no part.
    """

    costs: Mapping[str, Mapping[str, Sequence[float]]]
    faults: Mapping[tuple[str, str], str]
    missing: Mapping[str, str]

    @classmethod
    def of(cls, contenders: Sequence[Contender], missing: Mapping[str, str]) -> Self:
        """Where these stand."""
        return cls(table(contenders), faults(contenders), missing)

    def figure(self, bar: Bar, discipline: str, ours: str, other: str, note: str = "") -> Figure:
        """How many times our cost goes into the other's.

        Args:
            note: what else is to be said.
        """
        costs = self.costs.get(discipline, {})
        for name in (ours, other):
            if name not in costs:
                why = self.missing.get(name) or self.faults.get((discipline, name), "not measured")
                return Figure(bar, None, f"{name}: {why}")
        mine, theirs = costs[ours][0], costs[other][0]
        words = f"server CPU: {mine:.1f} µs, {other} {theirs:.1f} µs"
        return Figure(bar, theirs / mine, f"{words}; {note}" if note else words)
