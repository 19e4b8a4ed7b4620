"""Which of the known advisories concern what we allow and what is installed."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.version import Version

from .known import Advisory, Known

OLD_DAYS: Final = 30
"""An older list is warned about, and fails nothing: an old tag must not turn red as the days go by."""


@dataclass(frozen=True)
class Versions:
    """What there is to judge.

    Args:
        needed: the names of everything that is installed with the package.
        floors: name → the oldest version that we allow.
        installed: name → the version that is here.
    """

    needed: Iterable[str]
    floors: Mapping[str, Version]
    installed: Mapping[str, Version]


def problems(known: Known, versions: Versions, accepted: Mapping[str, str]) -> Iterator[str]:
    """Everything that must be mended, each with its remedy."""
    used: set[str] = set()
    for name in versions.needed:
        if name in known.not_looked_up:
            continue
        if name not in known.packages:
            yield f"{name} was never looked up; run `make audit` and commit tests/advisories/known.json"
            continue
        for advisory in known.packages[name]:
            found = list(_concerned(name, advisory, versions))
            if found and (reasons := advisory.names & accepted.keys()):
                used |= reasons
            else:
                yield from found
    for reason in sorted(accepted.keys() - used):
        yield f"{reason} is accepted and concerns nothing any more; take it out of tests/advisories/accepted.json"


def _concerned(name: str, advisory: Advisory, versions: Versions) -> Iterator[str]:
    floor, here = versions.floors.get(name), versions.installed.get(name)
    if floor is not None and advisory.concerns(floor):
        remedy = _remedy(advisory, floor, f"raise its floor in pyproject.toml to {name}>={{}}")
        yield f"{name} {floor}, which pyproject.toml allows, has {_called(advisory)}; {remedy}"
    if here is not None and here != floor and advisory.concerns(here):
        remedy = _remedy(advisory, here, f"pip install '{name}>={{}}'")
        yield f"{name} {here}, which is installed, has {_called(advisory)}; {remedy}"


def _called(advisory: Advisory) -> str:
    names = ", ".join((advisory.id, *advisory.aliases))
    return f"{names} ({advisory.summary})" if advisory.summary else names


def _remedy(advisory: Advisory, version: Version, remedy: str) -> str:
    mended = advisory.mended_for(version)
    if mended is not None:
        return remedy.format(mended)
    return "no version mends it: do without, or say in tests/advisories/accepted.json why it does not concern us"


def warnings(known: Known, versions: Versions, accepted: Mapping[str, str], today: datetime.date) -> Iterator[str]:
    """What somebody should know and nothing fails for."""
    days = (today - known.looked_up).days
    if days > OLD_DAYS:
        yield f"the list is {days} days old; run `make audit` and commit tests/advisories/known.json"
    if unknown := sorted(set(known.not_looked_up) & set(versions.needed)):
        yield f"nobody has looked up {', '.join(unknown)}: of these nothing is known; `make audit` asks OSV"
    yield from _half_known(known, versions.needed, today)
    for reason in sorted(accepted):
        yield f"accepted: {reason}: {accepted[reason]}"
    for name in sorted(set(versions.needed) - versions.floors.keys()):
        if old := [one.id for one in known.packages.get(name, ())]:
            told = f"{name} comes with others and has no floor of ours; old versions of it have {', '.join(old)}"
            first = known.without_holes(name)
            yield f"{told}; where it is older, pip install '{name}>={first}'" if first else told


def _half_known(known: Known, needed: Iterable[str], today: datetime.date) -> Iterator[str]:
    """Of whom no database was read lately: what has come since was only searched for."""
    behind: dict[str, list[str]] = {}
    for name in needed:
        whole = [one.as_of for one in known.looked_up_in.get(name, ()) if one.is_whole]
        if name in known.looked_up_in and (not whole or (today - max(whole)).days > OLD_DAYS):
            behind.setdefault(max(whole).isoformat() if whole else "", []).append(name)
    for day, names in sorted(behind.items()):
        read = f"a database was read as of {day}, and what came later" if day else "no database was read, and all else"
        yield f"of {', '.join(names)} {read} was only searched for, and may be missing; `make audit` asks OSV"
