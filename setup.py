"""For tools that still ask for it, and for the compiled build; everything else is in pyproject.toml.

With `TORNADO_WSSEC_COMPILE=1`, mypyc makes extensions of the modules that every message passes. It takes a C compiler,
and fails without one. They are made of the very modules that stand beside them, and behave alike.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from setuptools import setup

PROJECT: Final = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8"))
MYPY: Final = [one for one in PROJECT["project"]["optional-dependencies"]["dev"] if one.startswith("mypy==")]
OF_THE_MODULES_ALONE: Final = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]


def compiled() -> dict[str, Any]:
    """What is added to a build that compiles."""
    if os.environ.get("TORNADO_WSSEC_COMPILE", "0") != "1":
        return {}
    try:
        from mypyc.build import mypycify
    except ImportError:
        return {"setup_requires": MYPY}  # it is asked for first, and then once more
    modules = PROJECT["tool"]["tornado-wssec"]["compiled"]
    return {"ext_modules": mypycify([*OF_THE_MODULES_ALONE, *modules], group_name="tornado_wssec")}


setup(**compiled())
