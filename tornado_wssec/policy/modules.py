"""Importing the modules that declare messages, and none that somebody else could have put there.

Rules of this file:
1. A file is looked at before it is run. One that anybody may write, or that is a link out of its
   package, is refused; so is a package into whose folder anybody may put another.
2. The order is that of the names, on every machine.
"""

import importlib
import importlib.util
import pkgutil
import stat
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ..errors import ConfigurationError, Problem


def import_modules(names: Iterable[str]) -> list[ModuleType]:
    """Import modules, and packages with everything in them, each once and in the order of their names.

    The `__main__` of a package is left out: it is a program.

    Raises:
        ConfigurationError: one is not there, fails, or could be somebody else's.
    """
    found = {}
    for name in sorted(set(names)):
        found.update({module.__name__: module for module in _with_submodules(_imported(name))})
    return [found[name] for name in sorted(found)]


def _with_submodules(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for folder in getattr(module, "__path__", ()):
        if _mode(Path(folder)) & stat.S_IWOTH:
            raise _refusal(module.__name__, f"anybody may put a module into {folder}", f"chmod o-w {folder}")
        for item in sorted(pkgutil.iter_modules([folder]), key=lambda item: item.name):
            if item.name != "__main__":
                yield from _with_submodules(_imported(f"{module.__name__}.{item.name}"))


def _imported(name: str) -> ModuleType:
    """Import a module and the packages around it, each looked at before it runs."""
    above = name.partition(".")[0]
    roots = _roots(_found(above))
    module = _run(above, roots)
    for part in name.split(".")[1:]:
        above = f"{above}.{part}"
        module = _run(above, roots)
    return module


def _run(name: str, roots: list[Path]) -> ModuleType:
    spec = _found(name)
    if spec.has_location and spec.origin:
        _require_own(name, Path(spec.origin), roots)
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise _refusal(name, f"cannot be imported: {type(error).__name__}: {error}", "mend the module") from error


def _found(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise _refusal(name, "there is no such module", "name one that can be imported from here, as 'schemas.chat'")
    return spec


def _roots(spec: ModuleSpec) -> list[Path]:
    """The folders of the outermost package, or the one in which a lone module stands."""
    folders = spec.submodule_search_locations
    return [Path(folder) for folder in folders] if folders is not None else [Path(spec.origin or "").parent]


def _require_own(name: str, path: Path, roots: list[Path]) -> None:
    """Refuse a file that is not the package's own."""
    real = path.resolve()
    if not any([real.is_relative_to(root.resolve()) for root in roots]):
        raise _refusal(name, f"{path} is a link out of its package, to {real}", "put the file itself there")
    if _mode(path) & stat.S_IWOTH:
        raise _refusal(name, f"anybody may write {path}", f"chmod o-w {path}")
    folder = _mode(path.parent)
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        raise _refusal(name, f"anybody may replace {path}", f"chmod o-w {path.parent}")


def _mode(path: Path) -> int:
    """The mode of a file, or of the archive in which it is."""
    return next(one for one in (path, *path.parents) if one.exists()).stat().st_mode


def _refusal(name: str, fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(name, fault, remedy)])
