"""Posts alerts to one URL, signed, so that whoever listens knows whose they are and that they are new.

Rules of this file:
1. One URL, which the operator has written down. No redirect, proxy or cookie; what is not 2xx is a failure.
2. https with a certificate that is verified; http to loopback alone.
3. What is signed is the time and the exact body. The secret is in no repr, log or traceback.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import ssl
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from .alert_delivery import AlertHook, Delivery, DeliveryFailed
from .errors import Problem
from .settings import KiB, Limits, Secret, Timeouts
from .telemetry.anomaly_alerts import Alert

SIGNATURE: Final = "Wssec-Signature"
VERSION: Final = 1
"""Of the body: it rises when a reader of older ones could misread it."""
SECRET_CHARS: Final = 32
ANSWER_BYTES: Final = 64 * KiB
"""Of an answer, which nobody reads."""


def webhook_problems(url: str | None, secret: Secret | None) -> Iterator[Problem]:
    """What keeps a server from starting with this webhook."""
    if url is None:
        if secret is not None:
            yield Problem("alert_secret", "is given, and no webhook is", "give alert_webhook=, too, or drop it")
        return
    if secret is None or len(secret.reveal()) < SECRET_CHARS:
        fault = "is not given" if secret is None else f"is shorter than {SECRET_CHARS} characters"
        yield Problem("alert_secret", fault, "give Secret(…) of that many random ones or more, and tell the receiver")
    try:
        parts = urlsplit(url)
        is_good = bool(parts.hostname) and (parts.scheme == "https" or _is_plain_loopback(parts)) and parts.port != 0
        has_user = "@" in parts.netloc
    except ValueError:
        is_good = has_user = False
    if has_user:
        yield Problem("alert_webhook", "names a user", "drop it: the signature says who we are")
    elif not is_good or not url.isascii() or not url.isprintable():
        fault = f"{urlsplit(url).scheme or 'it'} is no https URL" if is_good else "is no https URL"
        yield Problem("alert_webhook", fault, "write https://host/path; http:// goes to loopback alone")


def signature_of(secret: Secret, at: int, body: bytes) -> str:
    """What the header says: `t=…,v1=…`, an HMAC-SHA256 of the time, a dot and the body, in hexadecimal.

    Args:
        at: wall seconds.
    """
    digest = hmac.new(secret.reveal().encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def body_of(alert: Alert) -> bytes:
    """An alert as it is posted."""
    state = "raised" if alert.ended_at is None else "ended"
    return json.dumps({"v": VERSION, "state": state, **alert.facts()}, allow_nan=False).encode()


class Webhook:
    """Posts alerts.

    Args:
        url, secret: which `webhook_problems` has let pass.
        wall: wall seconds.
    """

    def __init__(self, url: str, secret: Secret, timeouts: Timeouts, wall: Callable[[], float]) -> None:
        self._url = url
        self._secret = secret
        self._seconds = timeouts.alert_delivery
        self._wall = wall
        self._client: SimpleAsyncHTTPClient | None = None
        self._context: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"Webhook({urlsplit(self._url).hostname!r})"

    async def post(self, alert: Alert) -> None:
        """Post one.

        Raises:
            DeliveryFailed: it was not taken.
        """
        body = body_of(alert)
        request = HTTPRequest(
            self._url,
            method="POST",
            headers={
                "Content-Type": "application/json",
                SIGNATURE: signature_of(self._secret, int(self._wall()), body),
            },
            body=body,
            connect_timeout=self._seconds,
            request_timeout=self._seconds,
            follow_redirects=False,
            decompress_response=False,
            ssl_options=await self._verified(),
        )
        try:
            response = await self._opened().fetch(request, raise_error=False)
        except HTTPClientError as error:
            raise DeliveryFailed(error.message or type(error).__name__) from None
        except (OSError, ValueError) as error:
            raise DeliveryFailed(type(error).__name__) from None
        if not 200 <= response.code < 300:
            raise DeliveryFailed(f"it answered {response.code}")

    def close(self) -> None:
        """Let go of what is open."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _verified(self) -> ssl.SSLContext | None:
        if self._url.startswith("http:"):
            return None
        if self._context is None:
            # Off the loop: it reads every certificate authority of the machine.
            self._context = await asyncio.to_thread(_strict_context)
        return self._context

    def _opened(self) -> SimpleAsyncHTTPClient:
        """A client of our own: not the one that an application may have configured, nor shared with it."""
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=1, max_buffer_size=2 * ANSWER_BYTES, max_body_size=ANSWER_BYTES
            )
        return self._client


def ways_of(
    hook: AlertHook | None,
    url: str | None,
    secret: Secret | None,
    *,
    limits: Limits,
    timeouts: Timeouts,
    wall: Callable[[], float],
) -> list[Delivery]:
    """The hook and the webhook, as far as there are any."""
    ways = []
    if hook is not None:
        ways.append(Delivery("the hook alerts=", hook, limits, timeouts))
    if url is not None and secret is not None:
        webhook = Webhook(url, secret, timeouts, wall)
        ways.append(Delivery("the webhook", webhook.post, limits, timeouts, webhook.close))
    return ways


def _strict_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_plain_loopback(parts: SplitResult) -> bool:
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"
