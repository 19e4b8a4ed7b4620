"""`wssec check --report`: the audit as a reviewer wants it, with the deployment and the standards."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from types import MappingProxyType
from typing import Any, Final

from ..guard import Guard
from ..policy.keys import KeyState
from .audit_lines import Line
from .commands import Refused
from .context import key_file, now
from .doctor import Finding, examine
from .output import printable
from .standards import Answer, State

LIBRARIES: Final = ("tornado", "PyJWT", "cryptography", "marshmallow", "redis", "click")
WITHOUT_HOLES: Final[Mapping[str, str]] = MappingProxyType({"cryptography": "50.0.2"})
"""What comes with others and has no floor of ours: its first version of which no hole is known.

The tests hold it against the list of advisories that this package is kept with.
"""
OLD_KEY_DAYS: Final = 180
"""An older key is asked about: docs/keys.md advises three months, this leaves as long again."""
DAY: Final = 86_400.0
_FLOOR: Final = re.compile(r"([A-Za-z0-9_-]+)[^;>]*>=([0-9.]+)").match


def deployment(guard: Guard | None) -> list[Finding]:
    """The store, the keys and the libraries of a guard, looked at now."""
    findings = [*_libraries()]
    if guard is None or guard.settings.store is None:
        return [Finding("store", True, "not looked at", "set WSSEC_STORE to what the servers use"), *findings]
    try:
        return [*examine(guard.settings, now()), *_age(guard), *findings]
    except Refused as refused:
        return [Finding("store", False, *_parted(str(refused.message))), *findings]


def _libraries() -> Iterator[Finding]:
    """The installed libraries, against the floors that the package declares.

    What it declares no floor of is advised: whoever packages it may have mended an older one.
    """
    floors = dict(_floors())
    for name in LIBRARIES:
        version = metadata.version(name)
        floor = floors.get(name.lower())
        wanted = floor or WITHOUT_HOLES.get(name)
        is_old = wanted is not None and _numbers(version) < _numbers(wanted)
        remedy = f"pip install '{name}>={wanted}'; older ones have known faults" if is_old else None
        yield Finding(f"library {name}", floor is None or not is_old, version, remedy)


def _floors() -> Iterator[tuple[str, str]]:
    try:
        declared = metadata.requires("tornado-wssec") or []
    except metadata.PackageNotFoundError:
        return
    for line in declared:
        if match := _FLOOR(line):
            yield match[1].lower(), match[2]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _age(guard: Guard) -> Iterator[Finding]:
    if guard.settings.keys is None:
        return
    for key in key_file(guard.settings).load().keys:
        if key.state is KeyState.CURRENT:
            days = (now() - key.created_at) / DAY
            remedy = "run `wssec keys rotate`; nobody is disconnected" if days > OLD_KEY_DAYS else None
            yield Finding("key age", remedy is None, f"{key.alg}, {days:.0f} days old", remedy)


def _parted(text: str) -> tuple[str, str | None]:
    found, _, remedy = text.partition("; ")
    return found, remedy or None


def markdown(name: str, lines: Sequence[Line], findings: Sequence[Finding], answered: Sequence[Answer]) -> str:
    """The whole report."""
    fails = any(line.fails for line in lines) or not all(finding.ok for finding in findings)
    counts = Counter(answer.state for answer in answered)
    told = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    return "\n".join(
        [
            f"# Security report of {_cell(name)}",
            "",
            f"Verdict: **{'something is open' if fails else 'nothing is open'}**. Standards: {told}.",
            "",
            *_section("Standards", ("Standard", "Item", "Asks for", "State", "Because"), map(_answer_row, answered)),
            *_section("Deployment", ("Check", "Well", "Found", "Remedy"), map(_finding_row, findings)),
            *_section("Application", ("Level", "Where", "What", "Remedy"), map(_line_row, lines)),
        ]
    )


def described(answered: Iterable[Answer], findings: Iterable[Finding]) -> dict[str, Any]:
    """What `--json` shows of them."""
    return {
        "standards": [
            {
                "standard": answer.item.standard,
                "item": answer.item.number,
                "asks": answer.item.asks,
                "state": str(answer.state),
                "because": answer.because,
            }
            for answer in answered
        ],
        "deployment": [
            {"check": one.check, "ok": one.ok, "found": one.found, "remedy": one.remedy} for one in findings
        ],
    }


def _section(title: str, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield from (f"## {title}", "", _row(titles), _row(["---"] * len(titles)))
    yield from (_row([_cell(cell) for cell in row]) for row in rows)
    yield ""


def _answer_row(answer: Answer) -> tuple[object, ...]:
    return answer.item.standard, answer.item.number, answer.item.asks, answer.state, answer.because


def _finding_row(finding: Finding) -> tuple[object, ...]:
    return finding.check, "yes" if finding.ok else "**no**", finding.found, finding.remedy


def _line_row(line: Line) -> tuple[object, ...]:
    return line.level, line.where, line.what, line.remedy


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    """Text that stays in its cell, and is no markup."""
    text = "–" if value is None else printable(str(value))
    return "".join(f"\\{char}" if char in "|\\`*_<>[]#" else char for char in text)
