"""Where a deployment keeps things and whom it trusts, as the `WSSEC_*` variables say it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, Final, Self

from ..errors import ConfigurationError, Problem
from .secret import Secret

_REDIS_SCHEMES: Final = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
STORE_SCHEMES: Final = ("sqlite", *_REDIS_SCHEMES, "memory")
COOKIE_SECRET_BYTES: Final = 32
HOW_TO_SET: Final = "set it, or load your wssec.env: `set -a; . ./wssec.env; set +a`; `wssec init` makes one"
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"", "0", "false", "no", "off"})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def _flag(text: str) -> bool:
    if text.lower() in _YES | _NO:
        return text.lower() in _YES
    raise ValueError("is neither 1 nor 0; set it to 1 in development only, or drop it")


def _store(text: str) -> Secret:
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in STORE_SCHEMES:
        raise ValueError("is no store URL; use sqlite:///path, redis://host, rediss://host or memory://")
    return Secret(text)


def _long_secret(text: str) -> Secret:
    if len(text.encode("utf-8", "replace")) < COOKIE_SECRET_BYTES:
        raise ValueError(f"is shorter than {COOKIE_SECRET_BYTES} bytes; use that many random ones or more")
    return Secret(text)


def _variable(
    variable: str, parse: Callable[[str], Any], what: str, *, default: Any = None, secret: bool = False
) -> Any:
    return field(default=default, metadata={"variable": variable, "parse": parse, "what": what, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where this deployment keeps things and whom it trusts; the server and the command read the same.

    An argument wins over the environment, the environment over the default. The secret ones
    are also read from the file that the variable with `_FILE` behind its name points to.
    """

    store: Secret | None = _variable("WSSEC_STORE", _store, "URL of the store", secret=True)
    keys: str | None = _variable("WSSEC_KEYS", str, "path of the key file (a JWK Set)")
    keys_passphrase: Secret | None = _variable(
        "WSSEC_KEYS_PASSPHRASE", Secret, "passphrase that seals the key file", secret=True
    )
    issuer: str | None = _variable("WSSEC_ISSUER", str, "who issues our tokens (iss)")
    audience: str | None = _variable("WSSEC_AUDIENCE", str, "whom they are for (aud)")
    origins: tuple[str, ...] = _variable("WSSEC_ORIGINS", _words, "allowed origins, separated by commas", default=())
    hosts: tuple[str, ...] = _variable(
        "WSSEC_HOSTS", _words, "hosts this server answers for; unset: those of the origins", default=()
    )
    trusted_proxies: tuple[str, ...] = _variable(
        "WSSEC_TRUSTED_PROXIES", _words, "networks (CIDR) whose forwarding headers count", default=()
    )
    cookie_secret: Secret | None = _variable(
        "WSSEC_COOKIE_SECRET", _long_secret, "secret that signs cookies", secret=True
    )
    audit: str | None = _variable("WSSEC_AUDIT", str, "path of the audit log")
    audit_pseudonyms: Secret | None = _variable(
        "WSSEC_AUDIT_PSEUDONYMS", _long_secret, "key of the pseudonyms that people have in the audit", secret=True
    )
    tls_cert: str | None = _variable("WSSEC_TLS_CERT", str, "path of the certificate chain")
    tls_key: str | None = _variable("WSSEC_TLS_KEY", str, "path of the certificate's private key")
    schemas: tuple[str, ...] = _variable(
        "WSSEC_SCHEMAS", _words, "modules with message types, separated by commas", default=()
    )
    insecure: bool = _variable("WSSEC_INSECURE", _flag, "development only: allows ws:// beyond loopback", default=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **arguments: Any) -> Self:
        """Read the `WSSEC_*` variables of `environ`; an argument that is not None wins.

        Raises:
            ConfigurationError: listing every variable that cannot be used, with the remedy.
        """
        settings, problems = cls.read(environ, **arguments)
        if problems:
            raise ConfigurationError(problems)
        return settings

    @classmethod
    def read(cls, environ: Mapping[str, str], **arguments: Any) -> tuple[Self, list[Problem]]:
        """The settings as far as they can be used, and what is wrong with the rest."""
        given = {name: value for name, value in arguments.items() if value is not None}
        if strangers := sorted(given.keys() - {item.name for item in fields(cls)}):
            raise TypeError(f"Settings has no {', '.join(strangers)}")
        problems = list(_misspelt(environ))
        values: dict[str, Any] = {}
        for item in fields(cls):
            try:
                value = given[item.name] if item.name in given else _read(environ, item.metadata)
                if value is not None:
                    values[item.name] = _parsed(value, item)
            except (ValueError, OSError) as error:
                problems.append(_unusable(item.metadata, error))
        settings = cls(**values)
        return settings, [*problems, *settings._contradictions()]

    def _contradictions(self) -> Iterator[Problem]:
        if (self.tls_cert is None) != (self.tls_key is None):
            yield Problem(
                "WSSEC_TLS_CERT, WSSEC_TLS_KEY", "only one of the two is set", "set both, or neither behind a TLS proxy"
            )

    def require(self, *names: str) -> None:
        """Refuse to go on without these settings.

        Raises:
            ConfigurationError: naming every one that is missing and its variable.
        """
        if missing := self.missing(*names):
            raise ConfigurationError(missing)

    def missing(self, *names: str) -> list[Problem]:
        """Which of these settings are not set, with the variable of each."""
        by_name = {item.name: item.metadata for item in fields(self)}
        absent = [by_name[name] for name in names if not getattr(self, name)]
        return [Problem(about["variable"], f"is not set ({about['what']})", HOW_TO_SET) for about in absent]

    @classmethod
    def variables(cls) -> list[tuple[str, str, bool]]:
        """Rows of (variable, what it is, whether it may come as `…_FILE`), for help and docs."""
        return [(item.metadata["variable"], item.metadata["what"], item.metadata["secret"]) for item in fields(cls)]


def _read(environ: Mapping[str, str], about: Mapping[str, Any]) -> str | None:
    """The variable's text, or that of the file its `_FILE` companion names. Empty counts as unset."""
    name = about["variable"]
    path = environ.get(f"{name}_FILE") if about["secret"] else None
    text = environ.get(name) or None
    if text and path:
        raise ValueError(f"is set, and {name}_FILE too; drop one of the two")
    if not path:
        return text
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n") or None
    except UnicodeDecodeError:
        raise ValueError(f"comes from {path}, which is no UTF-8 text; write it there as text") from None


def _parsed(value: Any, item: Field[Any]) -> Any:
    """The value of a setting, from text or as an argument may bring it; ValueError of "the fault; the remedy"."""
    plain = value.reveal() if isinstance(value, Secret) else str(value) if isinstance(value, PurePath) else value
    if isinstance(plain, str):
        try:
            return item.metadata["parse"](plain)
        except ValueError as error:
            shown = "" if item.metadata["secret"] else f"{plain!r} "
            raise ValueError(f"{shown}{error}") from None
    if isinstance(plain, (list, tuple)) and item.default == ():
        return tuple(plain)
    if isinstance(plain, bool) and isinstance(item.default, bool):
        return plain
    raise ValueError(f"is of type {type(value).__name__}; write it as text")


def _unusable(about: Mapping[str, Any], error: Exception) -> Problem:
    name = about["variable"]
    if isinstance(error, OSError):
        return Problem(f"{name}_FILE", f"cannot read {error.filename}: {error.strerror}", "name a readable file")
    fault, _, remedy = str(error).partition("; ")
    return Problem(name, fault, remedy or f"it is the {about['what']}")


def _misspelt(environ: Mapping[str, str]) -> Iterator[Problem]:
    """A variable that is nearly one of ours would be silence where a limit was meant."""
    known = {name for name, _, _ in Settings.variables()} | {
        f"{name}_FILE" for name, _, secret in Settings.variables() if secret
    }
    for name in sorted(environ):
        if (
            name.startswith("WSSEC_")
            and name not in known
            and (near := get_close_matches(name, known, n=1, cutoff=0.85))
        ):
            yield Problem(name, "is not a variable of ours", f"did you mean {near[0]}?")
