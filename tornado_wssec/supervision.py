"""What a service manager is told that has asked for it: ready, alive, and on its way out.

Rules of this file:
1. Nothing depends on it: whoever asked and cannot be told is logged once, and the server goes on.
2. Alive is said by the sweep over the deadlines. Where the event loop stands still nobody says it.

Source: sd_notify(3), systemd 252. It is one datagram a message, so that no library is needed.
"""

import logging
import socket
from collections.abc import Mapping, MutableMapping
from typing import Final

logger = logging.getLogger(__name__)

ADDRESS: Final = "NOTIFY_SOCKET"
WATCHDOG: Final = ("WATCHDOG_USEC", "WATCHDOG_PID")
LIVES_A_WAIT: Final = 3
"""How often alive is said in the time after which the manager gives up: two may come late."""


def forget_manager(environment: MutableMapping[str, str]) -> None:
    """Take what is for one process out of the environment of another."""
    for name in (ADDRESS, *WATCHDOG):
        environment.pop(name, None)


class Supervisor:
    """Speaks to the service manager that has started this process, or to nobody.

    Args:
        environment: of the process.
        pid: its number; the watchdog may be another's.
    """

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        path = environment.get(ADDRESS, "")
        is_ours = path[:1] in ("/", "@")  # vsock and the like are for virtual machines
        self._address = path.replace("@", "\0", 1) if path[:1] == "@" else path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if is_ours else None
        if self._sock is not None:
            self._sock.setblocking(False)
        self._interval = _watchdog(environment, pid) / LIVES_A_WAIT
        self._alive_at = 0.0
        self._is_ready = False

    def look(self, now: float, *, is_ready: bool) -> None:
        """Say that the server is ready, once it is, and from time to time that it lives; `now` in monotonic seconds."""
        if self._sock is None:
            return
        if is_ready and not self._is_ready:
            self._is_ready = True
            self._say("READY=1")
        if self._interval and now - self._alive_at >= self._interval:
            self._alive_at = now
            self._say("WATCHDOG=1")

    def leave(self, connections: int) -> None:
        """Say that the server drains."""
        self._say(f"STOPPING=1\nSTATUS=draining {connections} connections")

    def close(self) -> None:
        """Say nothing more."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _say(self, text: str) -> None:
        if self._sock is None:
            return
        try:
            self._sock.sendto(text.encode(), self._address)
        except BlockingIOError:
            pass  # it will hear of the next
        except OSError as error:
            logger.warning("the service manager at %s cannot be told: %s", ADDRESS, error.strerror)
            self.close()


def _watchdog(environment: Mapping[str, str], pid: int) -> float:
    """Seconds after which the manager takes this process for dead; 0.0: it does not look."""
    wait, of = (environment.get(name, "") for name in WATCHDOG)
    return int(wait) / 1e6 if wait.isdecimal() and of in ("", str(pid)) else 0.0
