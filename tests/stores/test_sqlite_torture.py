"""A writer that is killed at any moment leaves the old state or the new one, and takes back nothing acknowledged."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.left_out import leave_out
from tornado_wssec.stores.sqlite import SqliteStore

from .kit import NOW, PATIENT, in_loop, whole_log
from .torture import CANNOT_TRACE

WRITER = """
import asyncio, itertools, sys
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.sqlite import SqliteStore
from tests.stores.kit import revocation
async def main():
    store = SqliteStore(sys.argv[1], timeouts=Timeouts(store_call=30.0, store_sync=30.0))
    await store.open()
    for number in itertools.count(int(sys.argv[2])):
        await store.append(revocation(f"r{number}"))
        print(number, flush=True)
asyncio.run(main())
"""


def tortured(what: str, place: Path) -> dict[str, int]:
    """How often the old and the new state were found, over all steps."""
    program = [sys.executable, "-m", "tests.stores.torture", what, str(place)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if sys.platform != "linux" or done.returncode == CANNOT_TRACE:
        leave_out("tracing of one's own children", "run on Linux, in a container with --cap-add SYS_PTRACE")
    assert (0, "") == (done.returncode, done.stderr)
    outcomes: dict[str, int] = json.loads(done.stdout)
    return outcomes


@pytest.mark.parametrize("what", ["append", "put", "drop", "migrate"])
def test_torture_at_every_system_call(tmp_path: Path, what: str) -> None:
    """Killed before and after each: both states turn up, and nothing between them ever does."""
    found = tortured(what, tmp_path)

    assert found["old"] + found["new"] == found["stops"]
    assert min(found["old"], found["new"]) > 3  # or the steps around the commit were not among them


@in_loop
async def test_torture_by_killing_a_busy_writer(tmp_path: Path) -> None:
    """Whatever it was doing when it was killed: all that it had acknowledged is there, in order, without a gap."""
    path = tmp_path / "store.db"
    store = SqliteStore(path, timeouts=PATIENT)
    await store.migrate(NOW)
    await store.open()
    there = 0
    for acknowledgements in range(1, 11):
        pipe = asyncio.subprocess.PIPE
        program = [sys.executable, "-c", WRITER, str(path), str(there)]
        process = await asyncio.create_subprocess_exec(*program, stdout=pipe)
        assert process.stdout is not None
        seen = [int(await process.stdout.readline()) for _ in range(acknowledgements)]
        process.kill()
        seen += [int(line) for line in (await process.stdout.read()).split(b"\n")[:-1]]
        await process.wait()
        ids = [body.id for body in await whole_log(store)]

        assert [f"r{number}" for number in range(len(ids))] == ids
        assert len(ids) - seen[-1] in (1, 2)  # the last one acknowledged, or one more that was about to be
        there = len(ids)
    await store.close()
