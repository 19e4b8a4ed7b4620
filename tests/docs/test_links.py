"""The manual holds together: links lead somewhere, every page is listed, every public name has its entry."""

import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import tornado_wssec
import tornado_wssec.client
import tornado_wssec.testing
from tests.docs.pages import DOCS, ROOT

PAGES: Final = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])
LINK: Final = re.compile(r"\]\(([^()\s]+)\)")
FENCE: Final = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`[^`\n]+`")
HEADING: Final = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
SECTIONS: Final = ("Tutorial", "How to", "Operate", "Topics", "Reference", "Project")
INCLUDED: Final = re.compile(r"\{include\} (\S+)")
MADE: Final = {"commands.md", "requirements.md", "standards.md"}
"""Pages of which a directive writes the headings; Sphinx knows those, and fails for an anchor that is none."""


@cache
def text_of(page: Path) -> str:
    """What a page says, without its blocks of code; of one that is another file, that file's."""
    text = page.read_text(encoding="utf-8")
    included = INCLUDED.search(text)
    return FENCE.sub("", (page.parent / included[1]).resolve().read_text(encoding="utf-8") if included else text)


def slug_of(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    plain = (
        unicodedata.normalize("NFC", re.sub(r"\{[\w-]+\}|[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
    )
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Every place of a page that a link may lead to."""
    text = text_of(page)
    return frozenset([*map(slug_of, HEADING.findall(text)), *re.findall(r"^\((.+)\)=$", text, re.MULTILINE)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link of a page that leaves neither the manual nor the tree: the file is there, and the place in it."""
    if INCLUDED.search(page.read_text(encoding="utf-8")):
        return  # its file is looked at itself; Sphinx sees to the links in their new place
    lost = []
    for target in LINK.findall(CODE.sub("", text_of(page))):
        name, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = (page.parent / name).resolve() if name else page
        if not place.exists() or (
            anchor and place.suffix == ".md" and place.name not in MADE and anchor not in anchors(place)
        ):
            lost.append(target)

    assert [] == lost


def test_manual_lists_every_page_once() -> None:
    """Below one of its six parts."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    trees = re.findall(r"\{toctree\}\n:caption: (.+)\n(?::.+\n)*\n((?:[\w-]+\n)+)", index)
    listed = Counter(name for _, names in trees for name in names.split())

    assert SECTIONS == tuple(caption for caption, _ in trees)
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} == listed.keys()
    assert {1} == set(listed.values())


@pytest.mark.parametrize(
    "module", [tornado_wssec, tornado_wssec.client, tornado_wssec.testing], ids=lambda module: str(module.__name__)
)
def test_manual_has_every_public_name(module: ModuleType) -> None:
    """In the reference of the API, and no other."""
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    parts = re.split(r"currentmodule:: (\S+)", text)
    entries = dict(zip(parts[1::2], parts[2::2], strict=True))[module.__name__]

    assert sorted(module.__all__) == sorted(re.findall(r"^\.\. auto\w+:: (\w+)", entries, re.MULTILINE))
