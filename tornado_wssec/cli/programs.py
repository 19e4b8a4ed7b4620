"""Importing the operator's own modules: message catalogues and applications.

Rules of this file:
1. Only what was named is imported, and by the commands alone whose purpose it is.
2. What goes wrong in it is told with its place; its text is shortened like every other.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import WssecError
from .commands import Refused, WrongUsage


def find_attribute(name: str) -> Any:
    """What `module:attribute` names, the module being looked for in the current directory too.

    Raises:
        WrongUsage: it is not written so.
        Refused: there is none, or importing it fails.
    """
    module, colon, attribute = name.partition(":")
    if not module or not colon or not attribute:
        raise WrongUsage(f"{name!r} is not module:attribute, such as app:make_app")
    with from_here(module):
        found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise Refused(f"{module} has no {attribute}; name the application or the function that makes it")
        found = getattr(found, part)
    return found


@contextmanager
def from_here(what: str) -> Iterator[None]:
    """Let imports find the current directory, as `python -m` does; tell in a line what fails.

    Raises:
        Refused: the block fails in another way than this package does.
    """
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        yield
    except WssecError:
        raise
    except (Exception, SystemExit) as error:  # SystemExit: a script that was meant to be run
        if isinstance(error, ModuleNotFoundError) and f"{what}.".startswith(f"{error.name}."):
            raise Refused(f"{what}: there is no such module; name one that can be imported from here") from None
        raise Refused(f"{what} cannot be used: {_told(error)}; see that it imports in this directory") from None


def _told(error: Exception | SystemExit) -> str:
    """The error and its last line outside this package and the interpreter's import machinery."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    place = f" at {os.path.relpath(frames[-1].filename)}:{frames[-1].lineno}" if len(frames) > 1 else ""
    return f"{type(error).__name__}: {error}{place}"
