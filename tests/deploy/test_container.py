"""The container file and its compose file: read, built without a builder, and run as the container would be."""

import asyncio
import json
import re
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.certificates import certify
from tests.deploy.confined import confined
from tests.deploy.containers import CONTAINERFILE, FOLDER, LAST, STEPS, Image, built, image_environment, only
from tests.deploy.units import value
from tests.kits import in_loop
from tests.ports import free_port
from tests.redis_server import RedisServer, binaries
from tests.starter.running import PATIENCE_SECONDS, ROOT, bare_environment, run
from tornado_wssec import Settings
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.raw import handshake_headers

SITE: Final = "app.example.com"
PASSWORD: Final = "c4n4ry-of-the-store"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
CHAT: Final[dict[str, Any]] = COMPOSE["services"]["chat"]


# --- what it says ---


@pytest.mark.requirement("R090")
def test_container_is_nobody() -> None:
    """A number that is not root's, which an orchestrator can see; what it runs is not its own to change."""
    uid, gid = only("USER").text.split(":")
    copied = [step for step in STEPS if step.stage == LAST and step.name == "COPY"]

    assert int(uid) > 1_000
    assert int(gid) > 1_000
    assert not any("--chown" in step.text or "--chmod" in step.text for step in copied)


def test_container_hears_the_signal() -> None:
    """No shell stands before the server; the signal is the one that it drains at, and there is time for that."""
    grace = int(CHAT["stop_grace_period"].removesuffix("s"))

    assert only("ENTRYPOINT").text.startswith("[")
    assert only("HEALTHCHECK").text.partition("CMD ")[2].startswith("[")
    assert "SIGTERM" == only("STOPSIGNAL").text
    assert int(value("wssec.service", "TimeoutStopSec")) == grace
    assert "init" not in CHAT


@pytest.mark.requirement("R090")
def test_container_has_no_secret_in_a_layer() -> None:
    """Nothing is copied that was not named, and no variable of a secret has a value in the image."""
    secret = {name for name, _, is_secret in Settings.variables() if is_secret}
    steps = [step.words for step in STEPS if step.name == "COPY" and not step.text.startswith("--from=build ")]
    copied = [word for words in steps for word in words[:-1]]

    assert not {"ADD", "ARG", "VOLUME"} & {step.name for step in STEPS}
    assert not secret & {name.removesuffix("_FILE") for name in image_environment()}
    assert not {".", "./", "*"} & {*copied}
    assert not [
        found for name in copied for found in (ROOT / name).rglob("*") if found.suffix in (".env", ".db", ".key")
    ]


def test_container_is_of_two_stages() -> None:
    """What builds it is not in it."""

    assert 1 == LAST
    assert not [step for step in STEPS if step.stage == LAST and step.name == "RUN"]


# --- the compose file ---


@pytest.mark.requirement("R090")
@pytest.mark.parametrize("name", ["chat", "store"])
def test_compose_takes_rights_away(name: str) -> None:
    """Nothing to write but volumes, no capability, no new privilege; none is root, none has the engine's socket."""
    service = COMPOSE["services"][name]

    assert (True, ["ALL"], ["no-new-privileges:true"]) == tuple(
        service[key] for key in ("read_only", "cap_drop", "security_opt")
    )
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    assert not [volume for volume in service["volumes"] if volume.startswith(("/", "."))]
    assert "0" != service.get("user", only("USER").text).partition(":")[0]


def test_compose_keeps_the_store_inside() -> None:
    """It publishes nothing, and its network leads nowhere; the chat is published to this machine alone."""
    store = COMPOSE["services"]["store"]

    assert ["inside"] == store["networks"]
    assert COMPOSE["networks"]["inside"]["internal"]
    assert "ports" not in store
    assert ["127.0.0.1:8888:8888"] == CHAT["ports"]


def test_compose_names_only_what_there_is() -> None:
    """Each variable is one of ours, and each secret that it points to is given to the service, and comes as a file."""
    known = {name for name, _, _ in Settings.variables()}
    secret = {name for name, _, is_secret in Settings.variables() if is_secret}
    given = CHAT["environment"]
    pointed = {text.removeprefix("/run/secrets/") for text in given.values() if text.startswith("/run/secrets/")}

    assert {name.removesuffix("_FILE") for name in given} <= known
    assert not secret & given.keys()
    assert {*CHAT["secrets"]} == pointed
    assert {*COMPOSE["secrets"]} == pointed | {"acl"}
    assert all(entry["file"].startswith("./secrets/") for entry in COMPOSE["secrets"].values())


# --- built and run ---


@in_loop
async def test_container_runs_as_it_would(tmp_path: Path) -> None:
    """Its steps are done below a folder, and its command runs by another user, with nothing to write but its audit.

    It speaks TLS, keeps its store in a server with the ACL of the compose file, is healthy, and drains at SIGTERM. A
    container engine is not asked: what that adds, a file system and a network of its own, is not in this test.
    """
    image = built(tmp_path)
    port = free_port()
    (tmp_path / "audit").mkdir()
    with store(tmp_path) as redis:
        environment = image.environment({**deployment(tmp_path, redis.port), "PORT": str(port)})
        run(sys.executable, "-m", "tornado_wssec", "keys", "generate", env={**bare_environment(), **environment})
        server = await asyncio.create_subprocess_exec(
            *confined(image.command(only("ENTRYPOINT").words), [tmp_path / "audit"]),
            cwd=image.at(only("WORKDIR").text),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert server.stdout is not None
        try:
            said = await asyncio.wait_for(server.stdout.readline(), PATIENCE_SECONDS)
            assert said.startswith(b"listening"), said + await server.stdout.read()
            healthy = await healthy_soon(image, environment)
            client = await connected(tmp_path, port, environment)
            server.terminate()
            await client.assert_closed(1001)
            log = await asyncio.wait_for(server.stdout.read(), PATIENCE_SECONDS)
            ended = await server.wait()
        finally:
            if server.returncode is None:
                server.kill()
                await server.wait()
        gone = health(image, environment)

    assert (True, 0, 1) == (healthy, ended, gone), log.decode()
    assert PASSWORD.encode() not in log
    assert "drain.ended" in "".join(path.read_text() for path in (tmp_path / "audit").rglob("*.jsonl"))


def store(folder: Path) -> RedisServer:
    """A server with the users of `examples/deploy/redis.acl`."""
    acl = (ROOT / "examples" / "deploy" / "redis.acl").read_text().replace("replace-this-password", PASSWORD)
    (line,) = [line for line in acl.splitlines() if line.startswith("user wssec")]
    (folder / "redis").mkdir()
    return RedisServer(binaries()[-1], folder / "redis", line)


def deployment(folder: Path, redis_port: int) -> dict[str, str]:
    """What the compose file says, with the secrets where a test may put them."""
    secrets = folder / "secrets"
    secrets.mkdir()
    internal = certify(folder / "secrets", "wssec.internal")
    (secrets / "store").write_text(f"redis://wssec:{PASSWORD}@127.0.0.1:{redis_port}")
    (secrets / "keys-passphrase").write_text("a passphrase of a test")
    for path in (secrets / "store", secrets / "keys-passphrase"):
        path.chmod(0o400)
    internal.certificate.rename(secrets / "internal.pem")
    internal.key.rename(secrets / "internal.key")
    places = {"/run/secrets": str(secrets), "/var/log/wssec": str(folder / "audit"), "10.89.0.1": "127.0.0.9"}
    given = dict(CHAT["environment"])
    for before, after in places.items():
        given = {name: text.replace(before, after) for name, text in given.items()}
    return given


def health(image: Image, environment: dict[str, str]) -> int:
    """What the health check ends with."""
    words = re.sub(r"^.*?CMD ", "", only("HEALTHCHECK").text)
    command = image.command(json.loads(words))
    return subprocess.run(command, env=environment, check=False, timeout=PATIENCE_SECONDS).returncode


async def healthy_soon(image: Image, environment: dict[str, str]) -> bool:
    """Whether it is healthy within the patience of whoever starts it."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        if await asyncio.to_thread(health, image, environment) == 0:
            return True
    return False


async def connected(folder: Path, port: int, environment: dict[str, str]) -> Client:
    """Somebody who comes by an edge that verifies what it is shown."""
    command = ["token", "issue", "--subject", "ann"]
    token = run(sys.executable, "-m", "tornado_wssec", *command, env={**bare_environment(), **environment})
    trusted = ssl.create_default_context(cafile=str(folder / "secrets" / "internal.pem"))
    opened = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusted, server_hostname="wssec.internal", local_addr=("127.0.0.9", 0)
    )
    said = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")]
    socket = RawSocket(*opened)
    answer = await socket.upgrade(
        "/ws/chat", handshake_headers(SITE, origin=f"https://{SITE}", token=token, extra=said)
    )
    assert 101 == answer.status, answer
    return Client(socket, None)


def test_container_file_tells_how_to_build_it() -> None:
    """With the places that it has."""
    text = CONTAINERFILE.read_text()

    assert f"-f {CONTAINERFILE.relative_to(ROOT)}" in text
    assert f"-f {(FOLDER / 'compose.yaml').relative_to(ROOT)}" in (FOLDER / "compose.yaml").read_text()
