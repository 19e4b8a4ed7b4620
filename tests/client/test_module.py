"""The browser's module: it behaves as its page says, is small, is typed, is packed, and is served."""

import gzip
import json
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from schemas import chat
from tests.client.kit import Chat, in_loop
from tests.client.node import minified, node_test
from tests.exports.node import compiled
from tests.test_routes import sent
from tornado_wssec import Registry
from tornado_wssec.cli.route_audit import route_lines
from tornado_wssec.client import STATIC, module_url
from tornado_wssec.client.schedule import FIRST_WAIT, LONGEST_WAIT, STABLE_AFTER
from tornado_wssec.closing import CloseCode
from tornado_wssec.exports.typescript import export_typescript
from tornado_wssec.testing import GuardKit

ROOT: Final = Path(__file__).resolve().parents[2]
MODULE: Final = (STATIC / "wssec.js").read_text()
MOST_BYTES: Final = 6 * 1024

USE: Final = """
import { Connection, Refused, ticket } from "./wssec";
import type { BinaryInbound, Inbound, Outbound, SignedInbound } from "./messages";
const connection = new Connection<Inbound | SignedInbound | BinaryInbound, Outbound>("/ws", { credential: ticket() });
"""
RIGHT: Final = """
connection.on("chat.posted", ({ author, text }, { channel, seq }) => [author.length, text.length, channel, seq]);
connection.on("error", (refused) => refused.code === "rate_limited" && refused.retryAfter);
connection.on("wssec.gap", ({ channel }) => channel.length);
connection.watch((state) => state.name === "waiting" && new Date(state.at));
export const reply: Promise<Record<string, unknown>> = connection.request("chat.send", { room: "a", text: "b" });
connection.request("ping");
connection.send("wssec.unsubscribe", { channel: "a" });
export const why = (error: unknown) => error instanceof Refused && error.code === "no_answer";
"""
WRONG: Final = {
    "unknown-type": 'connection.request("chat.sned", { room: "a", text: "b" });',
    "missing-field": 'connection.request("chat.send", { room: "a" });',
    "no-data": 'connection.send("chat.send");',
    "unknown-field": 'connection.send("chat.send", { room: "a", text: "b", author: "c" });',
    "wrong-kind": 'connection.send("chat.send", { room: "a", text: 1 });',
    "one-of-the-servers": 'connection.request("chat.posted", { room: "a", text: "b", author: "c" });',
    "not-heard": 'connection.on("chat.send", () => 1);',
    "read-of-another": 'connection.on("chat.posted", (data) => data.symbol);',
    "no-such-error": 'connection.on("error", (refused) => refused.code === "nonsense");',
    "no-such-state": 'connection.watch((state) => state.name === "asleep");',
    "no-such-reason": 'connection.watch((state) => state.name === "stopped" && state.reason === "timed");',
}


def table(name: str) -> dict[str, Any]:
    """A constant of the module, as JSON would have it."""
    found = re.search(rf"const {name} = (\{{.*?\n\}});", MODULE, re.DOTALL)
    assert found is not None
    text = re.sub(r"(\d)_(\d)", r"\1\2", found[1])
    text = re.sub(r"^\s*(\d+):", r'"\1":', text, flags=re.MULTILINE)
    return dict(json.loads(re.sub(r",(\s*[}\]])", r"\1", text)))


def number(name: str) -> float:
    """A constant of the module."""
    found = re.search(rf"const {name} = ([\d_]+);", MODULE)
    assert found is not None
    return int(found[1]) / 1_000


@pytest.mark.requirement("R091")
def test_module_leads_to_the_documented_states() -> None:
    """Every close code and fault, in Node's test runner with a socket, a clock and a network in its hand."""
    ran = node_test("wssec.test.mjs")

    assert 0 == ran.returncode, ran.stdout[-6_000:]


def test_module_knows_the_codes_as_the_package_does() -> None:
    """One table of closes, and one of waits, in both languages."""

    assert {str(int(code)): [code.name.lower(), str(code.advice)] for code in CloseCode} == table("CLOSES")
    assert {str(advice): seconds * 1_000 for advice, seconds in FIRST_WAIT.items()} == table("FIRST_WAIT")
    assert (LONGEST_WAIT, STABLE_AFTER) == (number("LONGEST_WAIT"), number("STABLE_AFTER"))


def test_module_is_small() -> None:
    """Below 6 kB, minified and compressed; and it imports nothing."""
    small = gzip.compress(minified(STATIC / "wssec.js").encode(), 9)

    assert len(small) < MOST_BYTES
    assert "import " not in re.sub(r"//.*", "", MODULE)


def test_module_is_typed_by_the_messages(tmp_path: Path) -> None:
    """Under `--strict`: right use passes, and each wrong line is the only error of its file."""
    (tmp_path / "messages.ts").write_text(export_typescript(Registry.scan("schemas")))
    (tmp_path / "wssec.d.ts").write_text((STATIC / "wssec.d.ts").read_text())
    (tmp_path / "right.ts").write_text(USE + RIGHT)
    for name, line in WRONG.items():
        (tmp_path / f"{name}.ts").write_text(f"{USE}{line}\nexport {{}};\n")

    faults = [line for line in compiled(tmp_path) if not line.startswith(" ")]

    assert sorted(f"{name}.ts" for name in WRONG) == sorted({Path(line.partition("(")[0]).name for line in faults}), (
        faults
    )


def test_module_without_generated_types_takes_everything(tmp_path: Path) -> None:
    """A page that has not exported its messages can use it, too."""
    (tmp_path / "wssec.d.ts").write_text((STATIC / "wssec.d.ts").read_text())
    line = 'import { Connection } from "./wssec";\nnew Connection("/ws").send("a", { b: 1 });\n'
    (tmp_path / "use.ts").write_text(line)

    assert [] == compiled(tmp_path)


def test_module_is_packed_for_npm(tmp_path: Path) -> None:
    """The modules with their types and nothing else, by the version of the package."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command = ["npm", "pack", "--silent", "--pack-destination", str(tmp_path), str(STATIC)]
    packed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()[-1]
    with tarfile.open(tmp_path / packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}

    assert f"tornado-wssec-{version}.tgz" == packed
    assert {"package.json", "signing.d.ts", "signing.js", "wssec.d.ts", "wssec.js"} == names


class Serving(GuardKit):
    """A guard that serves the modules."""

    def __init__(self, **given: Any) -> None:
        super().__init__([], registry=Registry(chat.Posted))
        self.app.add_handlers(r".*", self.guard.routes(client=True, **given))


@pytest.mark.parametrize("name", ["wssec.js", "signing.js"])
@in_loop
async def test_module_is_served_to_be_kept(name: Any) -> None:
    """Below its digest for good; by its name alone to be asked for anew, and then 304."""
    async with Serving() as kit:
        kept = await sent(kit, "GET", module_url(name))
        fresh = await sent(kit, "GET", f"/wssec/client/{name}")
        again = await sent(kit, "GET", f"/wssec/client/{name}", "", ("If-None-Match", fresh.headers["etag"]))

        assert (STATIC / name).read_bytes() == kept.body == fresh.body
        assert ("public, max-age=31536000, immutable", "no-cache") == (
            kept.headers["cache-control"],
            fresh.headers["cache-control"],
        )
        assert ("text/javascript; charset=utf-8", "nosniff", "same-origin") == (
            kept.headers["content-type"],
            kept.headers["x-content-type-options"],
            kept.headers["cross-origin-resource-policy"],
        )
        assert (304, b"") == (again.status, again.body)


def test_module_is_told_of_by_the_audit() -> None:
    """Of an application: whoever serves it, knows it."""
    kit = Serving()

    lines = list(route_lines(kit.app, kit.guard, starts=True))
    assert any("the browser's modules, for everybody" in line.what for line in lines)


@in_loop
async def test_module_is_served_alone() -> None:
    """No other version, no other file, nothing above; and nothing at all where nobody asked for it."""
    paths = (
        f"/wssec/client/{'0' * 16}/wssec.js",
        *("/wssec/client/wssec.d.ts", "/wssec/client/package.json", "/wssec/client/none.js"),
        *("/wssec/client/../client/wssec.js", "/wssec/client/%2e%2e/signing.py", "/wssec/client/"),
    )
    async with Serving() as kit:
        assert {404} == {(await sent(kit, "GET", path)).status for path in paths}
    async with Chat() as kit:
        assert 404 == (await sent(kit, "GET", "/wssec/client/wssec.js")).status


@in_loop
async def test_module_is_served_below_a_prefix() -> None:
    """As the other routes are."""
    async with Serving(prefix="/base/") as kit:
        assert 200 == (await sent(kit, "GET", module_url(prefix="/base/"))).status
