"""Which pages may open a connection: the Origin allowlist, with a parser of our own.

Rules of this file:
1. Only a serialised origin is read: scheme, host and perhaps a port, in ASCII, and nothing before or behind.
2. Lower-case, drop a default port, compare for equality. No substring, no regular expression, no Host header.
3. `null` and whatever cannot be read are not allowed; nothing a stranger sends raises an exception.

Source: RFC 6454 §6.2 and §7, OWASP WebSocket Security Cheat Sheet.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from .hosts import HostPolicy, any_label_of, read_authority, read_configured, read_entries

__all__ = ["HostPolicy", "OriginPolicy"]

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,63}").fullmatch
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


class OriginPolicy:
    """The allowlist of a server.

    An entry is an origin as a browser sends it, `https://app.example.com` or `http://localhost:3000`;
    `https://*.example.com` stands for each host with exactly one label more. U-labels are
    converted once. Without entries no page is allowed.

    Raises:
        ConfigurationError: listing every entry that is no origin, with the remedy.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        read = read_entries("origins (WSSEC_ORIGINS)", origins, _read_configured)
        spelt = frozenset([_spell(*origin) for origin in read])
        self._families = frozenset([origin for origin in spelt if "*" in origin])
        self._exact = spelt - self._families
        self.hosts = tuple(dict.fromkeys([host for scheme, host, _ in read if scheme in _DEFAULT_PORTS]))
        """The hosts of the web origins, without ports: what Host may say where no hosts are configured."""

    def allows(self, origin: str | None) -> bool:
        """Whether the value of one Origin header is on the list; a missing one (None) never is."""
        return origin in self._exact or self.entry_of(origin) is not None

    def entry_of(self, origin: str | None) -> str | None:
        """The entry of the list that allows an origin, in canonical spelling; None where none does."""
        read = None if origin is None else _read(origin)
        if read is None:
            return None
        scheme, host, port = read
        exact, family = _spell(*read), _spell(scheme, any_label_of(host), port)
        return exact if exact in self._exact else family if family in self._families else None


def _read(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of a serialised origin in canonical spelling; None where it is none."""
    if not origin.isascii():  # before lower(), which makes a "k" of the Kelvin sign
        return None
    scheme, _, authority = origin.lower().partition("://")
    read = read_authority(authority) if _SCHEME(scheme) else None
    return (scheme, *read) if read else None


def _spell(scheme: str, host: str, port: int | None) -> str:
    """The one spelling by which origins are compared."""
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def _read_configured(entry: str) -> tuple[str, str, int | None]:
    """The same of a configured entry; ValueError of "the fault; the remedy"."""
    if entry == "*":
        raise ValueError("allows every site in the world; list yours, https://*.example.com stands for one label")
    if entry.lower() == "null":
        raise ValueError("is what every sandboxed frame and local file sends; serve the page from a site of yours")
    scheme, separator, rest = entry.partition("://")
    scheme = scheme.lower()
    if not separator or not _SCHEME(scheme):
        raise ValueError("has no scheme; write it as https://app.example.com")
    if scheme in ("ws", "wss"):
        raise ValueError(
            f"is the address of a socket; an origin names the page, so write {scheme.replace('ws', 'http')}://"
        )
    if scheme == "file":
        raise ValueError("is no origin, pages in files send null; serve the page from a site of yours")
    if found := re.search(r"[/?#].*", rest):
        part = {"/": "path", "?": "query", "#": "fragment"}[found[0][0]]
        drop = "the slash" if found[0] == "/" else f"everything from the {found[0][0]} on"
        raise ValueError(f"has a {part}; drop {drop}")
    return (scheme, *read_configured(rest))
