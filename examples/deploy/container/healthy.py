"""Ends with 0 where the server of this container lets people in: `HEALTHCHECK CMD ["python", "/srv/healthy.py"]`."""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection

PATIENCE_SECONDS = 3.0


def is_ready() -> bool:
    """Whether `/wssec/ready` says so, on loopback."""
    port = int(os.environ.get("PORT", "8888"))
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    if os.environ.get("WSSEC_TLS_CERT"):
        # Nobody else is on the loopback of a container, nothing secret is sent, and the certificate has another name.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS, context=context)
    try:
        connection.request("GET", "/wssec/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
