"""The identity provider as a test holds it: starts its process, and asks things of it."""

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.certificates import Certified

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 30.0


class Provider:
    """A running provider.

    Args:
        certified: serve https with this; None: plain http.
        port: 0 takes a free one.
    """

    def __init__(self, certified: Certified | None = None, port: int = 0) -> None:
        files = [str(certified.certificate), str(certified.key)] if certified else []
        command = [sys.executable, "-m", "tests.issuers.provider_process", str(port), *files]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self._tls: ssl.SSLContext | None = certified.trusted() if certified else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End the process: nobody listens any more."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def behave(self, behaviour: str = "good", keys: Sequence[str] = ("rsa", "ec")) -> None:
        """Answer for the key set like this from now on, with these keys in it."""
        self._ask("/behave", {"behaviour": behaviour, "keys": list(keys)})

    def fetches(self) -> list[str]:
        """Which key sets were asked for since the last time; fails where anything else was."""
        told = self._ask("/tell", {})
        assert [] == told["others"]
        fetched: list[str] = told["fetches"]
        return fetched

    def wait_for_fetch(self) -> None:
        """Return once a key set has been asked for since the last time."""
        self._ask("/wait", {})

    def sign(
        self, claims: Mapping[str, Any], *, kid: str = "rsa", issuer: str = "", header: Mapping[str, Any] | None = None
    ) -> str:
        """A token of these claims; of the header anything may be said otherwise."""
        told = {"typ": "JWT", "kid": kid} if header is None else dict(header)
        signed: str = self._ask("/sign", {"issuer": issuer, "kid": kid, "header": told, "claims": dict(claims)})
        return signed

    def _ask(self, path: str, what: Mapping[str, Any]) -> Any:
        if self._tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=PATIENCE, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", path, json.dumps(what))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
