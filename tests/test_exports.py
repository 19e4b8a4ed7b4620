"""The public names: what a user imports stands in one place, and each says what it is for."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import pytest

import tornado_wssec
from tornado_wssec import errors

FOLDER = Path(tornado_wssec.__file__).parent
PROMISED = frozenset(
    {
        "BearerToken",
        "Channel",
        "Close",
        "CloseCode",
        "ConfigurationError",
        "Envelope",
        "Guard",
        "Identity",
        "Limits",
        "Message",
        "PUBLIC",
        "Registry",
        "SecureWebSocketHandler",
        "Settings",
        "Ticket",
        "Timeouts",
        "TokenRules",
        "on",
    }
)
ERRORS = frozenset(
    name
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.WssecError) and value.__module__ == errors.__name__
)


def test_exports_hold_what_is_promised() -> None:
    """The names of the design, and every class of error, can be imported from the package itself."""

    assert frozenset() == (PROMISED | ERRORS) - frozenset(tornado_wssec.__all__)


def test_exports_are_listed_once_and_exist() -> None:
    """`__all__` names each thing once, and nothing that is not there."""
    names = list(tornado_wssec.__all__)

    assert sorted(set(names)) == sorted(names)
    assert [] == [name for name in names if not hasattr(tornado_wssec, name)]


@pytest.mark.parametrize("name", sorted(tornado_wssec.__all__))
def test_exports_have_docstrings(name: str) -> None:
    """A class or function has a docstring of its own; a constant has one under its definition."""
    value = getattr(tornado_wssec, name)

    assert _documentation(value, name)


def test_exports_have_documented_methods() -> None:
    """Every public method that a public class defines has a docstring, its own or that of what it overrides."""
    classes = [value for value in _exported() if inspect.isclass(value)]

    assert [] == [
        f"{cls.__name__}.{name}"
        for cls in classes
        for name, member in vars(cls).items()
        if not name.startswith("_") and _is_code(member) and not inspect.getdoc(getattr(cls, name))
    ]


def test_exports_define_nothing() -> None:
    """`__init__` holds a docstring, imports and `__all__`, and nothing else."""
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    docstring, *rest = tree.body

    assert isinstance(docstring, ast.Expr)
    assert {"Assign", "ImportFrom"} == {type(node).__name__ for node in rest}
    assert ["__all__"] == sorted(filter(None, map(_assigned, rest)))


def test_exports_are_typed() -> None:
    """The marker that lets a type checker believe our annotations is there (PEP 561)."""

    assert (FOLDER / "py.typed").is_file()


def _exported() -> list[object]:
    return [getattr(tornado_wssec, name) for name in tornado_wssec.__all__]


def _is_code(member: object) -> bool:
    return inspect.isfunction(member) or isinstance(member, (classmethod, staticmethod, property))


def _documentation(value: object, name: str) -> str | None:
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__doc__
    return _constant_documentation(name)


def _constant_documentation(name: str) -> str | None:
    """The string below `name = …` in whatever module of the package defines it."""
    for path in FOLDER.rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, following in pairwise(body):
            if _assigned(statement) == name and isinstance(following, ast.Expr):
                return ast.unparse(following.value)
    return None


def _assigned(statement: ast.stmt) -> str:
    if isinstance(statement, ast.AnnAssign):
        return ast.unparse(statement.target)
    return ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
