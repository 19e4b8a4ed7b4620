"""What users of the package install with it: the floors that we declare, and what is installed here.

The extra `dev` is left out: its tools see our own tree, and nobody's messages.
"""

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT: Final = Path(__file__).resolve().parents[2] / "pyproject.toml"
FOR_US: Final = "dev"


def declared(project: Path = PROJECT) -> list[Requirement]:
    """What the package needs, and what its extras bring."""
    found = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = [line for name, lines in found["optional-dependencies"].items() if name != FOR_US for line in lines]
    return [Requirement(line) for line in (*found["dependencies"], *extras)]


def floors(requirements: Iterable[Requirement]) -> dict[str, Version]:
    """Name → the oldest version that is allowed; what has no floor is left out."""
    return {
        canonicalize_name(one.name): Version(part.version)
        for one in requirements
        for part in one.specifier
        if part.operator in (">=", "==", "~=")
    }


def needed(requirements: Iterable[Requirement]) -> list[str]:
    """The names of these and of all that they need in turn, on any Python, as far as that is installed here."""
    waiting, names = list(requirements), dict[str, frozenset[str]]()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        asked = names.get(name, frozenset()) | one.extras
        if name not in names or asked != names[name]:
            names[name] = asked
            waiting += _needs_of(name, asked)
    return sorted(names)


def _needs_of(name: str, extras: frozenset[str]) -> list[Requirement]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    return [one for one in map(Requirement, lines) if _is_asked_for(one, extras)]


def _is_asked_for(one: Requirement, extras: frozenset[str]) -> bool:
    """Whether it comes without an extra, or with one of these; another Python's need counts as one."""
    if one.marker is None or "extra" not in str(one.marker):
        return True
    return any(one.marker.evaluate({"extra": extra}) for extra in extras)


def installed(names: Iterable[str]) -> dict[str, Version]:
    """Name → the version that is installed here; what is not installed is left out."""
    found = {}
    for name in names:
        try:
            found[name] = Version(metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
    return found
