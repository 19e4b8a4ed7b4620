"""A program that kills a writer of the key file at every step it makes, and looks at what is left.

    python -m tests.stores.keyfile_torture rotate|create DIRECTORY

For n = 0, 1, 2 … a child does the operation and kills itself (SIGKILL) at its n-th step: before a call
to the system, in the middle of a write, or after the call. Then the file is judged as the next process
would read it, and changed once more. It ends when a child finishes. Prints one JSON object.
"""

import fcntl
import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from tornado_wssec.policy.keys import KeyRing, KeyState
from tornado_wssec.stores.keyfile import KeyFile

NOW: Final = 1_800_000_000.0
CALLS: Final = ("open", "fstat", "stat", "listdir", "write", "fsync", "close", "rename", "unlink")


class Countdown:
    """Kills this process at its n-th step."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def step(self) -> None:
        """One step less to live."""
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps -= 1

    def watch(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, with a step before it and one after; a write is torn in between."""

        def watched(*arguments: Any, **options: Any) -> Any:
            self.step()
            if call is WRITE:
                descriptor, content = arguments
                half = WRITE(descriptor, content[: len(content) // 2])
                self.step()
                content = content[half:]
                return half + WRITE(descriptor, content)
            result = call(*arguments, **options)
            self.step()
            return result

        return watched


WRITE: Final = os.write


def killed_at(steps: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed at its n-th step; False when it finished before."""
    child = os.fork()
    if child == 0:
        _work_and_die(steps, work)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status != 0


def _work_and_die(steps: int, work: Callable[[], object]) -> NoReturn:
    countdown = Countdown(steps)
    for name in CALLS:
        setattr(os, name, countdown.watch(getattr(os, name)))
    fcntl.flock = countdown.watch(fcntl.flock)
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def judge(directory: Path) -> None:
    """Every file is private, whole or a leftover; nobody holds the lock; the next writer cleans up."""
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert path.name in ("keys.json", "keys.json.lock") or path.name.endswith(".tmp"), path


def rotate(directory: Path) -> dict[str, int]:
    """Kill a rotation at every step. What is there afterwards is the old set or the new one."""
    file = KeyFile(directory / "keys.json", lock_wait=0)
    file.create(KeyRing().generate(now=NOW))
    outcomes = {"old": 0, "new": 0}
    was_killed = True
    while was_killed:
        before = file.load()
        was_killed = killed_at(sum(outcomes.values()), lambda: file.edit(lambda ring: ring.rotate(NOW)))
        judge(directory)
        after = file.load()
        is_new = len(after.keys) == len(before.keys) + 1
        assert is_new or (was_killed and after == before)
        assert [key.state for key in after.keys].count(KeyState.CURRENT) == 1
        assert after.current.sign(b"{}", "t")
        outcomes["new" if is_new else "old"] += 1
        file.edit(lambda ring: ring.generate(now=NOW).rotate(NOW))
        assert sorted(os.listdir(directory)) == ["keys.json", "keys.json.lock"]
    return outcomes


def create(directory: Path) -> dict[str, int]:
    """Kill the making at every step. Afterwards there is none, or a whole one; a second try makes it."""
    file = KeyFile(directory / "keys.json", lock_wait=0)
    ring = KeyRing().generate(now=NOW)
    outcomes = {"old": 0, "new": 0}
    was_killed = True
    while was_killed:
        was_killed = killed_at(sum(outcomes.values()), lambda: file.create(ring))
        judge(directory)
        if (directory / "keys.json").exists():
            outcomes["new"] += 1
        else:
            assert was_killed
            outcomes["old"] += 1
            file.create(ring)
        assert file.load() == ring
        assert sorted(os.listdir(directory)) == ["keys.json", "keys.json.lock"]
        for path in directory.iterdir():
            path.unlink()
    return outcomes


if __name__ == "__main__":
    json.dump({"rotate": rotate, "create": create}[sys.argv[1]](Path(sys.argv[2])), sys.stdout)
