"""The tables of what must hold and what proves it: the `requirements` and `standards` directives.

They are made from `docs/requirements.toml`, `docs/standards.toml`, the marks on tests and what the code cites.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tests.docs.pages import ROOT
from tests.docs.proofs import PACKAGE, STANDARD, Test, cited, marked, requirements, standards
from tornado_wssec.cli.standards import ITEMS

SHOWN: Final = 6
"""Tests of one requirement that a table names; the others are as good, and `pytest -m` finds them all."""


def proofs() -> Iterator[str]:
    """Yield a section for each group of requirements."""
    for section, rows in groupby(requirements(), key=lambda one: one.section):
        yield f"\n## {section}\n"
        yield from _table(
            ("", "What must hold", "Code", "Tests", "Page"),
            (
                (
                    one.number,
                    one.what,
                    _code(one.code),
                    _some(one.tests),
                    f"[]({one.page}.md)",
                )
                for one in rows
            ),
        )


def answers() -> Iterator[str]:
    """Yield a table for each standard, and one of the RFCs."""
    proven = marked(STANDARD)
    for standard, items in groupby(ITEMS, key=lambda item: item.standard):
        yield f"\n## OWASP {standard}\n"
        asked = standards()[standard]
        yield from _table(
            ("", "Asks for", "Answer", "Requirements", "Tests"),
            (
                (
                    item.number,
                    item.asks,
                    item.because,
                    ", ".join(asked[item.number]),
                    _some(proven[f"{standard} {item.number}"]),
                )
                for item in items
            ),
        )
    yield "\n## RFCs\n"
    yield from _table(
        ("RFC", "Title", "Sections", "Cited in", "Requirements", "Tests"),
        (
            (
                f"[{number}](https://www.rfc-editor.org/rfc/rfc{number})",
                row["title"],
                *_cited(number),
                ", ".join(row["requirements"]),
                _some(proven.get(f"RFC {number}", ())) or "–",
            )
            for number, row in standards()["RFC"].items()
        ),
    )


def _cited(number: str) -> tuple[str, str]:
    sections = cited()[number]
    modules = sorted({module for found in sections.values() for module in found})
    return ", ".join(f"§{name}" for name in sorted(sections) if name) or "–", ", ".join(f"`{name}`" for name in modules)


def _some(tests: Sequence[Test]) -> str:
    shown = ", ".join(f"`{test.name}`" for test in tests[:SHOWN])
    return shown if len(tests) <= SHOWN else f"{shown} and {len(tests) - SHOWN} more"


def _code(places: Iterable[Path]) -> str:
    """Each place as it is named in the file: a module of the package without its suffix."""
    named = [
        str(place.relative_to(PACKAGE)).removesuffix(".py")
        if PACKAGE in place.parents
        else str(place.relative_to(ROOT))
        for place in places
    ]
    return ", ".join(f"`{name}`" for name in named)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for line in (titles, ("---",) * len(titles), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"


class Made(SphinxDirective):
    """Sections that are made anew with every build."""

    make: Callable[[], Iterator[str]]

    def run(self) -> list[nodes.Node]:
        """Make them."""
        self.env.note_reread()
        return self.parse_text_to_nodes("\n".join(type(self).make()), allow_section_headings=True)


class Requirements(Made):
    """What must hold."""

    make = staticmethod(proofs)


class Standards(Made):
    """What others ask for."""

    make = staticmethod(answers)


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Make the directives known."""
    app.add_directive("requirements", Requirements)
    app.add_directive("standards", Standards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
