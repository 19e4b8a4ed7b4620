"""A plugin of a process that imports one module with a fault in it."""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from .trial import FILE, SOURCE


class Loader(importlib.machinery.SourceFileLoader):
    """Loads another source than the file's."""

    def get_code(self, fullname: str) -> object:  # type: ignore[override]  # of a module that has one
        """What the other source means."""
        return compile(os.environ[SOURCE], os.environ[FILE], "exec")


class Finder(importlib.abc.MetaPathFinder):
    """Finds that one module, before everybody else."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module where it is that one."""
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.origin != os.environ[FILE]:
            return None
        spec.loader = Loader(name, os.environ[FILE])
        return spec


sys.meta_path.insert(0, Finder())
