"""Runs the soaks: `make soak`, or `python -m tests.soak flood`.

A soak is a module beside this one with `main(arguments: Sequence[str] | None) -> None`, which raises where something
went wrong. It can be run by itself, with options of its own: `python -m tests.soak.flood --seconds 60`.
"""

import argparse
import pkgutil
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Final

NAMES: Final = sorted(
    module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("_")
)


def main() -> int:
    """Run what was asked for, one after another; 1 where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; without any: all")
    asked = parser.parse_args().names
    if unknown := sorted(set(asked) - set(NAMES)):
        parser.error(f"there is no soak {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return 1 if [name for name in asked or NAMES if not _passes(name)] else 0


def _passes(name: str) -> bool:
    began = time.monotonic()
    sys.stdout.write(f"== {name}\n")
    sys.stdout.flush()
    try:
        import_module(f"tests.soak.{name}").main([])
    except Exception:
        traceback.print_exc()
        verdict = "failed"
    else:
        verdict = "passed"
    sys.stdout.write(f"{name}: {verdict} after {time.monotonic() - began:.0f} s\n")
    return verdict == "passed"


if __name__ == "__main__":
    sys.exit(main())
