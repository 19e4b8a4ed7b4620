"""Compares our dependencies with the committed list of advisories, or looks the list up anew.

python -m tests.advisories          compares; exits 1 and says what to do where something is concerned
python -m tests.advisories renew    asks OSV, and writes the list
"""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from .dependencies import declared, floors, installed, needed
from .judgement import Versions, problems, warnings
from .known import ACCEPTED, LIST, Known, accepted
from .osv import URL, look_up


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.advisories", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("compare", "renew"), default="compare")
    return renew() if parser.parse_args(arguments).what == "renew" else compare()


def compare(path: Path = LIST, reasons_path: Path = ACCEPTED) -> int:
    """Tell what concerns us; 1 where something does."""
    names = needed(declared())
    versions = Versions(names, floors(declared()), installed(names))
    known, reasons = Known.load(path), accepted(reasons_path)
    for warning in warnings(known, versions, reasons, datetime.datetime.now(datetime.UTC).date()):
        sys.stdout.write(f"warning: {warning}\n")
    found = list(problems(known, versions, reasons))
    for problem in found:
        sys.stdout.write(f"problem: {problem}\n")
    told = f"{len(names)} packages against what was known on {known.looked_up}: {len(found)} problems"
    sys.stdout.write(f"{told}\n")
    return 1 if found else 0


def renew(path: Path = LIST, url: str = URL) -> int:
    """Write the list anew; 1 where it cannot be looked up, which leaves the old one."""
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        known = Known(today, url, look_up(needed(declared()), url))
        known.ensure_comparable()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{url} cannot be asked: {error}; the list stays as it was\n")
        return 1
    known.save(path)
    sys.stdout.write(f"{sum(map(len, known.packages.values()))} advisories about {len(known.packages)} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
