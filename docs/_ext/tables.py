"""Tables made from the code they describe, so that a page cannot say another number than the code does.

A page asks for one by name: a `truth` directive with the argument `limits`, say.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tests.layers import LAYERS, Layer
from tornado_wssec.closing import CloseCode
from tornado_wssec.errors import FrameError, HandshakeRefused
from tornado_wssec.settings import Limits, Settings, Timeouts, TokenRules

Row = tuple[object, ...]
KIB: Final = 1024


class Truth(SphinxDirective):
    """The table of that name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        name = self.arguments[0]
        if name not in TABLES:
            raise self.error(f"there is no table {name!r}; there are {', '.join(TABLES)}")
        titles, rows = TABLES[name]
        lines = [titles, ["---"] * len(titles), *rows()]
        return self.parse_text_to_nodes("\n".join(map(_line, lines)))


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _defaults(group: type[Limits | Timeouts | TokenRules]) -> Callable[[], Iterator[Row]]:
    def rows() -> Iterator[Row]:
        for name, default, why in group.table():
            yield f"`{name}`", _shown(name, default), why

    return rows


def _shown(name: str, value: Any) -> str:
    """A value as a person reads it: sizes in KiB and MiB, thousands apart."""
    if value is None:
        return "–"
    if name.startswith("bytes_") or name.endswith("_bytes"):
        kib = value / KIB
        return f"{kib / KIB:g} MiB" if kib >= KIB else f"{kib:g} KiB"
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _variables() -> Iterator[Row]:
    for name, what, is_secret in Settings.variables():
        yield f"`{name}`", what, f"`{name}_FILE`" if is_secret else ""


def _close_codes() -> Iterator[Row]:
    for code in CloseCode:
        yield int(code), f"`{code.name}`", code.text, code.advice


def _error_codes() -> Iterator[Row]:
    for error in FrameError.__subclasses__():
        if error.__module__ == FrameError.__module__:
            yield f"`{error.code}`", error.detail, f"`{error.__name__}`"


def _statuses() -> Iterator[Row]:
    refusals = [error for error in HandshakeRefused.__subclasses__() if error.__module__ == HandshakeRefused.__module__]
    for error in sorted(refusals, key=lambda error: error.status):
        yield error.status, _first_line(error), f"`{error.__name__}`"


def _first_line(documented: type) -> str:
    return (documented.__doc__ or "").partition("\n")[0]


def _layers() -> Iterator[Row]:
    for layer in reversed(LAYERS):
        yield layer.name, _joined(layer.parts), _joined(layer.libraries) or "–", layer.about, _forbidden(layer)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _forbidden(layer: Layer) -> str:
    forbidden = {
        "await, clocks, sockets, files": layer.is_pure,
        "each other": layer.are_strangers,
    }
    return ", ".join(what for what, is_so in forbidden.items() if is_so) or "–"


TABLES: Final[Mapping[str, tuple[tuple[str, ...], Callable[[], Iterator[Row]]]]] = {
    "limits": (("Setting", "Default", "Why"), _defaults(Limits)),
    "timeouts": (("Setting", "Seconds", "Why"), _defaults(Timeouts)),
    "token-rules": (("Setting", "Default", "Why"), _defaults(TokenRules)),
    "environment": (("Variable", "What it is", "Also read from the file named by"), _variables),
    "close-codes": (("Code", "Name", "Reason sent", "What a client should do"), _close_codes),
    "error-codes": (("Code", "Text sent", "Raised as"), _error_codes),
    "statuses": (("Status", "When", "Raised as"), _statuses),
    "layers": (("Layer", "Parts", "May import", "What belongs there", "Forbidden"), _layers),
}


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Make the directive known."""
    app.add_directive("truth", Truth)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
