"""Names of hosts: how they are read from the wire and from a configuration, and which are ours.

Rules of this file:
1. From the wire only ASCII is read; a name is lower-cased and then compared for equality, never converted.
2. A configured name is converted once, at the start, and refused where two readers could convert it differently.
3. `*.example.com` stands for exactly one label in front; never for the apex, never for two.

Source: RFC 3986 §3.2, RFC 5890 (A-labels and U-labels), RFC 9110 §7.2.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Any, Final, TypeVar

from ..errors import ConfigurationError, Problem

T = TypeVar("T")

LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
"""What a listener on loopback answers for, where no hosts are configured."""

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::([1-9][0-9]{0,4}))?").fullmatch
_LOOKS_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*").fullmatch
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}").fullmatch
_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
is_ipv4: Final = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}", re.ASCII).fullmatch
"""Whether this is an IPv4 address: it has one spelling, and to parse it costs ten times as much."""
_PORTS: Final = 65_536
_PORTS_LEFT_OUT: Final = frozenset({80, 443})
# Letters and marks that show nothing (Default_Ignorable_Code_Point); UTS 46 drops them, others do not.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_LETTERS_AND_DIGITS: Final = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})


def read_authority(text: str) -> tuple[str, int | None] | None:
    """Return host and port of `host[:port]` in canonical spelling; None for anything else, also userinfo."""
    match = _AUTHORITY(text.lower()) if text.isascii() else None
    if match is None or (host := _canonical(match[1])) is None:
        return None
    port = int(match[2]) if match[2] else None
    return (host, port) if port is None or port < _PORTS else None


def _canonical(host: str) -> str | None:
    """A lower-case host in its one spelling; None where it is no DNS name and no IP address."""
    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:-1])}]"
        except ValueError:
            return None
    fits = is_ipv4 if _LOOKS_NUMERIC(host.rpartition(".")[2]) else _DNS_NAME
    return host if fits(host) else None


def read_configured(text: str) -> tuple[str, int | None]:
    """Return host, in A-labels and perhaps with `*.` in front, and port of a configured `host[:port]`.

    Raises:
        ValueError: "the fault; the remedy".
    """
    _refuse_strangers(text)
    name, colon, port = text.rpartition(":") if re.search(r":[^\]:]*\Z", text) else (text, "", "")
    if colon and not (_PORT(port) and int(port) < _PORTS):
        raise ValueError(f"has {port!r} where a port from 1 to 65535 belongs; drop it or mend it")
    star = "*." if name.startswith("*.") else ""
    read = read_authority(_to_ascii(name.removeprefix(star)) + colon + port)
    if read is None:
        raise ValueError("is no host in its usual spelling; write it as app.example.com, 192.0.2.1 or [2001:db8::1]")
    if star and not _may_have_subdomains(read[0]):
        raise ValueError("has * in front of what is no domain of yours; name the domain, such as *.example.com")
    return star + read[0], read[1]


def _refuse_strangers(text: str) -> None:
    """ValueError for what is often written and never a host."""
    if not text:
        raise ValueError("names no host; write it as app.example.com")
    if "@" in text:
        raise ValueError("has userinfo; drop everything up to the @")
    if "*" in text.removeprefix("*."):
        raise ValueError("has * elsewhere than as the whole first label; write it as *.example.com")
    if re.search(r"\.(?::|\Z)", text):
        raise ValueError("has a dot at the end of the host; drop it")


def _may_have_subdomains(host: str) -> bool:
    """Whether `*.` may stand in front: not of a top-level domain, nor of an address. Browsers keep localhost local."""
    is_address = host.startswith("[") or _LOOKS_NUMERIC(host.rpartition(".")[2])
    return host == "localhost" or ("." in host and not is_address)


def _to_ascii(name: str) -> str:
    """The name with each U-label as its A-label; ValueError where that is not certain."""
    return name.lower() if name.isascii() else ".".join([_to_a_label(label) for label in name.split(".")])


def _to_a_label(label: str) -> str:
    if label.isascii():
        return label.lower()
    composed = unicodedata.normalize("NFC", label)
    lower = composed.lower()
    # ß, ς and compatibility forms change here: IDNA 2003, UTS 46 and IDNA 2008 see different sites in them.
    is_certain = all(map(_has_one_reading, composed)) and unicodedata.normalize("NFKC", lower.casefold()) == lower
    if composed.isascii() or not is_certain:
        raise ValueError(f"has {label!r}, which is converted differently by different programs; write its xn-- form")
    return "xn--" + lower.encode("punycode").decode("ascii")


def _has_one_reading(character: str) -> bool:
    """Whether every program takes this for the same letter or digit: it can be seen, and has one lower case."""
    lower = character.lower()
    return (
        not _INVISIBLE.match(lower)
        and character in (lower, lower.upper())
        and (lower in "-_" or unicodedata.category(lower) in _LETTERS_AND_DIGITS)
    )


class HostPolicy:
    """Which values of the Host header are ours (DNS rebinding).

    An entry is a host as it stands in a URL, with a port only where the port shall be compared too;
    `app.example.com:443` also stands for no port, since browsers leave out 80 and 443.

    Raises:
        ConfigurationError: listing every entry that is no host, with the remedy.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        read = read_entries("hosts (WSSEC_HOSTS)", hosts, _read_host)
        self._any_port = frozenset([host for host, port in read if port is None])
        spelt = [(host, port) for host, port in read if port is not None]
        left_out = [(host, None) for host, port in spelt if port in _PORTS_LEFT_OUT]
        self._with_port: frozenset[tuple[str, int | None]] = frozenset([*spelt, *left_out])

    def allows(self, host_header: str) -> bool:
        """Whether the whole value is one of our hosts; False for whatever is no `host[:port]`."""
        read = read_authority(host_header)
        if read is None:
            return False
        host, port = read
        wild = any_label_of(host)
        return (
            host in self._any_port
            or wild in self._any_port
            or (host, port) in self._with_port
            or (wild, port) in self._with_port
        )


def any_label_of(host: str) -> str:
    """Return the pattern that stands for the host and its siblings: `*.example.com` for `app.example.com`."""
    return "*." + host.partition(".")[2]


def read_entries(where: str, entries: Iterable[str], read: Callable[[str], T]) -> list[T]:
    """Read every entry of a setting; a single string is one entry.

    Args:
        where: the setting.
        entries: what it holds.
        read: returns what an entry means, or raises ValueError of "the fault; the remedy".

    Raises:
        ConfigurationError: with all that could not be read.
    """
    results, problems = [], []
    for entry in (entries,) if isinstance(entries, str) else entries:
        try:
            results.append(read(_checked_entry(entry)))
        except ValueError as error:
            fault, _, remedy = str(error).partition("; ")
            problems.append(Problem(where, f"{_shown(entry)} {fault}", remedy))
    if problems:
        raise ConfigurationError(problems)
    return results


def _checked_entry(entry: Any) -> str:
    if not isinstance(entry, str):
        raise ValueError("is no string; write it in quotes")
    if re.search(r"\s", entry):
        raise ValueError("has a space in it; drop it, and put a comma between two entries")
    return entry


def _shown(entry: object) -> str:
    """The entry for an error message, without what may be a password in front of an @."""
    before, _, host = entry.rpartition("@") if isinstance(entry, str) else ("", "", "")
    return repr(f"…@{host}") if before else repr(entry)


def _read_host(entry: str) -> tuple[str, int | None]:
    if "://" in entry:
        raise ValueError("has a scheme; drop everything up to the ://")
    return read_configured(entry)
