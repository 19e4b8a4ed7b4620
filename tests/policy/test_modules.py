"""Importing the modules that declare messages, and none that somebody else could have put there."""

import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tornado_wssec.errors import ConfigurationError
from tornado_wssec.policy.modules import import_modules

Writer = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """Write a module below a folder from which can be imported; what was imported is forgotten after."""
    folder = tmp_path / "src"
    folder.mkdir(mode=0o755)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def write_module(name: str, source: str = "") -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        path.chmod(0o644)
        return path

    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def names(*modules: str) -> list[str]:
    """The names of what is imported."""
    return [module.__name__ for module in import_modules(modules)]


def refusal(*modules: str) -> str:
    """Why modules are not imported."""
    with pytest.raises(ConfigurationError) as caught:
        import_modules(modules)
    return str(caught.value)


def test_modules_are_imported_in_sorted_order(write: Writer) -> None:
    """Of a package everything, at every depth, each once; `__main__` is a program."""
    for name in ("__init__", "b", "a", "inner/__init__", "inner/z", "inner/y", "__main__"):
        write(f"pkg_order/{name}.py", "raise SystemExit" if name == "__main__" else "")
    write("alone_order.py")
    expected = ["alone_order", "pkg_order", "pkg_order.a", "pkg_order.b"]
    inner = ["pkg_order.inner", "pkg_order.inner.y", "pkg_order.inner.z"]

    assert [*expected, *inner] == names("pkg_order", "pkg_order.inner", "alone_order", "pkg_order.a")
    assert inner == names("pkg_order.inner")


def test_modules_of_a_namespace_package(write: Writer) -> None:
    """A folder without `__init__` is a package, too."""
    write("pkg_namespace/a.py")

    assert ["pkg_namespace", "pkg_namespace.a"] == names("pkg_namespace")
    assert ["pkg_namespace.a"] == names("pkg_namespace.a")


def test_modules_in_an_archive(write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is looked at in place of the files in it."""
    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pkg_zipped/__init__.py", "")
        file.writestr("pkg_zipped/a.py", "")
    monkeypatch.syspath_prepend(str(archive))

    assert ["pkg_zipped", "pkg_zipped.a"] == names("pkg_zipped")
    archive.chmod(0o666)
    assert "anybody may " in refusal("pkg_zipped")


@pytest.mark.parametrize(
    "name", ["no_such_module", "pkg_absent.b", "", ".", "..x", "pkg_absent..a", "pkg_absent.a.B", "__main__"]
)
def test_modules_that_are_not_there(write: Writer, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The name is told, with an example of a right one."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    write("pkg_absent/__init__.py")
    write("pkg_absent/a.py")

    assert "there is no such module; name one that can be imported from here" in refusal(name)


def test_modules_that_fail(write: Writer) -> None:
    """The module is named, and the error with it."""
    write("pkg_failing/__init__.py")
    write("pkg_failing/a.py", "1 / 0")

    assert "pkg_failing.a: cannot be imported: ZeroDivisionError: division by zero" in refusal("pkg_failing")


def test_modules_that_do_not_parse(write: Writer) -> None:
    """A syntax error is an error like any other."""
    write("alone_broken.py", "class")

    assert "alone_broken: cannot be imported: SyntaxError" in refusal("alone_broken")


@pytest.mark.parametrize("name", ["pkg_writable", "pkg_writable.a"])
def test_modules_that_anybody_may_write(write: Writer, name: str) -> None:
    """The file is not run; the remedy is a command."""
    write("pkg_writable/__init__.py")
    path = write("pkg_writable/a.py", "raise SystemExit")
    path.chmod(0o646)

    assert f"pkg_writable.a: anybody may write {path}; chmod o-w {path}" in refusal(name)


def test_modules_below_a_package_that_anybody_may_write(write: Writer) -> None:
    """The package is looked at before what is in it."""
    write("pkg_outer/__init__.py", "raise SystemExit").chmod(0o666)
    write("pkg_outer/a.py")

    assert "pkg_outer: anybody may write" in refusal("pkg_outer.a")


def test_modules_that_anybody_may_replace(write: Writer) -> None:
    """A folder without the sticky bit lets anybody put another file in the place of this one."""
    folder = write("alone_replaceable.py").parent
    folder.chmod(0o777)

    assert "alone_replaceable: anybody may replace" in refusal("alone_replaceable")
    folder.chmod(0o1777)
    assert ["alone_replaceable"] == names("alone_replaceable")


def test_modules_beside_which_anybody_may_put_another(write: Writer) -> None:
    """Of a package everything is run, so its folder must be closed, sticky or not."""
    folder = write("pkg_open/__init__.py").parent
    folder.chmod(0o1777)

    assert f"pkg_open: anybody may put a module into {folder}; chmod o-w {folder}" in refusal("pkg_open")
    assert ["alone_sticky"] == names(write("alone_sticky.py").stem)


@pytest.mark.parametrize("link", ["pkg_linked/a.py", "pkg_linked/inner", "pkg_linked/__init__.py", "alone_linked.py"])
def test_modules_that_are_links_out_of_their_package(write: Writer, tmp_path: Path, link: str) -> None:
    """What they lead to is not run."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "__init__.py").write_text("raise SystemExit")
    place = write("pkg_linked/b.py").parent.parent / link
    place.symlink_to(outside if link.endswith("inner") else outside / "__init__.py")

    assert "is a link out of its package, to " in refusal("alone_linked" if "alone" in link else "pkg_linked")


def test_modules_that_are_links_within_their_package(write: Writer) -> None:
    """These are the package's own; so is a package that is a link as a whole."""
    real = write("pkg_inner/real.py")
    write("pkg_inner/__init__.py")
    (real.parent / "link.py").symlink_to(real)
    (real.parent.parent / "pkg_alias").symlink_to(real.parent)

    assert ["pkg_inner", "pkg_inner.link", "pkg_inner.real"] == names("pkg_inner")
    assert ["pkg_alias", "pkg_alias.link", "pkg_alias.real"] == names("pkg_alias")


def test_modules_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built in is nobody's to write, wherever we stand."""
    tmp_path.chmod(0o777)
    monkeypatch.chdir(tmp_path)

    assert ["sys"] == names("sys")
