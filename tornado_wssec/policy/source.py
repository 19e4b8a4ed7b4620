"""Python written by the program for itself, and run.

Rules of this file:
1. Nothing is pasted into the text but names made here, whole numbers, and the `repr` of exact strings.
   Every other value is bound to a name of the namespace.
2. What was written can be read: a debugger or a traceback finds the lines through the function's own globals, so that
   nothing is kept outside it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any


class Source:
    """A function that is being written, line by line.

    Args:
        title: what a traceback calls the file.
        head: the function's first line, up to the colon.
    """

    __slots__ = ("_depth", "_lines", "_names", "_title", "_counter")

    def __init__(self, title: str, head: str) -> None:
        self._title = title
        self._lines = [f"def {head}:"]
        self._names: dict[str, Any] = {}
        self._depth = 1
        self._counter = 0

    def add(self, *lines: str) -> None:
        """Write lines where we stand."""
        self._lines += ["    " * self._depth + line for line in lines]

    @contextmanager
    def inside(self, head: str) -> Iterator[None]:
        """Write a line that opens a block; what is added meanwhile stands in it."""
        self.add(f"{head}:")
        self._depth += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.add("pass")
        self._depth -= 1

    def name(self, hint: str) -> str:
        """A name that nothing else has."""
        self._counter += 1
        return f"{hint}_{self._counter}"

    def bind(self, hint: str, value: Any) -> str:
        """A name for a value."""
        name = self.name(hint)
        self._names[name] = value
        return name

    def literal(self, value: Any) -> str:
        """How a value is written."""
        if value is None or type(value) in (str, int, bool):
            return repr(value)
        return self.bind("value", value)

    def function(self) -> Callable[..., Any]:
        """The function, as it was written."""
        text = "\n".join(self._lines) + "\n"
        namespace = {"__name__": self._title, "__loader__": _Text(text), **self._names}
        code: CodeType = compile(text, f"{self._title}.py", "exec")
        exec(code, namespace)  # noqa: S102  # of text that was written here, by the rules of this file
        name = self._lines[0].removeprefix("def ").partition("(")[0]
        made: Callable[..., Any] = namespace[name]
        return made


class _Text:
    """What `linecache` asks for the lines of a function that stands in no file (PEP 302, `get_source`)."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, name: str) -> str:
        """The text."""
        return self._text


def source_of(function: Callable[..., Any]) -> str:
    """The text that a function was made of."""
    loader: _Text = function.__globals__["__loader__"]
    return loader.get_source("")
