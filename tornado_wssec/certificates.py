"""The certificate that a server shows: read, followed as it is renewed, and warned of before it ends.

Rules of this file:
1. A pair of files is put in force whole or not at all; one that is torn or does not fit leaves the pair before.
2. A key that everybody may read is no secret, and is refused like one that is missing.
3. Forward secrecy: only ephemeral key exchange, and no session tickets, whose key would live as long as the process.

Source: RFC 9325 (recommendations for TLS); Mozilla's "intermediate" configuration.
"""

import logging
import os
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.x509 import load_pem_x509_certificates

from .errors import ConfigurationError, Problem

logger = logging.getLogger(__name__)

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all good."""
WARNED_DAYS: Final = (30, 14, 7, 3, 1)
DAY_SECONDS: Final = 86_400.0


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """A server's TLS as of today: 1.2 and later, ephemeral keys, authenticated ciphers, no compression (R002).

    Args:
        certificate: path of the chain in PEM, the server's own certificate first.
        key: path of its private key in PEM, without a passphrase.

    Raises:
        OSError, ssl.SSLError: the files cannot be read or do not fit each other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0  # the same for TLS 1.3
    context.set_alpn_protocols(["http/1.1"])  # a client that wants another protocol is none of ours (ALPACA)
    # Without a password OpenSSL would ask the terminal for one, and the server would stand still.
    context.load_cert_chain(certificate, key, password=b"")
    return context


class Certificate:
    """A certificate and its key, in force until there are newer ones.

    Args:
        certificate, key: paths, as of `tls_context`.

    Attributes:
        context: what new connections are to use.
        expires_at: wall seconds.

    Raises:
        ConfigurationError: others may read the key.
        OSError, ssl.SSLError, ValueError: the files cannot be used.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._paths = (certificate, key)
        self._seen = self._in_force = self._marks()
        self._warned_days: float = float("inf")
        self.context, self.expires_at = self._read()

    def look(self, now: float) -> bool:
        """Follow a change of the files; whether `context` is a new one. Two system calls.

        A change is read once it has been the same for two looks: the two files are not written at one moment.

        Args:
            now: wall seconds.
        """
        marks = self._marks()
        if marks == self._in_force:
            self._warn(now)
            return False
        if marks != self._seen:
            self._seen = marks
            return False
        self._in_force = marks  # also where it cannot be used: that is said once
        try:
            self.context, self.expires_at = self._read()
        except (OSError, ValueError, ConfigurationError) as error:
            until = _date(self.expires_at)
            logger.error("the new certificate cannot be used (%s); the one before stays, until %s", error, until)
            return False
        self._warned_days = float("inf")
        logger.info("a new certificate is in force, until %s", _date(self.expires_at))
        return True

    def _read(self) -> tuple[ssl.SSLContext, float]:
        certificate, key = self._paths
        refuse_open_key(key)
        context = tls_context(certificate, key)
        return context, expiry_of(certificate)

    def _marks(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple([_mark(path) for path in self._paths])

    def _warn(self, now: float) -> None:
        """Say that the end is near, once at each of the days."""
        days = (self.expires_at - now) / DAY_SECONDS
        passed = [limit for limit in (*WARNED_DAYS, 0) if days <= limit]
        if not passed or passed[-1] >= self._warned_days:
            return
        self._warned_days = passed[-1]
        if days <= 0:
            logger.error("the certificate ended on %s: clients refuse it; renew it", _date(self.expires_at))
        else:
            logger.warning("the certificate ends in %.0f days, on %s; renew it", max(days, 1), _date(self.expires_at))


def refuse_open_key(path: str) -> None:
    """Refuse a private key that others than its owner and its group may read, or its group may change.

    Raises:
        ConfigurationError: naming the file and the remedy.
        OSError: there is none.
    """
    mode = os.stat(path).st_mode
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        fault = f"{path} has mode {stat.S_IMODE(mode):04o}, which lets others at the private key"
        raise ConfigurationError([Problem("WSSEC_TLS_KEY", fault, f"chmod 600 {path}")])


def expiry_of(certificate: str) -> float:
    """When the first certificate of a file ends, in wall seconds.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return load_pem_x509_certificates(Path(certificate).read_bytes())[0].not_valid_after_utc.timestamp()


def _mark(path: str) -> tuple[int, ...] | None:
    """What differs once a file, or what a link points to, has been replaced or changed."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
