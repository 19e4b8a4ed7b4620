"""Which layer each module belongs to, and the check that reads its source for what the layer forbids.

Policy decides, stores remember, the wire carries, the handler obeys: whatever can say no is ordinary
synchronous Python. `test_layers.py` runs the check, and the documentation's table is made from `LAYERS`.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "tornado_wssec"
FOLDER: Final = Path(__file__).resolve().parents[1] / PACKAGE


@dataclass(frozen=True)
class Layer:
    """One floor of the house. It may import from itself and from every layer below.

    Args:
        parts: top-level modules and packages that live here.
        libraries: hard dependencies that it may import, beside those of the layers below.
        about: what belongs here.
        is_pure: whether await, clocks, sockets and files are forbidden.
        are_strangers: whether its parts may not import each other.
    """

    name: str
    parts: frozenset[str]
    libraries: frozenset[str]
    about: str
    is_pure: bool = False
    are_strangers: bool = False


def _layer(name: str, parts: str, libraries: str, about: str, *, pure: bool = False, strangers: bool = False) -> Layer:
    return Layer(name, frozenset(parts.split()), frozenset(libraries.split()), about, pure, strangers)


LAYERS: Final = (
    _layer("L0", "errors closing settings", "", "names, numbers and outcomes", pure=True),
    _layer("L1", "policy", "marshmallow jwt cryptography nh3", "everything that can say no", pure=True),
    _layer("L2", "auth stores telemetry wire exports", "redis", "what touches the world", strangers=True),
    _layer(
        "L3",
        "accepting alert_delivery alert_responses alert_webhook alerts api_keys assembly certificates channels"
        " client_modules clock composition conversation cookies desk directory doorstep draining eager endpoint"
        " enforcement evidence exposure fanout guard handler handling handover handshake hub inbox issuers keeper"
        " key_sets lifecycle logins measuring membership metrics_route moderation modes opened_request ops outbound"
        " patience plain_requests presence pressure processes publishing quotas readiness reassertion reception"
        " request_view resuming rights routes sealing server services serving shown standing startup stop_signals"
        " supervision timekeeping traced upgrade warned watcher",
        "tornado",
        "what obeys: Tornado and asyncio",
    ),
    _layer("front", "__init__", "", "the public names, nothing else"),
    _layer("L4", "cli testing client starter __main__", "click", "what users hold in their hands"),
)

# What one module may do although its layer may not.
EXCEPTIONS: Final = frozenset(
    {
        ("testing.strategies", "imports hypothesis"),  # the extra `testing`
        ("policy.shapes", "imports msgspec"),  # the extra `fast`; the same outcome without it
        ("telemetry.prometheus", "imports prometheus_client"),  # the extra `metrics`
        ("telemetry.otel", "imports opentelemetry"),  # the extra `otel`
        ("telemetry.otel_meters", "imports opentelemetry"),  # likewise
        ("telemetry.providers", "imports opentelemetry"),  # likewise, and for types alone
        ("wire.stock", "imports tornado"),  # it is Tornado's framing
        ("starter.app", "imports schemas"),  # the ones beside it: what is written out must run as it stands
        ("settings.environment", "calls read_text()"),  # a secret may come from the file that WSSEC_…_FILE names
    }
)

IMPURE_MODULES: Final = frozenset({"asyncio", "os", "redis", "socket", "sqlite3", "subprocess", "threading", "time"})
IMPURE_CALLS: Final = frozenset(
    {
        "__import__",
        "input",
        "now",
        "open",
        "print",
        "read_bytes",
        "read_text",
        "today",
        "utcnow",
        "write_bytes",
        "write_text",
    }
)
ASYNC: Final = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
MUTABLE_DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_TYPES: Final = frozenset(
    {"ContextVar", "Counter", "OrderedDict", "WeakKeyDictionary", "WeakSet", "WeakValueDictionary"}
    | {"bytearray", "defaultdict", "deque", "dict", "list", "local", "set"}
    | {"Condition", "Event", "Lock", "Queue", "RLock", "Semaphore"}
)
READ_ONLY: Final = frozenset({"AbstractSet", "Mapping", "Sequence"})
CACHES: Final = frozenset({"cache", "lru_cache"})


def faults_of_package(folder: Path = FOLDER) -> list[str]:
    """Every fault of every module, as `file:line what it does`."""
    return [fault for path in sorted(folder.rglob("*.py")) for fault in _faults_of_file(path, folder)]


def _faults_of_file(path: Path, folder: Path) -> list[str]:
    names = path.relative_to(folder).with_suffix("").parts
    is_package = len(names) > 1 and names[-1] == "__init__"
    module = ".".join(names[:-1] if is_package else names)
    return faults_of_source(path.read_text(encoding="utf-8"), module, is_package=is_package)


def faults_of_source(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Every fault in the source of `module`, named below the package as in `policy.codec`."""
    part = module.partition(".")[0]
    own = _layer_of(part)
    if own is None:
        return [f"{module} belongs to no layer; give it one in tests/layers.py"]
    tree = ast.parse(source)
    found = [*_import_faults(tree, module, own, is_package), *_state_faults(tree)]
    if own.is_pure:
        found += _purity_faults(tree)
    return [f"{module}:{line} {fault}" for line, fault in sorted(found) if (module, fault) not in EXCEPTIONS]


def _layer_of(part: str) -> Layer | None:
    return next((layer for layer in LAYERS if part in layer.parts), None)


def _import_faults(tree: ast.Module, module: str, own: Layer, is_package: bool) -> Iterator[tuple[int, str]]:
    part = module.partition(".")[0]
    for line, target in _imports(tree, module, is_package):
        top, _, rest = target.partition(".")
        if top == PACKAGE:
            yield from _inner_faults(line, part, own, rest.partition(".")[0] or "__init__")
        elif top in sys.stdlib_module_names:
            if own.is_pure and top in IMPURE_MODULES:
                yield line, f"imports {top}"
        elif top not in _libraries(own):
            yield line, f"imports {top}"


def _inner_faults(line: int, part: str, own: Layer, target: str) -> Iterator[tuple[int, str]]:
    other = _layer_of(target)
    if other is None:
        yield line, f"imports {target}, which belongs to no layer"
    elif LAYERS.index(other) > LAYERS.index(own):
        yield line, f"imports {target}, which is above it"
    elif other is own and target != part and own.are_strangers:
        yield line, f"imports {target}, its sibling; share a Protocol in policy/"


def _libraries(own: Layer) -> frozenset[str]:
    below = LAYERS[: LAYERS.index(own) + 1]
    return frozenset().union(*(layer.libraries for layer in below))


def _imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything imported anywhere, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            if base == PACKAGE:  # the names may be modules, or what __init__ exports
                parts = (alias.name if _layer_of(alias.name) else "__init__" for alias in node.names)
                yield from ((node.lineno, f"{PACKAGE}.{part}") for part in parts)
            else:
                yield node.lineno, base


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    here = [PACKAGE, *module.split(".")]
    above = here[: len(here) - node.level + is_package]
    return ".".join([*above, *(node.module or "").split(".")]).rstrip(".")


def _purity_faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ASYNC):
            yield node.lineno, "is asynchronous"
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield node.target.lineno, "is asynchronous"
        elif isinstance(node, ast.Call) and _name(node.func) in IMPURE_CALLS:
            yield node.lineno, f"calls {_name(node.func)}()"


def _state_faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """State that outlives a Guard: two of them in one process would share it. A best effort."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node.lineno, "rebinds a global"
        elif isinstance(node, ast.FunctionDef) and {_name(item) for item in node.decorator_list} & CACHES:
            yield node.lineno, f"keeps the results of {node.name}() in the module"
    for statement in _statements(tree.body):
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and _is_mutable(statement):
            names = ", ".join(map(ast.unparse, _targets(statement)))
            if names != "__all__":
                yield (
                    statement.lineno,
                    f"holds {names}, which can be changed; annotate it as Final[Mapping[…]] or freeze it",
                )


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _statements([*statement.body, *statement.orelse])


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _is_mutable(statement: ast.Assign | ast.AnnAssign) -> bool:
    if isinstance(statement, ast.AnnAssign) and _type_name(statement.annotation) in READ_ONLY:
        return False  # mypy refuses what would change it
    value = statement.value
    return isinstance(value, MUTABLE_DISPLAYS) or (isinstance(value, ast.Call) and _name(value.func) in MUTABLE_TYPES)


def _type_name(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Subscript) and _name(annotation) == "Final":
        annotation = annotation.slice
    return _name(annotation)


def _name(node: ast.expr) -> str:
    """The last name in `a.b.c`, `a.b.c()` or `a.b.c[d]`; empty for anything else."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
