"""What is proven by which test, read from the sources alone: nothing is imported for it.

`@pytest.mark.requirement("R001")` binds a test to a requirement, `@pytest.mark.standard("ASVS 5.0 4.4.1")` to what a
standard asks for. `docs/requirements.toml` says what must hold, `docs/standards.toml` which requirements answer what.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from .pages import DOCS, ROOT

PACKAGE: Final = ROOT / "tornado_wssec"
REQUIREMENT, STANDARD = "mark.requirement", "mark.standard"
RFC: Final = re.compile(r"RFC (\d{4})((?:,? §[\d.]*\d)*)")


@dataclass(frozen=True, slots=True)
class Test:
    """One test function, and the file that it is in, from the root on."""

    __test__ = False

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must hold, where the code is that sees to it, and the page that explains it."""

    number: str
    section: str
    what: str
    code: tuple[Path, ...]
    page: str
    tests: tuple[Test, ...]


@cache
def defined() -> Mapping[str, tuple[Test, ...]]:
    """Every test function by its name; several files may have one of the same."""
    found: dict[str, list[Test]] = defaultdict(list)
    for path in _files():
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name].append(Test(name, str(path.relative_to(ROOT))))
    return {name: tuple(tests) for name, tests in found.items()}


@cache
def marked(mark: str) -> Mapping[str, tuple[Test, ...]]:
    """The tests that are bound to each requirement, or to each item of a standard."""
    found: dict[str, list[Test]] = defaultdict(list)
    for path in _files():
        text = path.read_text(encoding="utf-8")
        if mark not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _named(mark, node.decorator_list):
                    found[name].append(Test(node.name, str(path.relative_to(ROOT))))
    return {name: tuple(tests) for name, tests in found.items()}


def _named(mark: str, decorators: Iterable[ast.expr]) -> Iterator[str]:
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(mark):
            yield from (str(ast.literal_eval(argument)) for argument in decorator.args)


def _files() -> list[Path]:
    return sorted(path for path in (ROOT / "tests").rglob("*.py") if "test" in path.name or "contract" in path.name)


@cache
def requirements() -> tuple[Requirement, ...]:
    """Every requirement, in the order of the file."""
    sections = tomllib.loads((DOCS / "requirements.toml").read_text(encoding="utf-8"))
    return tuple(
        Requirement(
            number, section, row["what"], tuple(place_of(name) for name in row["code"]), row["page"], _tests(number)
        )
        for section, rows in sections.items()
        for number, row in rows.items()
    )


def _tests(number: str) -> tuple[Test, ...]:
    return marked(REQUIREMENT).get(number, ())


def place_of(name: str) -> Path:
    """A module of the package, or else what has this path from the root on."""
    places = (PACKAGE / f"{name}.py", PACKAGE / name, ROOT / name)
    return next((place for place in places if place.exists()), places[0])


@cache
def standards() -> Mapping[str, Mapping[str, Any]]:
    """What answers each item of each standard."""
    return tomllib.loads((DOCS / "standards.toml").read_text(encoding="utf-8"))


@cache
def cited() -> Mapping[str, Mapping[str, set[str]]]:
    """RFC → section → modules that cite it; an empty section: the whole."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in sorted(PACKAGE.rglob("*.py")):
        for number, sections in RFC.findall(path.read_text(encoding="utf-8")):
            for section in re.findall(r"§([\d.]+)", sections) or [""]:
                found[number][section].add(str(path.relative_to(PACKAGE)).removesuffix(".py"))
    return found
