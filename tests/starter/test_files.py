"""What the starter is made of: one truth, shipped whole, without what a strict page policy forbids."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.starter.running import ROOT
from tornado_wssec.starter import FOLDER, files


def test_starter_schema_is_the_one_in_schemas() -> None:
    """The catalogue of the reference and that of the starter are the same file."""

    assert (ROOT / "schemas" / "chat.py").read_text() == (FOLDER / "schemas" / "chat.py").read_text()


def test_starter_files_are_what_stands_in_the_folder() -> None:
    """Everything but the module that lists them and what Python leaves behind."""
    found = {str(path) for path in files()}

    assert {"app.py", "schemas/chat.py", "schemas/__init__.py", "static/wssec.js", "README.md"} <= found
    assert [] == [path for path in found if "__pycache__" in path or path == "__init__.py"]


def test_starter_example_runs_these_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m examples.chat.app` is `python app.py` in the starter's folder."""
    ran: list[str] = []
    monkeypatch.setattr(runpy, "run_path", lambda path, run_name: ran.append(path))
    monkeypatch.setattr(sys, "path", list(sys.path))

    runpy.run_module("examples.chat.app", run_name="__main__", alter_sys=True)

    assert [str(FOLDER / "app.py")] == ran
    assert str(FOLDER) == sys.path[0]


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.html")), ids=lambda path: path.name)
def test_starter_page_has_no_inline_code(path: Path) -> None:
    """No script, handler or style stands in the markup: the policy would refuse it."""
    text = path.read_text()

    assert [] == re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.js")), ids=lambda path: path.name)
def test_starter_scripts_make_no_markup_of_strings_and_keep_no_token(path: Path) -> None:
    """No sink for HTML or code, and no storage that would outlive the page."""
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    stores = r"localStorage|sessionStorage|indexedDB|document\.cookie"

    assert [] == re.findall(f"{sinks}|{stores}", path.read_text())


def test_starter_client_depends_on_nothing() -> None:
    """The browser's side of the protocol imports no other module."""

    assert [] == re.findall(r"^\s*import\b|\bimport\(", (FOLDER / "static" / "wssec.js").read_text(), re.MULTILINE)
