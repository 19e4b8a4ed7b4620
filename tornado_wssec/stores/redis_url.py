"""Where a Redis store is: read from its URL.

Rules of this file:
1. A password is in no message and in no repr. An unescaped one may end up as any part of the URL, so
   nothing of a URL that cannot be read is told.
2. TLS is verified. No option switches that off.
3. An option that is not ours is refused: it may have been meant to protect something.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from ..errors import ConfigurationError, Problem
from ..settings import Secret

PORT: Final = 6379
SENTINEL_PORT: Final = 26379
DATABASES_MOST: Final = 10_000
"""More than any server has; a larger number is a port or a mistake."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}").fullmatch
_SERVICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\]").fullmatch
_NUMBER: Final = re.compile(r"[0-9]{1,5}").fullmatch


class Manner(StrEnum):
    """How the server to talk to is found."""

    FIXED = ""
    SENTINEL = "+sentinel"
    CLUSTER = "+cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPlace:
    """Where a store is, and how to get there.

    Args:
        manner: whether the hosts are the server, Sentinels that know it, or nodes of a cluster.
        hosts: host and port of each; an IPv6 address without brackets.
        user, password: None: the default user, no password.
        service: what the Sentinels call it; empty otherwise.
        prefix: in front of every key.
        sentinel_user, sentinel_password: for the Sentinels themselves.
        is_tls: whether to verify and encrypt.
        ca: file of the authorities that are trusted; None: the system's.
        certificate, key: files of our own certificate, where the server wants one.
    """

    manner: Manner
    hosts: tuple[tuple[str, int], ...]
    user: str | None = None
    password: Secret | None = None
    database: int = 0
    service: str = ""
    prefix: str = "wssec"
    sentinel_user: str | None = None
    sentinel_password: Secret | None = None
    is_tls: bool = False
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def url(self) -> str:
        """The address without any password, for messages."""
        scheme = f"redis{'s' if self.is_tls else ''}{self.manner}"
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        service = f"/{self.service}" if self.service else ""
        database = "" if self.manner is Manner.CLUSTER else f"/{self.database}"
        return f"{scheme}://{user}{hosts}{service}{database}?prefix={self.prefix}"


def parse_redis_url(url: str) -> RedisPlace:
    """Read the URL of a Redis store.

    `redis://[user:password@]host[:port][/database]`, with `rediss` for TLS;
    `redis+sentinel://…host,host/service[/database]`; `redis+cluster://…host,host`. Options: `prefix`, and with TLS
    `ssl_ca_certs`, `ssl_certfile` and `ssl_keyfile`; with Sentinel `sentinel_username` and `sentinel_password`.

    Raises:
        ConfigurationError: it is none; says why and what to write.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused("the Redis URL cannot be read", _ESCAPE) from None
    if not url.isascii() or not url.isprintable() or "#" in url:
        raise _refused("the Redis URL holds what no URL may", _ESCAPE)
    scheme, plus, manner_name = parts.scheme.partition("+")
    manner = Manner(f"{plus}{manner_name}")
    userinfo, at, names = parts.netloc.rpartition("@")
    user, password = _credentials(userinfo) if at else (None, None)
    hosts = tuple(_hosts(names, manner))
    service, database = _path(parts, manner)
    return RedisPlace(
        manner=manner,
        hosts=hosts,
        user=user,
        password=password,
        service=service,
        database=database,
        is_tls=scheme == "rediss",
        **_options(parts.query, manner, is_tls=scheme == "rediss"),
    )


_ESCAPE: Final = "write special characters of user and password as %XX, such as %40 for @ and %2F for /"


def _refused(fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem("WSSEC_STORE", fault, remedy)])


def _credentials(userinfo: str) -> tuple[str | None, Secret | None]:
    user, colon, password = userinfo.partition(":")
    if not colon:
        # Is it a user, or a password without its colon? A user is shown, a password never.
        remedy = "write user:password@, :password@ for the default user, or user:@ for a user that needs none"
        raise _refused("the Redis URL has a user and no password", remedy)
    if "@" in userinfo or ":" in password:
        raise _refused("user or password of the Redis URL hold a bare @ or :", _ESCAPE)
    return unquote(user) or None, Secret(unquote(password)) if password else None


def _hosts(text: str, manner: Manner) -> Iterator[tuple[str, int]]:
    default = SENTINEL_PORT if manner is Manner.SENTINEL else PORT
    names = text.split(",")
    if manner is Manner.FIXED and len(names) > 1:
        remedy = "name one, or use redis+sentinel:// or redis+cluster://"
        raise _refused("the Redis URL names several hosts", remedy)
    for name in names:
        host, port = _host(name)
        yield host, default if port is None else port


def _host(text: str) -> tuple[str, int | None]:
    bracket = text.rfind("]")
    colon = text.find(":", bracket + 1)
    host, port = (text, None) if colon < 0 else (text[:colon], text[colon + 1 :])
    number = int(port) if port is not None and _NUMBER(port) else None
    if not _HOST(host) or (port is not None and (number is None or not 1 <= number <= 65_535)):
        raise _refused("host or port of the Redis URL cannot be read", f"write host:port; {_ESCAPE}")
    return host.strip("[]"), number


def _path(parts: SplitResult, manner: Manner) -> tuple[str, int]:
    """The service and the number of the database."""
    names = parts.path.removeprefix("/").split("/") if parts.path not in ("", "/") else []
    service = ""
    if manner is Manner.SENTINEL:
        if not names or not _SERVICE(names[0]):
            raise _refused("the Sentinel URL names no service", "write redis+sentinel://host,host/service")
        service = names.pop(0)
    number = names.pop(0) if names else "0"
    if names or not _NUMBER(number) or int(number) >= DATABASES_MOST:
        raise _refused("the path of the Redis URL is no number of a database", "write /0, or leave it out")
    if manner is Manner.CLUSTER and int(number):
        raise _refused("a Redis Cluster has database 0 alone", "use another prefix instead")
    return service, int(number)


_TLS: Final[Mapping[str, str]] = {"ssl_ca_certs": "ca", "ssl_certfile": "certificate", "ssl_keyfile": "key"}
_SENTINEL: Final[Mapping[str, str]] = {"sentinel_username": "sentinel_user", "sentinel_password": "sentinel_password"}
_WEAKENING: Final = frozenset({"ssl_cert_reqs", "ssl_check_hostname"})


def _options(query: str, manner: Manner, *, is_tls: bool) -> dict[str, Any]:
    """The options, named as the fields of the place."""
    given = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in given]
    _ensure_known(names, {"prefix", *(_TLS if is_tls else ()), *(_SENTINEL if manner is Manner.SENTINEL else ())})
    options = dict(given)
    found: dict[str, Any] = {field: _file(options[name]) for name, field in _TLS.items() if name in options}
    if ("certificate" in found) != ("key" in found):
        raise _refused("only one of ssl_certfile and ssl_keyfile is given", "give both, or neither")
    if "prefix" in options:
        found["prefix"] = _prefix(options["prefix"])
    return found | _sentinel_credentials(options)


def _ensure_known(names: Sequence[str], known: AbstractSet[str]) -> None:
    if _WEAKENING.intersection(names):
        remedy = "drop the option, and name the authority by ssl_ca_certs=/path where it is your own"
        raise _refused("the server's certificate is always verified", remedy)
    if not known >= set(names):
        raise _refused("an option of the Redis URL is none of ours here", f"use {', '.join(sorted(known))}; {_ESCAPE}")
    if len(set(names)) != len(names):
        raise _refused("an option of the Redis URL is given twice", "give it once")


def _file(path: str) -> str:
    if not path:
        raise _refused("an ssl_ option of the Redis URL names no file", "give its path, or drop the option")
    return path


def _prefix(text: str) -> str:
    if not _PREFIX(text):
        # Braces would move the keys to other slots of a cluster, and "*" would open an ACL.
        remedy = "use at most 64 of A-Z a-z 0-9 . _ : -, a letter or a digit first"
        raise _refused("the prefix of the Redis URL cannot stand in front of a key", remedy)
    return text


def _sentinel_credentials(options: Mapping[str, str]) -> dict[str, Any]:
    user, password = options.get("sentinel_username"), options.get("sentinel_password")
    if user and not password:
        raise _refused("the Redis URL has a sentinel_username and no sentinel_password", "give both, or the password")
    return {"sentinel_user": user or None, "sentinel_password": Secret(password) if password else None}
