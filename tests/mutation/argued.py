"""Survivors of which SURVIVORS.md says why no test could notice them, or why none should."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SURVIVORS: Final = Path(__file__).with_name("SURVIVORS.md")
_MODULE: Final = re.compile(r"^### `(\w+)`$").match
_WHATS: Final = re.compile(r"`([^`]+ → [^`]+)`").findall


def argued() -> Mapping[str, frozenset[str]]:
    """Module → what was done to it and is argued, as `mutants.Mutant.what` tells it."""
    found: dict[str, set[str]] = defaultdict(set)
    module = None
    for line in SURVIVORS.read_text().splitlines():
        if heading := _MODULE(line):
            module = heading[1]
        elif line.startswith("#"):
            module = None
        elif module is not None:
            found[f"{module}.py"].update(_WHATS(line))
    return {name: frozenset(whats) for name, whats in found.items()}
