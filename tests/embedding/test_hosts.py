"""Our socket inside a real Jupyter Server, Bokeh server and Panel server, and theirs beside it."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.embedding.hosts import JUPYTER_TOKEN, PAGE, PATIENCE_SECONDS, Host, bokeh, checked, get, jupyter, panel
from tests.kits import in_loop

JSON = ("Content-Type", "application/json")


@in_loop
async def test_host_lets_a_token_chat(host: Host) -> None:
    """The handshake, the pipeline and the reply are as in a server of our own."""
    client = await host.connect(f"{host.base}chat", host.token())

    assert {"delivered": True} == await client.request("chat.send", {"room": "lobby", "text": "hello"})
    await client.assert_refused("permission_denied", "chat.send", {"room": "attic", "text": "hello"})
    await client.assert_refused("invalid", "chat.send", {"room": "lobby"})
    await client.close()


@in_loop
async def test_host_refuses_as_we_do(host: Host) -> None:
    """Nobody, somebody's page, and what the host itself would take for a login: our statuses, before the upgrade."""
    path = f"{host.base}chat"
    token = ("Authorization", f"Bearer {host.token()}")
    answers = [
        await host.ask(path),
        await host.ask(path, ("Authorization", f"token {JUPYTER_TOKEN}")),
        await host.ask(f"{path}?token={JUPYTER_TOKEN}"),
        await host.ask(path, token, origin="https://evil.test"),
        await host.ask(path, token, origin=f"http://{host.name}"),
        await host.ask(path, token, origin=None),
    ]

    assert [401, 401, 401, 403, 403, 403] == [answer.status for answer in answers]
    assert 'Bearer error="invalid_token"' == answers[0].headers["www-authenticate"]


@in_loop
async def test_host_gives_tickets(host: Host) -> None:
    """Our routes stand below its base URL, and are asked neither for its login nor for its XSRF cookie."""
    token = ("Authorization", f"Bearer {host.token()}")
    body = json.dumps({"path": f"{host.base}chat"}).encode()
    given = await get(host, "wssec/ticket", token, JSON, ("Origin", PAGE), method="POST", body=body)
    refused = await get(host, "wssec/ticket", JSON, ("Origin", PAGE), method="POST", body=body)
    used = await host.ask(f"{host.base}chat?ticket={json.loads(given.body)['ticket']}")

    assert (200, 401, 101) == (given.status, refused.status, used.status)


@in_loop
async def test_host_closes_what_is_revoked(host: Host) -> None:
    """A command in another process closes the socket in the host."""
    client = await host.connect(f"{host.base}chat", host.token("eve"))
    host.wssec("revoke", "subject", "eve", "--yes")

    await client.assert_closed(4403)


@in_loop
async def test_host_log_keeps_no_ticket(host: Host) -> None:
    """What the host writes of our routes has no query in it."""
    await host.ask(f"{host.base}chat?ticket=c4n4ry-in-the-query")

    assert "c4n4ry" not in host.log.read_text()


@pytest.mark.parametrize("start", [jupyter, bokeh, panel], ids=lambda start: start.__name__)
@in_loop
async def test_host_says_goodbye(
    start: Callable[[Path, Path], AbstractContextManager[Host]], python: Path, tmp_path: Path
) -> None:
    """When it is told to stop, our clients are told 1001, and it ends."""
    with start(python, tmp_path) as host:
        client = await host.connect(f"{host.base}chat", host.token())
        host.process.terminate()
        await client.assert_closed(1001)
        host.process.wait(timeout=PATIENCE_SECONDS)


# --- what is theirs ---


@in_loop
async def test_jupyters_own_keeps_working(jupyter_host: Host) -> None:
    """Its API and its socket ask for its own token, as before; ours opens neither."""
    path, own = "/lab/api/events/subscribe", f"http://{jupyter_host.name}"
    login = ("Authorization", f"token {JUPYTER_TOKEN}")
    ours = ("Authorization", f"Bearer {jupyter_host.token()}")
    statuses = [
        (await get(jupyter_host, "api/status", login)).status,
        (await get(jupyter_host, "api/status")).status,
        (await get(jupyter_host, "api/status", ours)).status,
        (await jupyter_host.ask(path, login, origin=own)).status,
        (await jupyter_host.ask(path, origin=own)).status,
        (await jupyter_host.ask(path, ours, origin=own)).status,
    ]

    assert [200, 403, 403, 101, 302, 302] == statuses  # 302: to its login


PULL = """
import sys
from bokeh.client import pull_session
print(pull_session(url=sys.argv[1]).document.roots[0].title.text)
"""


def test_bokehs_own_keeps_working(bokeh_host: Host) -> None:
    """Its page is there, and its client has the plot over its own socket."""
    command = [str(bokeh_host.python), "-c", PULL, f"http://{bokeh_host.name}/plot"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    assert ("As ever", 0) == (ended.stdout.strip(), ended.returncode), ended.stderr


PULL_SLIDER = """
import sys
import panel  # so that its widgets can be read
from bokeh.client import pull_session
found = pull_session(url=sys.argv[1]).document.select_one({"title": "As ever"})
print(found.title, found.value)
"""


def test_panels_own_keeps_working(panel_host: Host) -> None:
    """Its page is there, and its client has the app over its own socket, without a token of ours."""
    command = [str(panel_host.python), "-c", PULL_SLIDER, f"http://{panel_host.name}/app"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    assert 200 == asyncio.run(get(panel_host, "app")).status
    assert ("As ever 1", 0) == (ended.stdout.strip(), ended.returncode), ended.stderr


def test_host_log_says_once_that_the_server_is_not_ours(host: Host) -> None:
    """At the first handshake, and what is lacking."""
    asyncio.run(host.ask(f"{host.base}chat"))

    assert 1 == host.log.read_text().count("served by an HTTPServer that guard.listen() did not make")


def test_jupyter_warns_of_endpoints_that_it_does_not_know(jupyter_host: Host) -> None:
    """Where all are to ask for its login, it says of which it has seen none."""
    said = jupyter_host.log.read_text()

    assert "JupyterServerAuthWarning: Extension endpoints without" in said
    assert "GET of ChatSocket registered for" in said


# --- what is told of them ---


JUPYTER = """
from jupyter_server.serverapp import ServerApp

def make():
    server = ServerApp(allow_root=True, open_browser=False{options})
    server.initialize(argv=[], new_httpserver=False)
    return server
"""

EXTENDED = """, jpserver_extensions={"examples.embedding.jupyter_chat": True}"""
WIDE = """, allow_origin="*", disable_check_xsrf=True"""

BOKEH = """
from bokeh.application import Application
from bokeh.server.server import Server

def make():
    return Server({{"/plot": Application()}}, port=0{options})
"""


def lines(found: dict[str, object], level: str) -> dict[str, str]:
    """Where → what, of the lines of one level."""
    listed = found["lines"]
    assert isinstance(listed, list)
    return {line["where"]: line["what"] for line in listed if line["level"] == level}


def test_check_names_the_sockets_of_jupyter(jupyter_host: Host, tmp_path: Path) -> None:
    """Its three sockets, and the one that Panel brings it, are not ours; who may connect is decided by named code."""
    found = checked(jupyter_host, tmp_path, "plain_jupyter", JUPYTER.format(options=""))
    without = [what.partition(" ")[0] for what in lines(found, "open").values() if "without the guard" in what]

    kernels = r"/api/kernels/(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)/channels$"
    preview = "/panel-preview/render/(.*)/ws$"  # Panel is a server extension wherever it is installed
    assert {kernels, "/api/events/subscribe$", r"/terminals/websocket/(\w+)$", preview} == set(without)
    unknown = lines(found, "cannot tell")
    assert "guard" in unknown
    assert "jupyter_server.base.websocket.WebSocketMixin decides" in " ".join(unknown.values())
    assert "allow_unauthenticated_access" in lines(found, "declared")
    assert "asks for a login" in lines(found, "route")["/api/status$"]


def test_check_names_the_open_settings_of_jupyter(jupyter_host: Host, tmp_path: Path) -> None:
    """Every site's pages, and no XSRF check."""
    found = checked(jupyter_host, tmp_path, "wide_jupyter", JUPYTER.format(options=WIDE))

    assert {"allow_origin", "disable_check_xsrf"} <= set(lines(found, "open"))


def test_check_tells_ours_from_theirs_in_jupyter(jupyter_host: Host, tmp_path: Path) -> None:
    """With the extension: our route with what guards it, our rules in force, and theirs as before."""
    found = checked(jupyter_host, tmp_path, "our_jupyter", JUPYTER.format(options=EXTENDED))

    assert (
        f"ChatSocket: bearer or ticket; from {PAGE}; requires no permission to connect"
        == lines(found, "route")["/chat$"]
    )
    assert {} == lines(found, "problem")
    assert "store out of reach" in lines(found, "in force")
    assert 4 == sum("without the guard" in what for what in lines(found, "open").values())


def test_check_names_the_socket_of_bokeh(bokeh_host: Host, tmp_path: Path) -> None:
    """Its socket, who may connect to it, and that nobody is asked who he is."""
    shut = checked(bokeh_host, tmp_path, "plain_bokeh", BOKEH.format(options=""))
    wide = checked(bokeh_host, tmp_path, "wide_bokeh", BOKEH.format(options=', allow_websocket_origin=["*"]'))
    opened = lines(shut, "open")

    assert "/plot/ws$ is a WebSocket without the guard" in opened.values()
    assert "auth_provider" in opened
    assert "bokeh.server.views.ws.WSHandler decides" in " ".join(lines(shut, "cannot tell").values())
    assert {"allow_websocket_origin", "sign_sessions"} <= set(lines(shut, "declared"))
    assert "allow_websocket_origin" in lines(wide, "open")


PANEL = """
import panel
from panel.io.server import get_server

def make():
    return get_server({"app": lambda: panel.Column()}, port=0)
"""


def test_check_names_the_socket_of_panel(panel_host: Host, tmp_path: Path) -> None:
    """It is Bokeh's, and open to whoever reaches it unless Panel is told of a login."""
    found = checked(panel_host, tmp_path, "plain_panel", PANEL)
    opened = lines(found, "open")

    assert "/app/ws$ is a WebSocket without the guard" in opened.values()
    assert "auth_provider" in opened


def test_check_says_what_the_page_shows(bokeh_host: Host, tmp_path: Path) -> None:
    """Each line on the page on embedding is one that the command prints of the module there."""
    (module,) = [block for block in blocks(DOCS / "embedding.md") if block.file_name == "checked_host.py"]
    (shown,) = [block for block in blocks(DOCS / "embedding.md") if block.language == "text"]
    (tmp_path / "checked_host.py").write_text(module.text)
    command = [str(bokeh_host.python), "-m", "tornado_wssec", "check", "checked_host:make"]
    ended = subprocess.run(command, cwd=tmp_path, env=bokeh_host.env, capture_output=True, text=True, check=False)
    said = [re.sub(" +", " ", line) for line in ended.stdout.splitlines()]
    lines = [re.sub(" +", " ", line) for line in shown.text.splitlines()[1:]]

    assert 3 == len(lines)
    assert [] == [line for line in lines if not any(one.startswith(line) for one in said)], ended.stdout
