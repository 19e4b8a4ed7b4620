"""The browser's modules, served beside a page: `guard.routes(client=True)`.

Rules of this file:
1. Only the modules of this package are served, by name, as they were when the process began.
2. What stands below its digest never changes, and may be kept for good; what does not is asked for anew each time.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from tornado.web import HTTPError

from .routes import GuardedHandler

STATIC: Final = Path(__file__).parent / "client" / "static"
KEPT_SECONDS: Final = 31_536_000
"""A year, as good as for ever to a cache (RFC 9111 §4.2.2 knows no longer use)."""

MODULES_PATH: Final = r"/wssec/client/(?:([0-9a-f]{16})/)?([a-z]+\.js)"
ModuleName = Literal["wssec.js", "signing.js"]


MODULES: Final[Mapping[str, bytes]] = {path.name: path.read_bytes() for path in sorted(STATIC.glob("*.js"))}
DIGEST: Final = hashlib.sha256(b"\0".join(MODULES.values())).hexdigest()[:16]
"""Changes with any of the modules, so that one version never imports from another."""


def module_url(name: ModuleName = "wssec.js", *, prefix: str = "") -> str:
    """Where a module is served, to be kept for good; for the `import` of a page that the server writes.

    Args:
        name: of the module.
        prefix: that of `guard.routes`.
    """
    return f"{prefix.rstrip('/')}/wssec/client/{DIGEST}/{name}"


class ClientModuleHandler(GuardedHandler):
    """`/wssec/client/NAME` and `/wssec/client/DIGEST/NAME`."""

    def get(self, digest: str | None, name: str) -> None:
        """The text of a module; 304 to whoever has it already, 404 for another version."""
        if name not in MODULES or digest not in (None, DIGEST):
            raise HTTPError(404)
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-cache" if digest is None else f"public, max-age={KEPT_SECONDS}, immutable")
        self.finish(MODULES[name])  # with an ETag, and 304 where the client has the same
