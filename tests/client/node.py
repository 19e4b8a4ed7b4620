"""Node, as far as the browser's module needs it."""

import os
import subprocess
from pathlib import Path
from typing import Final

from bench.environments import Missing, node_with
from tests.left_out import leave_out

MODULES: Final = Path(__file__).parent / "module"
ESBUILD: Final = "esbuild@0.25.12"
PATIENCE_SECONDS: Final = 120.0
WITH_SOCKETS: Final = "--experimental-websocket"
"""Node 20 has a WebSocket behind this; later ones have it anyway."""


def node_program(path: Path) -> list[str]:
    """The command that runs a module in Node."""
    return [_found()[0], WITH_SOCKETS, "--no-warnings", str(path)]


def node_test(name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a file of tests in Node's test runner."""
    command = [_found()[0], WITH_SOCKETS, "--no-warnings", "--test", "--test-timeout=15000", str(MODULES / name)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)


def minified(module: Path) -> str:
    """A module without what a machine does not need."""
    _, modules = _found(ESBUILD)
    program = modules / "@esbuild" / _platform(modules) / "bin" / "esbuild"  # its own start script was not run
    command = [str(program), "--minify", "--format=esm", str(module)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True).stdout


def _platform(modules: Path) -> str:
    (folder,) = (modules / "@esbuild").iterdir()
    return folder.name


def _found(*packages: str) -> tuple[str, Path]:
    try:
        return node_with("module", packages or (ESBUILD,))
    except Missing as error:
        leave_out(f"{packages[0] if packages else 'node'}: {error}", "install Node with npm")
