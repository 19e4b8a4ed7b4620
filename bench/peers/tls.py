"""The certificate that a server was given on its command line, if any."""

import ssl
from collections.abc import Sequence


def context(arguments: Sequence[str]) -> ssl.SSLContext | None:
    """Of `CERTIFICATE KEY`; None without."""
    if not arguments:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(*arguments)
    return made
