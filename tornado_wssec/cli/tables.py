"""Tables for people. A pipe gets each row on a line of its own; in a terminal long texts are wrapped in their cells."""

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final

import click

from .output import printable, wants_colour

GAP: Final = "  "
PARTS: Final = re.compile(r"[^/(=,|&?]*[/(=,|&?]+|[^/(=,|&?]+")
"""Of a word that is longer than its column: it is broken behind what parts a path, a call or a list."""
NARROWEST_SHARE: Final = 0.2
NARROWEST: Final = 8
"""Of the terminal, and in characters: for a column whose longest word needs as much. Only a longer word is broken."""


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]], *, wraps: bool = False) -> None:
    """Print columns as wide as what stands in them; a cell of None shows as "-".

    Args:
        wraps: for texts that are read, and not copied: in a terminal they are wrapped so that a row fits its width.
    """
    heads = [title.upper() for title in titles]
    cells = [[printable("-" if cell is None else str(cell)) for cell in row] for row in rows]
    widths: Sequence[int] = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if wraps and (columns := terminal_columns()) is not None:
        widths = _narrowed([heads, *cells], widths, columns - len(GAP) * (len(heads) - 1))
    click.secho("\n".join(_lines(heads, widths)), bold=True, color=wants_colour())
    for row in cells:
        click.echo("\n".join(_lines(row, widths)))


def terminal_columns() -> int | None:
    """How many the terminal has; None where a program reads what is printed, or a file keeps it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _lines(cells: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    """A row, on as many lines as its highest cell has."""
    for parts in zip_longest(*map(_wrapped, cells, widths), fillvalue=""):
        yield GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()


def _wrapped(cell: str, width: int) -> Sequence[str]:
    """Its lines; a part of a word that is wider than the column is broken anywhere."""
    if len(cell) <= width:
        return [cell]
    lines = [""]
    for word in cell.split():
        for place, part in enumerate([word] if len(word) <= width else PARTS.findall(word)):
            gap = " " if lines[-1] and not place else ""
            if len(lines[-1]) + len(gap) + len(part) <= width:
                lines[-1] += gap + part
            else:
                lines += [part[begin : begin + width] for begin in range(0, len(part), width)]
    return lines if lines[0] else lines[1:]


def _narrowed(rows: Sequence[Sequence[str]], widths: Sequence[int], room: int) -> Sequence[int]:
    """Widths that fit, taken from where it makes the fewest lines more."""
    most = max(int(room * NARROWEST_SHARE), NARROWEST)
    least = [min(max(map(_longest_word, column)), most) for column in zip(*rows, strict=True)]
    known: dict[tuple[str, int], int] = {}

    def height(cell: str, width: int) -> int:
        if (cell, width) not in known:
            known[cell, width] = len(_wrapped(cell, width))
        return known[cell, width]

    def cost(wanted: Sequence[int]) -> tuple[int, int]:
        """How many lines there are, and how wide the widest column is."""
        lines = sum(max(map(height, row, wanted)) for row in rows)
        return lines, max(wanted)

    while sum(widths) > room:
        narrower = [
            [width - (place == index) for place, width in enumerate(widths)]
            for index in range(len(widths))
            if widths[index] > least[index]
        ]
        if not narrower:
            break  # no terminal to read tables in
        widths = min(narrower, key=cost)
    return widths


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=0)
