"""Where Prometheus reads the metrics: a port of its own, which nobody else needs to reach."""

import hmac
import ipaddress
from typing import TYPE_CHECKING, Final

from tornado.web import Application

from .errors import ConfigurationError, Problem
from .routes import GuardedHandler
from .settings import Secret
from .telemetry.prometheus import CONTENT_TYPE, exposition

if TYPE_CHECKING:
    from .guard import Guard
    from .serving import Serving

PATH: Final = "/metrics"
TOKEN_CHARS: Final = 32
"""Fewer can be guessed by whoever reaches the port."""


class MetricsHandler(GuardedHandler):
    """`/metrics`: everything that is measured, in Prometheus's text format."""

    _token: Secret | None

    def initialize(self, guard: "Guard", token: Secret | None) -> None:  # type: ignore[override]  # one part more
        """Take the parts from the route."""
        super().initialize(guard)
        self._token = token

    def get(self) -> None:
        """Answer whoever shows the token, where one is set."""
        if self._token is not None and not self._is_shown(self._token.reveal()):
            self.set_header("WWW-Authenticate", "Bearer")
            self.set_status(401)
            self.finish()
            return
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(exposition(self.guard.metrics))

    def _is_shown(self, token: str) -> bool:
        shown = self.request.headers.get("Authorization", "")
        return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), f"Bearer {token}".encode())


def metrics_application(guard: "Serving", token: Secret | None) -> Application:
    """An application of that one route."""
    return Application([(PATH, MetricsHandler, {"guard": guard, "token": token})])


def ensure_guarded(address: str, token: Secret | None) -> None:
    """Refuse to tell the world what a server does.

    Raises:
        ConfigurationError: the address is not loopback and no token is asked for, or the token is short.
    """
    if token is not None and len(token.reveal()) < TOKEN_CHARS:
        fault = f"is shorter than {TOKEN_CHARS} characters"
        raise ConfigurationError([Problem("listen_metrics(token=…)", fault, "use that many random ones or more")])
    if token is None and not _is_loopback(address):
        fault = f"would tell everybody who reaches {address or 'any address'} what this server does"
        remedy = "bind 127.0.0.1, or give token=Secret(…) and have Prometheus show it (authorization.credentials_file)"
        raise ConfigurationError([Problem("listen_metrics", fault, remedy)])


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
