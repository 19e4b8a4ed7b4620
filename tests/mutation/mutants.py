"""Small faults, put into a module one at a time: whatever it then decides otherwise, a test has to notice.

Left as they are: texts, since what is said to operators is read by people; docstrings, annotations and what is imported
for them, since nothing runs there; decorators.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
}
_ASKED: Final = (ast.Compare, ast.UnaryOp)
"""Tests that have faults of their own, so that their opposite is one already."""

Change = tuple[ast.AST, str, Any, Any]
"""A node, one of its parts, what stands there, and what is put in its place."""


@dataclass(frozen=True)
class Mutant:
    """A module with one fault.

    Args:
        line: where it is.
        what: what was done.
        code: of the whole module.
        source: of the whole module.
    """

    line: int
    what: str
    code: CodeType
    source: str


def mutants_of(source: str, path: str) -> Iterator[Mutant]:
    """Yield each in turn."""
    tree = ast.parse(source)
    for node, part, old, new in list(_changes(tree)):
        before = ast.unparse(node) if part != "body" else ast.unparse(old)
        _put(node, part, old, new)
        ast.fix_missing_locations(tree)
        after = ast.unparse(node) if part != "body" else ast.unparse(new)
        line = getattr(old if isinstance(old, ast.stmt) else node, "lineno", getattr(node, "lineno", 0))
        yield Mutant(line, f"{_short(before)} → {_short(after)}", compile(tree, path, "exec"), ast.unparse(tree))
        _put(node, part, new, old)


def _put(node: ast.AST, part: str, old: Any, new: Any) -> None:
    found = getattr(node, part)
    if isinstance(found, list):
        found[[one is old for one in found].index(True)] = new
    else:
        setattr(node, part, new)


def _short(text: str) -> str:
    first = " ".join(text.split())
    return first if len(first) <= 70 else f"{first[:69]}…"


def _changes(tree: ast.AST) -> Iterator[Change]:
    for node in _walk(tree):
        make = _MAKERS.get(type(node))
        if make is not None:
            yield from make(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield from ((node, name, one, ast.copy_location(ast.Pass(), one)) for one in block if _can_go(one))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node, but no annotation, nothing that serves annotations alone, and nothing beside code."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.ClassDef) and any([ast.unparse(base).startswith("Protocol") for base in node.bases]):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _walk(child)


def _can_go(statement: ast.stmt) -> bool:
    """Whether a statement may be left out: it does something, and nothing stands on it by its name."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    return isinstance(statement, (ast.Raise, ast.AugAssign, ast.Delete))


def _of_compare(node: Any) -> Iterator[Change]:
    for op in node.ops:
        yield node, "ops", op, _COMPARED[type(op)]()


def _of_bool(node: Any) -> Iterator[Change]:
    yield node, "op", node.op, ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _of_operation(node: Any) -> Iterator[Change]:
    if type(node.op) in _COUNTED:
        yield node, "op", node.op, _COUNTED[type(node.op)]()


def _of_test(node: Any) -> Iterator[Change]:
    if not isinstance(node.test, _ASKED) and not isinstance(node.test, ast.Constant):
        yield node, "test", node.test, ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        yield node, "test", node.test, node.test.operand


def _of_constant(node: Any) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield node, "value", node.value, not node.value
    elif isinstance(node.value, (int, float)):
        yield node, "value", node.value, node.value + 1


def _of_return(node: Any) -> Iterator[Change]:
    # A bool that is returned has a fault of its own, its opposite; None would be the one or the other.
    is_plain = isinstance(node.value, ast.Constant) and (node.value.value is None or isinstance(node.value.value, bool))
    if node.value is not None and not is_plain:
        yield node, "value", node.value, ast.Constant(None)


_MAKERS: Final[dict[type[ast.AST], Callable[[Any], Iterator[Change]]]] = {
    ast.Compare: _of_compare,
    ast.BoolOp: _of_bool,
    ast.BinOp: _of_operation,
    ast.AugAssign: _of_operation,
    ast.If: _of_test,
    ast.IfExp: _of_test,
    ast.While: _of_test,
    ast.Constant: _of_constant,
    ast.Return: _of_return,
}
