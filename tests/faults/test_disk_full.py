"""A disk without room: row 11. And a revocation that nobody acknowledges."""

import asyncio
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.prepared import PYTHONPATH
from tests.faults.node import environment_of, is_served, make_store, running, until_status
from tests.redis_server import RedisServer
from tests.stores.kit import in_loop
from tests.waiting import until
from tornado_wssec.telemetry.audit_verdict import judged


async def wssec(environment: Mapping[str, str], *words: str, room: int | None = None) -> tuple[int, str]:
    """The exit code of a command, and all that it says; no file may grow beyond `room`, as on a disk that is full."""

    def narrow() -> None:
        if room is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tornado_wssec", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": PYTHONPATH, **environment},
        preexec_fn=narrow,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@in_loop
async def test_revoke_on_a_full_disk(tmp_path: Path) -> None:
    """It exits 1 and says that nothing holds; servers go on; once there is room it holds, and closes."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token = await node.token()
        live = await node.connect(token)
        code, said = await wssec(environment, "revoke", "subject", "ann", room=0)
        assert (1, True) == (code, "store.db cannot" in said)
        assert "acknowledged  yes" not in said
        assert 101 == await node.status(token)
        assert await is_served(live)
        code, said = await wssec(environment, "revoke", "subject", "ann")
        assert (0, True) == (code, "yes" in said)
        await live.assert_closed(4403)

        assert 401 == await node.status(token)


@in_loop
async def test_server_on_a_full_disk(tmp_path: Path) -> None:
    """Who is in is served; tokens come in; what must be written gets 503."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token = await node.token()
        live = await node.connect(token)
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        assert "StoreUnavailable" == await node.ask("revoke", "subject", "ann")
        assert await is_served(live)
        assert 101 == await node.status(token)


@pytest.mark.parametrize("is_required", [True, False])
@in_loop
async def test_l07_audit_on_a_full_disk(tmp_path: Path, is_required: bool) -> None:
    """Where it is required nobody new comes in; who is in is served. With room again nothing is torn or unsaid."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    folder = tmp_path / "audit"
    environment = {**environment, "WSSEC_AUDIT": str(folder)}
    async with running(environment, tmp_path, audit_is_required=is_required) as node:
        token = await node.token()
        live = await node.connect(token)
        _, most = resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await node.status("no token")
        await until_status(node, 503 if is_required else 101, token)
        assert await is_served(live)
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (most, most))
        await until_status(node, 101, token)
        # The log is a file, too, and was as full; that it is over is told in it again.
        await until(lambda: node.told("WARNING", "the audit is written to") == 1, "the audit to be written again")

    assert [("ended", [])] == [(verdict.state, verdict.faults) for verdict in judged(folder)]


@in_loop
async def test_revoke_that_is_not_acknowledged_still_reaches_servers(own_redis: RedisServer, tmp_path: Path) -> None:
    """The only server stands still: the command exits 1 and says so, and the server closes as soon as it goes on."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token = await node.token()
        await until_status(node, 101, token)
        live = await node.connect(token)
        await until(lambda: ":applied" in own_redis.ask("KEYS", "*"), "the server to follow")
        node.process.send_signal(signal.SIGSTOP)
        code, said = await wssec(environment, "revoke", "subject", "ann")
        node.process.send_signal(signal.SIGCONT)
        assert (1, True) == (code, "not acknowledged" in said)
        await live.assert_closed(4403)

        await until_status(node, 401, token, never=101)


@pytest.mark.parametrize(
    "words", [("revoke", "subject", "ann"), ("apikeys", "create", "--subject", "ann")], ids=" ".join
)
@in_loop
async def test_redis_out_of_memory_is_no_success(
    own_redis: RedisServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """What Redis refuses to keep is said to have failed, with the remedy."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    own_redis.ask("CONFIG", "SET", "maxmemory", "1")
    code, said = await wssec(environment, *words)

    assert (1, True) == (code, "is out of memory; raise its maxmemory" in said)
