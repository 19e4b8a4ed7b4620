"""Programs of Node's that judge what we write: made once in `.venvs/`, as the peers of the benchmarks are."""

import subprocess
from pathlib import Path
from typing import Final

from bench.environments import Missing, node_with
from tests.left_out import leave_out

PARSER: Final = "@asyncapi/parser@3.6.0"
TYPESCRIPT: Final = "typescript@5.9.3"
PATIENCE_SECONDS: Final = 120.0
_PARSE: Final = """
const { Parser } = require(process.argv[1] + "/@asyncapi/parser");
const text = require("fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  const faults = diagnostics.filter((one) => one.severity < 2).map((one) => [one.path.join("."), one.message]);
  console.log(JSON.stringify({ parsed: document !== undefined, faults }));
});
"""


def asyncapi_verdict(text: str) -> str:
    """What the official parser of AsyncAPI says of a document: `{"parsed", "faults"}`, warnings among the faults."""
    node, modules = _with("asyncapi", PARSER)
    return _run([node, "-e", _PARSE, str(modules)], text).stdout


def compiled(folder: Path) -> list[str]:
    """What `tsc --strict` says of the files in a folder; nothing where it is content."""
    node, modules = _with("typescript", TYPESCRIPT)
    files = [str(path) for path in sorted(folder.glob("*.ts"))]
    options = [
        "--strict",
        "--noEmit",
        "--exactOptionalPropertyTypes",
        "--target",
        "es2022",
        "--moduleResolution",
        "node",
    ]
    ran = subprocess.run(
        [node, str(modules / "typescript" / "bin" / "tsc"), *options, *files],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return ran.stdout.splitlines()


def _with(name: str, package: str) -> tuple[str, Path]:
    try:
        return node_with(name, (package,))
    except Missing as error:
        leave_out(f"{package}: {error}", "install Node with npm, and let it reach registry.npmjs.org")


def _run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
