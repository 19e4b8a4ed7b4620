"""What a client of the protocol holds: in Python here, for browsers in `static/`."""

from pathlib import Path
from typing import Final

from .signing import MessageSigner, public_jwk

__all__ = ["STATIC", "MessageSigner", "public_jwk"]

STATIC: Final = Path(__file__).parent / "static"
"""The folder of the browser's modules, to be served beside a page: `tornado.web.StaticFileHandler` takes it."""
