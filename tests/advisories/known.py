"""The committed list of advisories, `known.json`: what was looked up, when and where.

It says of each package which versions each advisory is about, in the words of OSV: from `introduced` on, before `fixed`
or up to `last_affected`, or exactly these `versions`. A list that was written by hand says of each advisory where it
was read, and of each package where it was looked up and as of which day.

Source: https://ossf.github.io/osv-schema/
"""

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

FOLDER: Final = Path(__file__).parent
LIST: Final = FOLDER / "known.json"
ACCEPTED: Final = FOLDER / "accepted.json"


@dataclass(frozen=True)
class Advisory:
    """One advisory about one package.

    Args:
        id: in OSV.
        aliases: under which it is known elsewhere, such as its CVE.
        summary: one line; may be empty.
        ranges: each as in OSV: `introduced`, and `fixed` or `last_affected`, or no end.
        versions: that are affected whatever the ranges say.
        source: where somebody read it; empty of what OSV answered.
    """

    id: str
    aliases: tuple[str, ...]
    summary: str
    ranges: tuple[Mapping[str, str], ...]
    versions: tuple[str, ...] = ()
    source: str = ""

    @property
    def names(self) -> frozenset[str]:
        """All that it is called."""
        return frozenset((self.id, *self.aliases))

    def concerns(self, version: Version) -> bool:
        """Whether a version is affected."""
        return any(_within(version, one) for one in self.ranges) or version in map(Version, self.versions)

    def mended_for(self, version: Version) -> Version | None:
        """The first version above this one that is not affected; None where none is known."""
        ends = sorted(Version(one["fixed"]) for one in self.ranges if "fixed" in one)
        return next((end for end in ends if end > version and not self.concerns(end)), None)

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """One from the list."""
        ranges = tuple(described.get("ranges", ()))
        return cls(
            described["id"],
            tuple(described.get("aliases", ())),
            described.get("summary", ""),
            ranges,
            tuple(described.get("versions", ())),
            described.get("source", ""),
        )

    def written(self) -> dict[str, Any]:
        """As it stands in the list; what is empty is left out."""
        whole = {
            "id": self.id,
            "aliases": list(self.aliases),
            "summary": self.summary,
            "ranges": [dict(one) for one in self.ranges],
            "versions": list(self.versions),
            "source": self.source,
        }
        return {name: value for name, value in whole.items() if value}


def _within(version: Version, bounds: Mapping[str, str]) -> bool:
    begin = bounds.get("introduced", "0")
    if begin != "0" and version < Version(begin):
        return False
    if "fixed" in bounds:
        return version < Version(bounds["fixed"])
    return "last_affected" not in bounds or version <= Version(bounds["last_affected"])


@dataclass(frozen=True)
class Source:
    """Where somebody who wrote the list by hand looked a package up.

    Args:
        where: the place.
        as_of: the day of the copy that was read.
        is_whole: whether it lists every advisory there is, as a database does and a search does not.
    """

    where: str
    as_of: datetime.date
    is_whole: bool = False

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """One from the list."""
        as_of = datetime.date.fromisoformat(described["as_of"])
        return cls(described["where"], as_of, described.get("is_whole", False))

    def written(self) -> dict[str, Any]:
        """As it stands in the list."""
        told: dict[str, Any] = {"where": self.where, "as_of": self.as_of.isoformat()}
        return {**told, "is_whole": True} if self.is_whole else told


@dataclass(frozen=True)
class Known:
    """Everything that was looked up.

    Args:
        looked_up: on which day.
        source: where.
        packages: canonical name → its advisories; a package without any was looked up, too.
        not_looked_up: canonical names of those that whoever wrote the list by hand did not get to.
        looked_up_in: canonical name → where whoever wrote the list by hand looked; OSV answers for all of them.
    """

    looked_up: datetime.date
    source: str
    packages: Mapping[str, Sequence[Advisory]]
    not_looked_up: Sequence[str] = ()
    looked_up_in: Mapping[str, Sequence[Source]] = field(default_factory=dict)

    def without_holes(self, name: str) -> Version | None:
        """The first version of a package that mends something and that no advisory is about; None if there is none."""
        listed = self.packages.get(name, ())
        ends = sorted(Version(bounds["fixed"]) for one in listed for bounds in one.ranges if "fixed" in bounds)
        return next((end for end in ends if not any(one.concerns(end) for one in listed)), None)

    @classmethod
    def load(cls, path: Path = LIST) -> Self:
        """Read the list.

        Raises:
            ValueError: it is no such list.
        """
        found = json.loads(path.read_text(encoding="utf-8"))
        try:
            day = datetime.date.fromisoformat(found["looked_up"])
            packages: dict[str, Sequence[Advisory]] = {
                canonicalize_name(name): tuple(map(Advisory.read, listed)) for name, listed in found["packages"].items()
            }
            looked_up_in: dict[str, Sequence[Source]] = {
                canonicalize_name(name): tuple(map(Source.read, listed))
                for name, listed in found.get("looked_up_in", {}).items()
            }
            known = cls(day, found["source"], packages, tuple(found.get("not_looked_up", ())), looked_up_in)
            known.ensure_comparable()
        except (KeyError, TypeError, AttributeError, InvalidVersion) as error:
            raise ValueError(f"{path} is no list of advisories: {error!r}; run `make audit`") from error
        return known

    def ensure_comparable(self) -> None:
        """Refuse a list with a bound that is no version.

        Raises:
            InvalidVersion: naming it.
        """
        for advisory in (one for listed in self.packages.values() for one in listed):
            for bound in _bounds(advisory):
                Version(bound)

    def save(self, path: Path = LIST) -> None:
        """Write the list so that two of them can be compared line by line."""
        described = {
            "looked_up": self.looked_up.isoformat(),
            "source": self.source,
            **self._by_hand(),
            "packages": {
                name: [one.written() for one in sorted(listed, key=lambda one: one.id)]
                for name, listed in sorted(self.packages.items())
            },
        }
        path.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _by_hand(self) -> dict[str, Any]:
        """What only a list has that somebody wrote; what is empty is left out."""
        whole = {
            "not_looked_up": sorted(self.not_looked_up),
            "looked_up_in": {
                name: [one.written() for one in listed] for name, listed in sorted(self.looked_up_in.items())
            },
        }
        return {name: value for name, value in whole.items() if value}


def _bounds(advisory: Advisory) -> Iterator[str]:
    yield from advisory.versions
    for one in advisory.ranges:
        yield from (bound for bound in one.values() if bound != "0")


def accepted(path: Path = ACCEPTED) -> dict[str, str]:
    """Advisory → why it does not concern us though a version that we allow is affected."""
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
