"""What is shipped: one package, its metadata, and every dependency that it needs by name."""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from bootstrap import NOT_COPIED, ROOT
from tests.embedding.environment import HOSTS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INFO = f"tornado_wssec-{PROJECT['version']}.dist-info"

# What is imported under another name than it is installed by.
DISTRIBUTIONS = {
    "_pytest": "pytest",
    "cryptography": "PyJWT[crypto]",
    "yaml": "pyyaml",
    "jwt": "PyJWT[crypto]",
    "opentelemetry": "opentelemetry-api",
}
OURS = {"bench", "bootstrap", "examples", "schemas", "tests", "tornado_wssec"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel, built as for a release: from a source distribution of a copy of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = shutil.copytree(ROOT, folder / "tree", ignore=NOT_COPIED)  # setuptools leaves traces where it builds
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    (path,) = folder.glob("*.whl")
    return ZipFile(path)


def test_package_wheel_holds_the_package_alone(wheel: ZipFile) -> None:
    """No tests, no schemas, no examples: what is installed is `tornado_wssec` and its metadata."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    assert {"tornado_wssec", INFO} == tops


def test_package_wheel_holds_the_whole_package(wheel: ZipFile) -> None:
    """Every module of the tree, and the marker of PEP 561."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "tornado_wssec").rglob("*.py")}

    assert modules | {"tornado_wssec/py.typed"} <= set(wheel.namelist())


def test_package_wheel_holds_the_modules_for_browsers(wheel: ZipFile) -> None:
    """With their types."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "tornado_wssec/client/static").iterdir()}

    assert {"tornado_wssec/client/static/signing.js", "tornado_wssec/client/static/signing.d.ts"} <= modules
    assert modules <= set(wheel.namelist())


def test_package_wheel_holds_the_operations_page(wheel: ZipFile) -> None:
    """Its templates, its files, and the licence of what is not ours."""
    folder = ROOT / "tornado_wssec" / "ops"
    files = {str(path.relative_to(ROOT)) for part in ("templates", "static") for path in (folder / part).iterdir()}

    assert {"tornado_wssec/ops/templates/page.html", "tornado_wssec/ops/static/uplot.LICENSE"} <= files
    assert files <= set(wheel.namelist())


def test_package_wheel_has_the_licence_the_readme_and_the_command(wheel: ZipFile) -> None:
    """The metadata names the licence and brings its text, tells what the README tells, and installs `wssec`."""
    metadata = wheel.read(f"{INFO}/METADATA").decode()

    assert "License-Expression: Apache-2.0" in metadata.splitlines()
    assert metadata.endswith((ROOT / "README.md").read_text(encoding="utf-8"))
    assert b"Version 2.0, January 2004" in wheel.read(f"{INFO}/licenses/LICENSE")
    assert b"wssec = tornado_wssec.cli:main" in wheel.read(f"{INFO}/entry_points.txt")


def test_package_imports_only_what_it_declares() -> None:
    """Every library that the package or an example imports is a dependency, an extra's, or the host of an example."""
    extras = [line for name, lines in PROJECT["optional-dependencies"].items() if name != "dev" for line in lines]
    declared = {_name(line) for line in [*PROJECT["dependencies"], *extras]}
    imported = {library for name in ("tornado_wssec", "schemas") for library in _libraries(ROOT / name)}
    by_examples = _libraries(ROOT / "examples")

    assert set() == imported - declared
    assert {_name(line) for line in HOSTS} == by_examples - declared


def test_package_tests_import_only_what_is_declared() -> None:
    """What the tests and the documentation import comes with the extra `dev`."""
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    declared = {_name(line) for line in lines}

    assert set() == (_libraries(ROOT / "tests") | _libraries(ROOT / "docs")) - declared


@pytest.mark.requirement("R075")
def test_package_dependencies_have_floors_and_ceilings() -> None:
    """Each hard dependency says from which version it is known to work and which major is not yet read."""

    assert [] == [line for line in PROJECT["dependencies"] if ">=" not in line or ",<" not in line]


def test_package_changelog_tells_of_this_version() -> None:
    """The version of the metadata has a heading in the changelog, or is the one being worked on."""
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line[:3] == "## "]

    assert any(PROJECT["version"] in heading or "Unreleased" in heading for heading in headings)


def _name(requirement: str) -> str:
    return requirement.partition(">=")[0].partition("==")[0].strip()


def _libraries(folder: Path) -> set[str]:
    tops = {top for path in folder.rglob("*.py") for top in _imported(path)}
    return {DISTRIBUTIONS.get(top, top).replace("_", "-") for top in tops - OURS - sys.stdlib_module_names}


def _imported(path: Path) -> Iterator[str]:
    """Top-level names of what a file imports, except what stands beside it or in its own package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]
