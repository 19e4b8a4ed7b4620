"""The threat model: each threat has code and tests that exist, and no group of attacks is left out of it."""

import re
from typing import Final

import pytest

from tests.docs.pages import ROOT
from tests.docs.proofs import defined, place_of
from tornado_wssec.settings import Timeouts

MODEL: Final = (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8")
STRIDE: Final = {
    "S": "Spoofing",
    "T": "Tampering",
    "R": "Repudiation",
    "I": "Information disclosure",
    "D": "Denial of service",
    "E": "Elevation of privilege",
}
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in MODEL.splitlines()
    if re.match(r"\| [STRIDE]\d+ \|", line)
]
ATTACK: Final = re.compile(r"def (test_([a-z])\d\d_\w+)")


def test_threats_are_numbered_below_their_letters() -> None:
    """Each of the six has its section, and its threats in order."""
    for letter, title in STRIDE.items():
        section = MODEL.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        numbers = re.findall(r"^\| ([STRIDE]\d+) \|", section, re.MULTILINE)
        assert [f"{letter}{number}" for number in range(1, len(numbers) + 1)] == numbers
        assert numbers


@pytest.mark.requirement("R093")
def test_threats_each_have_a_test_that_exists() -> None:
    """And a control, and code."""
    tests = {row[0]: set(re.findall(r"`(test_\w+)`", row[4])) for row in ROWS}
    places = {row[0]: [place_of(name) for name in re.findall(r"`([\w/.]+)`", row[3])] for row in ROWS}

    assert {} == {number: named for number, named in tests.items() if not named or named - defined().keys()}
    assert {} == {number: found for number, found in places.items() if not all(place.exists() for place in found)}
    assert [] == [number for number, found in places.items() if not found]
    assert [] == [row[0] for row in ROWS if not row[1] or not row[2]]


@pytest.mark.requirement("R093")
def test_threats_cover_every_group_of_attacks() -> None:
    """Attacks are grouped by the first letter of their names; each group stands against some threat."""
    attacks = {
        (name, group)
        for path in (ROOT / "tests" / "attacks").glob("test_*.py")
        for name, group in ATTACK.findall(path.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", MODEL))

    assert {group for _, group in attacks} == {group for name, group in attacks if name in named}
    assert set("cfghjklnrstz") == {group for _, group in attacks}


def test_threats_say_the_graces_that_are_in_force() -> None:
    """Numbers in a sentence are the defaults."""
    graces = Timeouts()

    assert f"for {graces.mirror_for_new:g} seconds for who is new and\n  {graces.mirror_for_live:g} seconds" in MODEL
