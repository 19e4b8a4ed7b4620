"""How a server under measurement is asked what it has spent: a line in, a line of JSON out.

Standard library only. A thread of its own waits for the questions, so that it works in every framework; while no
question comes it costs nothing.
"""

import gc
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

BACKLOG: Final = 1024


def listening() -> socket.socket:
    """A socket on a free port of loopback."""
    raise_descriptors()
    return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)


def raise_descriptors() -> None:
    """Let this process have as many descriptors as the system allows."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def answer(port: int, **questions: Callable[..., Any]) -> None:
    """Tell the port, and answer until standard input ends; then end the process."""
    print(json.dumps({"port": port}), flush=True)
    known = {"cpu": time.process_time, "resident": resident_bytes, **questions}
    threading.Thread(target=_answer, args=(known,), daemon=True).start()


def _answer(known: dict[str, Callable[..., Any]]) -> None:
    for line in sys.stdin:
        word, *arguments = line.split()
        print(json.dumps(known[word](*arguments)), flush=True)
    os._exit(0)


def group_cpu_seconds() -> float:
    """CPU time of this process and of those that it has started, dead ones left out; Linux only."""
    return sum(_cpu_seconds(pid) for pid in (os.getpid(), *_children()))


def _children() -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it has ended meanwhile
        if int(parent) == os.getpid():
            found.append(int(stat.parent.name))
    return found


def _cpu_seconds(pid: int) -> float:
    """Exactly, of all its threads; `stat` counts in hundredths of a second."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def resident_bytes() -> int:
    """How much memory this process has, once the garbage has been taken out."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
