"""Where an application of a guard is served, and that it may be."""

import ssl as tls

from tornado.web import Application

from .accepting import HardenedServer
from .certificates import Certificate, expiry_of
from .exposure import CheckedApplications
from .lifecycle import Lifecycle
from .metrics_route import ensure_guarded, metrics_application
from .policy.proxies import ProxyPolicy
from .server import LOOPBACK, Listener, hardened
from .settings import Limits, Secret, Settings, Timeouts
from .telemetry.prometheus import ensure_installed
from .telemetry.sampling import Refusals


class Serving:
    """The listeners of a `Guard`, which assembles what they need."""

    settings: Settings
    limits: Limits
    timeouts: Timeouts
    _applications: CheckedApplications
    _lifecycle: Lifecycle
    _refusals: Refusals
    _proxies: ProxyPolicy

    def check(self, app: Application) -> None:
        """Refuse an application that must not start.

        Raises:
            ConfigurationError: listing everything that is wrong, each with its remedy.
        """
        self._applications.check(app)

    def require_checked(self, app: Application) -> None:
        """Check an application that `listen` has not seen; until it is mended nobody comes in (503).

        Raises:
            NotReady: there are problems; they are logged once.
        """
        self._lifecycle.tell_of_bare_server()
        self._applications.require(app)

    def listen(
        self,
        app: Application,
        port: int,
        *,
        address: str | None = None,
        ssl: tls.SSLContext | None = None,
        processes: int = 1,
    ) -> int:
        """Serve an application through a hardened HTTPServer.

        Args:
            port: 0 takes a free one.
            address: where to bind; None: everywhere with TLS, 127.0.0.1 without.
            ssl: None: made of WSSEC_TLS_CERT and WSSEC_TLS_KEY where they are set, and made anew when these files
                change.
            processes: in all, of which each runs the whole program and has its own limits; see `process_number`. One
                port a program, on Linux, with a store that processes can share.

        Returns:
            The port that is bound.

        Raises:
            ConfigurationError: listing everything that must not start.
        """
        self.check(app)
        certificate = None
        if ssl is None and self.settings.tls_cert and self.settings.tls_key:
            certificate = Certificate(self.settings.tls_cert, self.settings.tls_key)
            ssl = certificate.context
        where = address if address is not None else ("" if ssl else LOOPBACK)
        server = self._server(app, ssl)
        shared = None if processes == 1 else self._lifecycle.share(processes, port, where)
        bound = shared.port if shared else port
        listener = Listener(server, bound, where, certificate, is_shared=shared is not None)
        self._lifecycle.serve(listener, shared)
        return listener.port

    def listen_metrics(self, port: int, *, address: str = LOOPBACK, token: Secret | None = None) -> int:
        """Serve `/metrics` for Prometheus on a port of its own. Needs the extra `metrics`.

        Args:
            port: of the first process; where `listen` made several, each has the next one, after `listen`. 0 takes a
                free one.
            address: where to bind; beyond loopback only with a token.
            token: what Prometheus has to show as its bearer token.

        Returns:
            The port that is bound.

        Raises:
            ConfigurationError: the extra is not installed, or everybody could read.
        """
        ensure_installed()
        ensure_guarded(address, token)
        server = self._server(metrics_application(self, token), None)
        listener = Listener(server, port and port + self.process_number, address, is_for_metrics=True)
        self._lifecycle.serve(listener)
        return listener.port

    def _server(self, app: Application, ssl: tls.SSLContext | None) -> HardenedServer:
        return hardened(app, self.limits, self.timeouts, ssl, refusals=self._refusals, trusts=self._proxies.trusts)

    @property
    def process_number(self) -> int:
        """Which of the processes this is that `listen` made, from 0 on; before it, and where there is one, 0.

        What only one may do, such as opening another port, is for number 0.
        """
        return self._lifecycle.process_number

    @property
    def certificate_expires_at(self) -> float | None:
        """When the certificate of WSSEC_TLS_CERT ends, in wall seconds; None without one. Reads the file.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return expiry_of(self.settings.tls_cert) if self.settings.tls_cert else None
