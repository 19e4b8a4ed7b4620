"""What a client of the protocol holds: in Python here, for browsers in `static/`."""

from .signing import MessageSigner, public_jwk

__all__ = ["MessageSigner", "public_jwk"]
