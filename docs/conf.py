"""How Sphinx builds these pages. A warning is a failure: `make docs`."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

project = "tornado_wssec"
author = "The tornado_wssec maintainers"
copyright = author
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

ours = ["tables", "commands", "measured", "requirements", "steps"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", *ours]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
default_role = "literal"  # docstrings set code in single backticks
napoleon_use_rtype = False
exclude_patterns = ["_build"]
nitpicky = True  # a reference that leads nowhere is a failure; types of other libraries in a signature are text
nitpick_ignore_regex = [(r"py:.*", r".*")]
myst_heading_anchors = 3
smartquotes = False  # "--yes" is typed with two dashes
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = f"tornado_wssec {release}"
