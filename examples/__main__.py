"""See the secured chat at work, attacked and all: `python3 examples`; with `--serve`, try it yourself.

It sets itself up first.
"""

import sys
from pathlib import Path
from runpy import run_path

USAGE = "Usage: python3 examples [--serve]"

arguments = sys.argv[1:]
if arguments not in ([], ["--serve"]):
    sys.exit(USAGE)
bootstrap = run_path(str(Path(__file__).resolve().parents[1] / "bootstrap.py"))
bootstrap["run_in_environment"]("-m", "examples.serve" if arguments else "examples.tour")
