"""The real Prometheus, on the files of `examples/deploy/prometheus/`, reads a running server and raises an alert."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.deploy.test_prometheus import FOLDER
from tests.kits import chat_kit, in_loop
from tests.left_out import leave_out
from tests.ports import free_port
from tornado_wssec.settings import Secret

TOKEN: Final = Secret("p" * 32)
PATIENCE_SECONDS: Final = 20.0
ABSENT: Final = {"127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.1:9103"}
"""Where the file expects the other processes of the host; in the test nobody is there."""


class Prometheus:
    """A running one.

    Args:
        port: of its HTTP API.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    async def ask(self, path: str, **parameters: str) -> Any:
        """What its API says; None while it does not answer yet."""
        with contextlib.suppress(OSError):
            answer = await AsyncHTTPClient().fetch(f"{self._url}/{path}?{urlencode(parameters)}", raise_error=False)
            if answer.code == 200:
                return json.loads(answer.body)["data"]
        return None

    async def value(self, query: str) -> float | None:
        """The one number that a query gives; None for none."""
        found = (await self.ask("query", query=query) or {"result": []})["result"]
        return float(found[0]["value"][1]) if found else None

    async def becomes(self, expected: Any, ask: Callable[[], Any]) -> None:
        """Return once it says so; every look is a question to its API.

        Raises:
            AssertionError: with what it said last.
        """
        found = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (found := await ask()) != expected:  # noqa: ASYNC110 -- it tells nobody when it has looked
                    await asyncio.sleep(0.05)
        assert expected == found

    async def targets(self) -> dict[str, str]:
        """Target → how it does."""
        found = (await self.ask("targets") or {"activeTargets": []})["activeTargets"]
        return {target["labels"]["instance"]: target["health"] for target in found}

    async def alerts(self) -> set[tuple[str, str, str]]:
        """Name, process and state of each alert that is under way."""
        found = (await self.ask("alerts") or {"alerts": []})["alerts"]
        return {(one["labels"]["alertname"], one["labels"]["instance"], one["state"]) for one in found}


@asynccontextmanager
async def prometheus(folder: Path, port_of_metrics: int) -> AsyncIterator[Prometheus]:
    """Run it on our files, with the token, looking four times a second."""
    program = shutil.which("prometheus") or leave_out("prometheus", "apt-get install prometheus")
    (folder / "wssec.token").write_text(TOKEN.reveal())
    (folder / "wssec.rules.yml").write_text(changed("wssec.rules.yml", {"for: 1m": "for: 500ms"}))
    changes = {
        "15s": "250ms",
        "127.0.0.1:9100": f"127.0.0.1:{port_of_metrics}",
        "    # authorization:": "    authorization:",
        "    #   credentials_file: /etc/prometheus/wssec.token": f"      credentials_file: {folder / 'wssec.token'}",
    }
    (folder / "prometheus.yml").write_text(changed("prometheus.yml", changes))
    port = free_port()
    options = (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (folder / "prometheus.log").open("w") as log:
        running = await asyncio.create_subprocess_exec(
            program, *options, stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "1"}
        )
        try:
            yield Prometheus(port)
        finally:
            running.send_signal(signal.SIGKILL)  # its data go with the folder: there is nothing to be saved
            await running.wait()


def changed(name: str, changes: dict[str, str]) -> str:
    """One of our files, with what a test needs otherwise; each of these texts must stand in it."""
    text = (FOLDER / name).read_text()
    for before, after in changes.items():
        assert before in text, f"{before!r} does not stand in {name}"
        text = text.replace(before, after)
    return text


@pytest.mark.requirement("R084")
@in_loop
async def test_prometheus_reads_a_running_server(tmp_path: Path) -> None:
    """Behind its token: the target is up, our numbers are there; where no process is, an alert waits and then fires."""
    async with chat_kit() as kit:
        port = kit.guard.listen_metrics(0, token=TOKEN)
        ann = await kit.connect("/ws", subject="ann", permissions=["chat:write:lobby"])
        await ann.request("chat.send", {"room": "lobby", "text": "hello"})
        ours = f"127.0.0.1:{port}"
        async with prometheus(tmp_path, port) as running:
            await running.becomes({ours: "up", **dict.fromkeys(ABSENT, "down")}, running.targets)
            await running.becomes(1.0, lambda: running.value('wssec_messages_total{type="chat.send"}'))
            await running.becomes(1.0, lambda: running.value('wssec_connections{endpoint="ChatSocket"}'))
            await running.becomes({("WssecDown", other, "firing") for other in ABSENT}, running.alerts)
            written = (tmp_path / "prometheus.log").read_text()
        await ann.close()

    assert TOKEN.reveal() not in written
