"""The files of the page: whose they are, and that they are shipped."""

import hashlib
import re
from pathlib import Path

import tornado_wssec.ops

STATIC = Path(tornado_wssec.ops.__file__).parent / "static"

UPLOT = {
    "uplot.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uplot.LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""SHA-256 of dist/uPlot.iife.min.js, dist/uPlot.min.css and LICENSE in uplot-1.6.32.tgz of the npm registry, which has
`sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==`."""


def test_static_holds_uplot_as_it_was_published() -> None:
    """Byte for byte, with its licence beside it."""
    found = {name: hashlib.sha256((STATIC / name).read_bytes()).hexdigest() for name in UPLOT}

    assert UPLOT == found
    assert "The MIT License" in (STATIC / "uplot.LICENSE").read_text()


def test_static_makes_no_markup_of_text() -> None:
    """No sink that Trusted Types watch is in our module, nor in uPlot, and nothing is kept in the browser."""
    for name in ("ops.js", "uplot.min.js"):
        text = (STATIC / name).read_text()
        sinks = (
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|sessionStorage"
        )

        assert [] == re.findall(sinks, text)


def test_static_loads_nothing_from_elsewhere() -> None:
    """No address of another host is in what we wrote, but the name of SVG."""
    found = {
        address
        for path in [*STATIC.glob("ops.*"), *STATIC.glob("*.svg"), *STATIC.parent.glob("templates/*")]
        for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())
    }

    assert {"http://www.w3.org"} == found
