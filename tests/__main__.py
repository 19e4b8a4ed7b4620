"""Run the whole suite: `python3 tests [arguments of pytest]`. It sets itself up first.

Without arguments it runs in as many processes as there are cores: most tests wait for something. With arguments it
runs in one, in order, as one wants it while looking for a fault; `-n 4` asks for more.
"""

import os
import sys
from pathlib import Path
from runpy import run_path

# A file's tests stay together, for they share its servers; files start in their order, which spreads the long ones.
IN_SEVERAL = ["-n", str(max(2, os.cpu_count() or 2)), "--dist", "loadfile", "--no-loadscope-reorder", "-q"]

bootstrap = run_path(str(Path(__file__).resolve().parents[1] / "bootstrap.py"))
bootstrap["run_in_environment"]("-m", "pytest", *(sys.argv[1:] or IN_SEVERAL))
