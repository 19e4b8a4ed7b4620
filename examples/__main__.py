"""See the secured chat at work, attacked and all: `python3 examples`. It sets itself up first."""

import sys
from pathlib import Path
from runpy import run_path

bootstrap = run_path(str(Path(__file__).resolve().parents[1] / "bootstrap.py"))
bootstrap["run_in_environment"]("-m", "examples.tour", *sys.argv[1:])
