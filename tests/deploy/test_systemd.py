"""The units of `examples/deploy/systemd/`: judged by systemd, and their program run as they say."""

import asyncio
import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.confined import confined
from tests.deploy.units import SERVICES, UNITS, Place, analyze_program, lines_of, localised, value, values
from tests.kits import in_loop
from tests.ports import free_port
from tests.starter.running import PATIENCE_SECONDS, bare_environment, run
from tornado_wssec import Limits, Timeouts
from tornado_wssec.processes import SPARE_SECONDS
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.raw import handshake_headers

EXPOSURE: Final = 1.5
"""Of 10, by systemd 252; a service that nothing was said of has 9.6."""
SITE: Final = "app.example.com"
PASSPHRASE: Final = "c4n4ry of the passphrase"


@pytest.mark.parametrize("name", SERVICES)
def test_unit_is_one(name: str, tmp_path: Path) -> None:
    """Every line of it is known to systemd."""
    unit = localised(name, tmp_path)
    judged = subprocess.run(
        [analyze_program(), "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    said = [line for line in judged.stderr.splitlines() if "wssec" in line]

    assert (0, []) == (judged.returncode, said)


def test_unit_check_sees_mistakes(tmp_path: Path) -> None:
    """A line that systemd would ignore is found."""
    unit = localised(SERVICES[0], tmp_path)
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystm=strict"))
    judged = subprocess.run([analyze_program(), "verify", "--man=no", str(unit)], capture_output=True, text=True)

    assert "ProtectSystm" in judged.stderr


@pytest.mark.requirement("R090")
@pytest.mark.parametrize("name", SERVICES)
def test_unit_exposes_little(name: str, tmp_path: Path) -> None:
    """By systemd's own measure of what a service could do once it is taken over."""
    command = [analyze_program(), "security", "--offline=true", "--no-pager", str(localised(name, tmp_path))]
    judged = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Overall exposure level for \S+ ([0-9.]+)", judged.stdout)

    assert found is not None
    assert float(found[1]) <= EXPOSURE


def test_unit_of_several_is_that_of_one() -> None:
    """But for its name, its port and whom it belongs to: what is hardened in one is in the other."""
    one, several = (lines_of(name) for name in SERVICES)

    assert {"Environment=PORT=8888", "WantedBy=multi-user.target", "Description=Chat over secured WebSockets"} == {
        *one
    } - {*several}
    assert {
        "Environment=PORT=%i",
        "WantedBy=wssec.target",
        "PartOf=wssec.target",
        "Description=Chat over secured WebSockets, port %i",
    } == {*several} - {*one}


def test_unit_fits_the_settings() -> None:
    """Its times and numbers have room for ours."""
    name, ours = SERVICES[0], Timeouts()

    assert ours.drain + ours.drain_notice + ours.close + SPARE_SECONDS < float(value(name, "TimeoutStopSec"))
    assert 10_000 <= 0.8 * int(value(name, "LimitNOFILE"))
    assert ("mixed", "SIGTERM", "notify", "main") == tuple(
        value(name, key) for key in ("KillMode", "KillSignal", "Type", "NotifyAccess")
    )
    assert Limits().connections is None


def test_unit_holds_no_secret() -> None:
    """Each is a credential of the unit and comes as a file; none is in the environment or in its file."""
    given = [line.partition("=")[0] for line in [*values(SERVICES[0], "Environment"), *lines_of("chat.env")]]
    loaded = {line.partition(":")[0] for line in values(SERVICES[0], "LoadCredential")}
    named = {line.rpartition("/")[2] for line in values(SERVICES[0], "Environment") if "=%d/" in line}

    assert loaded == named == {"store", "keys-passphrase"}
    assert not {"WSSEC_STORE", "WSSEC_KEYS_PASSPHRASE", "WSSEC_COOKIE_SECRET"} & {*given}


@in_loop
async def test_unit_runs_its_program(tmp_path: Path) -> None:
    """By another user, with every file system read-only but its own folders, without a privilege or executable memory.

    What `SystemCallFilter` and `IPAddressDeny` forbid is not forbidden here: that takes a systemd that runs.
    """
    place = deployment(tmp_path)
    port = free_port()
    environment = place.environment(SERVICES[1], NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="900000")
    assert "%i" == environment["PORT"]
    program, *arguments = shlex.split(value(SERVICES[1], "ExecStart"))
    assert "/opt/chat/venv/bin/python" == program
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        messages = kept(manager)
        server = await asyncio.create_subprocess_exec(
            *confined([sys.executable, *arguments], [tmp_path / "state", tmp_path / "logs"]),
            cwd=place.of(value(SERVICES[1], "WorkingDirectory")),
            env={**environment, "PORT": str(port)},
            umask=int(value(SERVICES[1], "UMask"), 8),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            said = [await heard(messages), await heard(messages)]
            client = await connected(port, environment)
            server.terminate()
            reason = await client.assert_closed(1001)
            _, log = await asyncio.wait_for(server.communicate(), PATIENCE_SECONDS)
        finally:
            if server.returncode is None:
                server.kill()
                await server.wait()
        while not said[-1].startswith("STOPPING=1"):
            said.append(await heard(messages))
        asyncio.get_running_loop().remove_reader(manager)

    assert {"READY=1", "WATCHDOG=1"} == {*said[:-1]}
    assert ("server is draining; retry within 1 s", 0) == (reason, server.returncode), log.decode()
    assert PASSPHRASE.encode() not in log
    written = "".join(path.read_text() for path in (tmp_path / "logs").rglob("*.jsonl"))
    events = [json.loads(line)["event"] for line in written.splitlines()]
    assert {"session.opened", "drain.began", "session.closed", "drain.ended", "audit.ended"} <= {*events}


def deployment(folder: Path) -> Place:
    """The application and what root lays beside it: a store, a sealed key file, two credentials."""
    place = Place(folder)
    for name in ("state", "logs", "credentials"):
        (folder / name).mkdir(mode=0o700)
    (folder / "credentials" / "store").write_text(f"sqlite:///{folder}/state/store.db\n")
    (folder / "credentials" / "keys-passphrase").write_text(f"{PASSPHRASE}\n")
    for secret in (folder / "credentials").iterdir():
        secret.chmod(0o400)
    run(sys.executable, "-m", "tornado_wssec", "init", str(folder / "chat"), "--starter", env=bare_environment())
    for made in (*(folder / "chat").glob("*.db*"), folder / "chat" / "wssec.env", folder / "chat" / "keys.json"):
        made.unlink(missing_ok=True)
    wssec(place, "keys", "generate")
    return place


def wssec(place: Place, *arguments: str) -> str:
    """A command with the variables of the deployment."""
    return run(sys.executable, "-m", "tornado_wssec", *arguments, env=place.environment(SERVICES[0]), cwd=place.folder)


def kept(manager: socket.socket) -> "asyncio.Queue[str]":
    """What the manager hears, taken as it comes: the kernel keeps ten messages, and lets the eleventh go."""
    messages: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(manager, lambda: messages.put_nowait(manager.recv(4096).decode()))
    return messages


async def heard(messages: "asyncio.Queue[str]") -> str:
    """What the manager hears next."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await messages.get()


async def connected(port: int, environment: dict[str, str]) -> Client:
    """Somebody who has come in by the proxy."""
    command = ["token", "issue", "--subject", "ann"]
    token = await asyncio.to_thread(run, sys.executable, "-m", "tornado_wssec", *command, env=environment)
    said = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")]
    stream = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
    client = RawSocket(*stream)
    headers = handshake_headers(SITE, origin=f"https://{SITE}", token=token, extra=said)
    answer = await client.upgrade("/ws/chat", headers)
    assert 101 == answer.status, answer
    return Client(client, None)


def test_units_are_the_files_there() -> None:
    """Nothing else lies beside them."""

    assert {*SERVICES, "wssec.target", "chat.env"} == {path.name for path in UNITS.iterdir()}
