"""Fetching another issuer's key set: a stranger's server is asked, and may answer anything.

Rules of this file:
1. One GET to the configured URL. No redirect, proxy, cookie or compression; what is not a 200 is a failure.
2. Size and time are bounded, from the name's look-up to the last byte.
3. A certificate is always verified.
4. What came is data for the strict reader; nothing of it is followed, and none of it is logged.
"""

import asyncio
import ssl
from dataclasses import replace
from typing import Any, Final
from weakref import WeakSet

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import IOStream
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.tcpclient import TCPClient

from .errors import ConfigurationError, FrameError, Problem
from .policy.issuers import Issuer
from .policy.keys import KeyRing
from .policy.strict_json import decode_json
from .settings import KiB, Limits, Timeouts

FOUND: Final = 200
HEADER_BYTES: Final = 16 * KiB
AT_ONCE: Final = 16
"""Fetches in flight: more issuers than that wait for each other."""


class KeySetUnavailable(Exception):
    """A key set could not be had; says why, in words for a log."""


class KeySets:
    """Fetches key sets within one event loop.

    Args:
        limits: `jwks_bytes`, and the budgets of JSON.
        timeouts: `jwks_fetch`.
    """

    def __init__(self, limits: Limits, timeouts: Timeouts) -> None:
        self._limits = replace(limits, message_bytes=limits.jwks_bytes)
        self._seconds = timeouts.jwks_fetch
        self._client: SimpleAsyncHTTPClient | None = None
        self._connections: _Connections | None = None

    async def fetch(self, issuer: Issuer, context: ssl.SSLContext | None) -> tuple[KeyRing, tuple[Problem, ...]]:
        """The issuer's keys as they are now, and why others of its set are ignored.

        Args:
            context: for https; None for http on loopback.

        Raises:
            KeySetUnavailable: for every cause.
        """
        body = await self._body(issuer.jwks_url, context)
        try:
            # Off the loop: a set may have hundreds of keys, and each is judged.
            return await asyncio.to_thread(self._read, issuer, body)
        except FrameError as error:
            fault = f"it is no JSON as we accept it: {error.evidence}"
        except ConfigurationError as error:
            fault = "; ".join(f"{problem.where} {problem.fault}" for problem in error.problems[:3])
        raise KeySetUnavailable(fault)

    def close(self) -> None:
        """Let go of every connection; a fetch in flight fails."""
        if self._client is not None and self._connections is not None:
            self._connections.abort()
            self._client.close()
            self._client = None

    async def _body(self, url: str, context: ssl.SSLContext | None) -> bytes:
        request = HTTPRequest(
            url,
            headers={"Accept": "application/json"},
            connect_timeout=self._seconds,
            request_timeout=self._seconds,
            follow_redirects=False,
            decompress_response=False,
            ssl_options=context,
        )
        try:
            response = await self._opened().fetch(request, raise_error=False)
        except HTTPClientError as error:
            fault = error.message or type(error).__name__
        except (OSError, ValueError) as error:
            fault = f"{type(error).__name__}: {error}"
        else:
            if response.code == FOUND:
                return response.body
            fault = f"it answered {response.code}"
        raise KeySetUnavailable(fault)

    def _read(self, issuer: Issuer, body: bytes) -> tuple[KeyRing, tuple[Problem, ...]]:
        return issuer.ring(decode_json(body, self._limits))

    def _opened(self) -> SimpleAsyncHTTPClient:
        """A client of our own: not the one that an application may have configured, nor shared with it."""
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=AT_ONCE,
                max_buffer_size=self._limits.jwks_bytes + HEADER_BYTES,
                max_header_size=HEADER_BYTES,
                max_body_size=self._limits.jwks_bytes,
            )
            self._client.tcp_client.close()
            self._client.tcp_client = self._connections = _Connections()
        return self._client


class _Connections(TCPClient):
    """Opens connections and remembers them, so that all can be closed: the client itself waits for its timeouts."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: WeakSet[IOStream] = WeakSet()

    async def connect(self, *arguments: Any, **options: Any) -> IOStream:
        stream = await super().connect(*arguments, **options)
        self._streams.add(stream)
        return stream

    def abort(self) -> None:
        """Close what is open."""
        for stream in tuple(self._streams):
            stream.close()


def tls_of(issuer: Issuer) -> ssl.SSLContext | None:
    """What the issuer's server must prove; None for http on loopback, which the issuer's own check has let pass.

    Raises:
        ConfigurationError: its file of certificates cannot be read.
    """
    if issuer.insecure_url and issuer.jwks_url.startswith("http:"):
        return None
    try:
        context = ssl.create_default_context(cafile=issuer.ca_file)
    except (OSError, ssl.SSLError) as error:
        fault = f"{issuer.ca_file} cannot be read: {error.strerror or type(error).__name__}"
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
    raise ConfigurationError([Problem("Issuer.ca_file", fault, "name a readable file of certificates in PEM")])
