"""What `wssec check` says of the certificate."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from ..certificates import DAY_SECONDS, WARNED_DAYS, expiry_of, refuse_open_key, tls_context
from ..errors import ConfigurationError
from ..settings import Settings
from .audit_lines import Level, Line

WHERE: Final = "WSSEC_TLS_CERT"


def certificate_lines(settings: Settings) -> Iterator[Line]:
    """Whether the certificate and its key can be used, and until when; nothing where there are none."""
    if not settings.tls_cert or not settings.tls_key:
        return
    try:
        refuse_open_key(settings.tls_key)
        tls_context(settings.tls_cert, settings.tls_key)
        yield _end(expiry_of(settings.tls_cert))
    except ConfigurationError as error:
        yield from [Line(Level.PROBLEM, problem.where, problem.fault, problem.remedy) for problem in error.problems]
    except (OSError, ValueError) as error:
        what = f"the certificate and its key cannot be used: {error}"
        yield Line(Level.PROBLEM, WHERE, what, "name a chain and its key, in PEM and without a passphrase")


def _end(expires_at: float) -> Line:
    days = (expires_at - time.time()) / DAY_SECONDS
    date = f"{datetime.fromtimestamp(expires_at, UTC):%Y-%m-%d}"
    if days <= 0:
        return Line(Level.DECLARED, WHERE, f"the certificate ended on {date}: clients refuse it", "renew it")
    if days <= WARNED_DAYS[0]:
        return Line(Level.DECLARED, WHERE, f"the certificate ends in {days:.0f} days, on {date}", "renew it in time")
    return Line(Level.IN_FORCE, WHERE, f"the certificate ends on {date}")
