"""Run the whole suite: `python3 tests [arguments of pytest]`. It sets itself up first."""

import sys
from pathlib import Path
from runpy import run_path

bootstrap = run_path(str(Path(__file__).resolve().parents[1] / "bootstrap.py"))
bootstrap["run_in_environment"]("-m", "pytest", *sys.argv[1:])
