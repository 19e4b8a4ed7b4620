"""Every default of the package, once, with its reason; and the environment it is read from.

Rules of this file:
1. A number that limits anything stands here and nowhere else; docs, help and tests take it from here.
2. Bad settings are reported together, each with its value and its remedy.
3. A secret prints as `[redacted]`; only `reveal()` gives it out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, ClassVar, Final, Self

from .errors import ConfigurationError, Problem

KiB: Final = 1024
MiB: Final = 1024 * KiB


def _default(value: Any, why: str, *, or_zero: bool = False) -> Any:
    """A default with its reason; values must be above 0, or may be 0 where that means something."""
    return field(default=value, metadata={"why": why, "or_zero": or_zero})


class _Documented:
    """A frozen group of settings that checks itself and can tell why each number is what it is."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # every subclass is a dataclass

    def __post_init__(self) -> None:
        problems = [*self._out_of_range()] or [*self._contradictions()]
        if problems:
            raise ConfigurationError(problems)

    def _out_of_range(self) -> Iterator[Problem]:
        for item in fields(self):
            value = getattr(self, item.name)
            if "why" in item.metadata and (wanted := _fault(value, item)):
                where = f"{type(self).__name__}.{item.name}"
                yield Problem(where, f"{value!r} is not {wanted}", f"the default is {item.default!r}")

    def _contradictions(self) -> Iterator[Problem]:
        return iter(())

    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Name → (value, default) of everything that is not at its default."""
        pairs = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @classmethod
    def table(cls) -> list[tuple[str, Any, str]]:
        """Rows of (name, default, reason), from which the documentation is made."""
        return [(item.name, item.default, item.metadata["why"]) for item in fields(cls) if "why" in item.metadata]


def _fault(value: Any, item: Field[Any]) -> str:
    """What the value should have been; empty where it will do."""
    if value is None and item.default is None:
        return ""
    kinds, what = ((int, float), "number") if isinstance(item.default, float) else ((int,), "whole number")
    least = "of 0 or more" if item.metadata["or_zero"] else "above 0"
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    is_enough = is_number and (value > 0 or (value == 0 and item.metadata["or_zero"]))
    return "" if is_enough else f"a {what} {least}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(_Documented):
    """How much of anything one peer may use. Sizes in bytes, rates a second."""

    message_bytes: int = _default(64 * KiB, "OWASP WebSocket cheat sheet; a larger one closes with 1009")
    frame_bytes: int = _default(64 * KiB, "no frame needs more than a message may have")
    fragments: int = _default(64, "half a million empty fragments cost bare Tornado 0.5 s")
    header_bytes: int = _default(16 * KiB, "a token of 8 KiB, cookies, and room")
    header_lines: int = _default(100, "of a request; Apache's and HAProxy's own default")
    body_bytes: int = _default(64 * KiB, "of a plain request, such as a login; Tornado's own default is 100 MB")
    query_arguments: int = _default(100, "in the URL of a handshake")
    subprotocols: int = _default(32, "offered in a handshake")
    first_message_bytes: int = _default(8 * KiB, "a token and its envelope, from somebody unknown")
    token_bytes: int = _default(8 * KiB, "more is an attack on the parser")

    json_depth: int = _default(32, "deeper than any reasonable schema; json recurses at 1,000")
    json_nodes: int = _default(10_000, "bounds the work of validation")
    json_keys: int = _default(1_000, "100,000 unknown keys cost marshmallow 260 ms")
    json_integer: int = _default(2**53 - 1, "what a browser can hold exactly (RFC 8259 §6)")

    frames_per_second: float = _default(50.0, "far above a person, far below a flood; control frames count")
    frames_burst: int = _default(100, "two seconds' worth")
    bytes_per_second: float = _default(256.0 * KiB, "few but huge messages pay too")
    bytes_burst: int = _default(1 * MiB, "sixteen messages at the cap")
    identity_messages_per_second: float = _default(200.0, "over all connections of one identity in this process")
    identity_messages_burst: int = _default(200, "one second's worth")
    identity_sends_per_second: float = _default(
        20_000.0,
        "what an identity publishes, times its listeners on all nodes: a seventh of what a core hands on (R11)",
    )
    identity_sends_burst: int = _default(20_000, "one second's worth; a larger audience is reached, and paid off later")
    error_budget: int = _default(10, "errors before 4400: a client with a bug is told, a fuzzer is cut off")
    error_refill_seconds: float = _default(6.0, "one error of the budget comes back every 6 s")
    rate_window_seconds: float = _default(10.0, "over which refusals for rate are counted")
    rate_refusals_until_silence: int = _default(20, "answers to a flood amplify it: then drop silently")
    rate_refusals_until_close: int = _default(100, "sustained excess closes with 4429")

    connections_per_subject: int = _default(5, "tabs and devices of one person, on all nodes (R068)")
    connections_per_address: int = _default(100, "an office behind one address; IPv6 by /64")
    connections: int | None = _default(None, "in all; None: min(10,000, 80 % of the descriptors)")
    memory_bytes: int | None = _default(
        None, "of this process: from nine tenths on newcomers get 503; None: it is not looked at; Linux only"
    )
    pending_handshakes: int = _default(1_000, "a hung authentication back end must not fill memory")
    pending_requests: int = _default(1_000, "of a listener, without a whole request; then the oldest goes")
    pending_requests_per_address: int = _default(100, "as connections; whoever opens more loses his oldest")
    attempts_per_second: float = _default(50.0, "handshakes from one address, before any crypto")
    attempts_burst: int = _default(200, "a reconnect storm of one office")
    failed_credentials: int = _default(100, "per address in the window, then 429 with back-off (ASVS 2.2.1)")
    failed_credentials_window_seconds: float = _default(600.0, "ten minutes")
    identity_attempts_per_second: float = _default(1.0, "of one identity, once its credential is verified (R069)")
    identity_attempts_burst: int = _default(60, "five tabs that reconnect a dozen times, and a minute to get it back")
    tracked_keys: int = _default(65_536, "addresses or identities with a budget of their own; further ones share 1,024")
    audit_queue: int = _default(10_000, "lines that wait for the disk: some seconds of a flood, 3 MiB")
    audit_piece_bytes: int = _default(64 * MiB, "a file of the audit; some 200,000 lines, what an editor still opens")
    audit_folder_bytes: int = _default(4096 * MiB, "all files of the audit; then the oldest go, and the chain says so")
    verified_tokens: int = _default(
        10_000, "of each issuer, whose signature was good: one for each connection of a reconnect storm"
    )
    jwks_bytes: int = _default(256 * KiB, "a key set of another issuer; Entra's has 40 KiB")
    jwks_waiting: int = _default(
        100, "handshakes that wait for one fetch; further ones with unknown keys get 401 at once"
    )
    refusals_logged: int = _default(20, "lines of a kind in the window; the rest is one line with its exact number")
    tickets_per_subject: int = _default(10, "outstanding at once, on all nodes; a page needs one")
    hook_calls: int = _default(32, "of `permissions=` and such at once: 10,000 connections share a database")
    subscriptions: int = _default(100, "channels one connection may listen to")

    alert_burst_bytes: int = _default(
        1 * MiB, "sent to one identity in 10 s: below it no burst is an alert; a large page with its history"
    )
    alert_hour_bytes: int = _default(
        32 * MiB, "sent to one identity in an hour: below it no total is an alert; 9 KiB/s, what a busy page gets"
    )
    alert_messages: int = _default(200, "of one identity in 10 s: below it no rate is an alert; a person sends ten")
    alert_failures: int = _default(
        30, "failed credentials in a minute, ten times as many in an hour, below which there is no attack"
    )
    alert_refusals: int = _default(60, "of one address in a minute, below which it is no alert; one a second")
    alert_connects: int = _default(120, "connections of one address in a minute, below which it is no alert: an office")
    alert_reconnects: int = _default(30, "connections of one identity in 5 minutes, below which it is no alert")
    alert_tracked: int = _default(
        16_384, "identities, and addresses, whose habits are known: those of who is connected and who was; 20 MiB"
    )
    alert_queue: int = _default(100, "alerts that wait for the hook or the webhook; then the oldest goes, counted")

    inbox_messages: int = _default(32, "admitted and waiting for the handler; then reading pauses")
    outbound_bytes: int = _default(1 * MiB, "as Centrifugo; a slow reader costs only itself")
    outbound_messages: int = _default(256, "small messages that wait cost more than their bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts(_Documented):
    """How long anything may take, in seconds."""

    handshake: float = _default(10.0, "slowloris: the whole of it, from the first byte to 101")
    first_message: float = _default(5.0, "someone unknown holds a connection")
    frame: float = _default(10.0, "one byte a second inside a frame")
    message: float = _default(10.0, "fragments that never finish")
    handler: float = _default(10.0, "a handler that hangs holds its connection's inbox")
    close: float = _default(2.0, "Tornado waits 5 s for a peer that never answers our close")
    drain: float = _default(30.0, "what orchestrators allow between SIGTERM and SIGKILL")

    ping_interval: float = _default(25.0, "Centrifugo; below nginx's 60 s proxy_read_timeout")
    pong: float = _default(10.0, "without any inbound byte after a ping")
    idle: float = _default(900.0, "15 minutes without data either way; pings do not count (ASVS 3.3)")
    age: float = _default(43_200.0, "12 h, ±10 %, so that no connection outlives a working day")
    age_jitter: float = _default(0.10, "a deploy's connections must not all end together")

    token_warning: float = _default(60.0, "before expiry, so that a client refreshes in peace")
    token_grace: float = _default(25.0, "after expiry, for a refresh on its way (Centrifugo)")
    revalidation: float = _default(
        300.0, "5 minutes: how old a right may be that only a hook knows; asked from half on"
    )
    hook: float = _default(1.0, "for a hook such as `permissions=` to answer: a withdrawn right acts no longer")
    hook_retry: float = _default(5.0, "until a hook that failed is asked again about the same connection")
    rights_for_live: float = _default(
        60.0, "how long a connection stays about which the hooks say nothing; then 1013", or_zero=True
    )
    signature_window: float = _default(
        30.0, "by which the time of a signed message may differ from ours: clocks are off by seconds"
    )
    ticket: float = _default(30.0, "a page asks for one and connects at once")
    api_key: float = _default(7_776_000.0, "90 days, where whoever makes a key says nothing: forgotten keys end")

    jwks_fetch: float = _default(5.0, "for a key set, all of it; an identity provider takes 0.1")
    jwks_cooldown: float = _default(30.0, "between two fetches, however many unknown keys are named meanwhile")
    jwks_refresh: float = _default(300.0, "5 minutes: how long a key still counts that its issuer has withdrawn")
    jwks_age: float = _default(86_400.0, "24 h: an issuer may be out of reach for a day; then 503 until it is back")

    outbound_age: float = _default(30.0, "older news are no news")
    write_progress: float = _default(10.0, "a reader that sends pongs but reads nothing")

    store_call: float = _default(0.25, "redis-py's own default is 59 s against a frozen server")
    store_sync: float = _default(5.0, "for an append to reach a busy disk; then it counts as not acknowledged")
    node_lease: float = _default(15.0, "how long a server that was killed still counts: a restart, or a slow store")
    node_renewal: float = _default(1.0, "one small call a second, whatever the number of connections")
    node_alone: float = _default(3.0, "how long a server may believe to be alone; who joins waits for it at most")
    mirror_for_new: float = _default(
        30.0, "how stale revocations may be for a new handshake; 0: each asks the store", or_zero=True
    )
    mirror_for_live: float = _default(60.0, "how stale for a live connection; then 1013", or_zero=True)
    clock_step: float = _default(
        30.0, "the wall clock back: it would bring expired tokens to life, so 503 for new ones"
    )
    tick: float = _default(0.25, "how often deadlines are looked at: expiry closes within 1 s")

    alert_look: float = _default(5.0, "how often habits are looked at: 10,000 busy connections cost a look 20 ms")
    alert_delivery: float = _default(10.0, "for the hook or the webhook to take an alert; then it is tried again")
    alert_retry: float = _default(1.0, "before an alert is tried again; twice as long each time, for 8 times")

    ban: float = _default(
        0.0, "no ban; above 0, whoever was closed with 4400 or 4429 gets 429 for so long", or_zero=True
    )
    refusal_window: float = _default(10.0, "over which refusals are told one by one, then by number")
    hsts: float = _default(
        31_536_000.0, "a year of https only, told over https; 0: not told (OWASP HSTS)", or_zero=True
    )

    @classmethod
    def strict(cls, **others: float) -> Self:
        """No grace at all: a handshake asks the store what is revoked, and nobody stays who cannot be judged by it."""
        return cls(mirror_for_new=0.0, mirror_for_live=0.0, **others)

    def _contradictions(self) -> Iterator[Problem]:
        if self.age_jitter >= 1:
            yield Problem(
                "Timeouts.age_jitter", f"{self.age_jitter!r} is a whole age or more", "use a fraction below 1"
            )
        if not 2 * self.node_renewal <= self.node_alone <= self.node_lease / 2:
            spans = f"{self.node_renewal:g}, {self.node_alone:g} and {self.node_lease:g} s"
            remedy = "let each be twice the one before, or more: a renewal may come late once"
            yield Problem("Timeouts.node_renewal, node_alone, node_lease", f"are {spans}", remedy)


LEEWAY_MOST: Final = 60.0
"""A leeway above this would accept tokens of clocks that are wrong (RFC 7519 §4.1.4: "a few minutes" at most)."""

ASSERTED_SECONDS: Final = 3_600.0
"""An hour: how long what a proxy's header said still counts. When its session ends, nobody tells us."""

RSA_BITS_OF_ISSUERS: Final = 2048
"""Least size of another issuer's RSA key: what Keycloak, Entra and Auth0 sign with. Source: RFC 7518 §3.3."""


ClaimPath = str | tuple[str, ...]
"""Where in a payload a claim stands: `"realm_access.roles"`, or, where a name has a dot, the names one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules(_Documented):
    """What one issuer's access tokens look like. The defaults are our own (RFC 9068).

    Args:
        issuer: the `iss`, compared as it is.
        audience: what must be in `aud`.
        typ: of the header; None: "JWT", or none at all, for issuers that do not tell kinds of tokens apart there.
        jti_claim: the token's name, by which it can be revoked; None: one is derived from its claims.
        subject_claim: who it is about.
        tenant_claim, permission_claims, role_claims: where these stand, each of the latter two as a list of strings or
            as one string with spaces. None: as in our own tokens; of another issuer's nothing is taken unnamed.
        required_claims: what tells an access token from the ID tokens and refresh tokens that the same keys sign: a
            claim at the top and its value; None: any.
        forbidden_claims: what an access token never has.
        ignorable_headers: such as `x5t`; those that would change what is verified are refused.
        only_our_audience: whether a token that is for others, too, is refused.
    """

    issuer: str | None = None
    audience: str | None = None
    typ: str | None = "at+jwt"
    jti_claim: str | None = "jti"
    subject_claim: str = "sub"
    tenant_claim: ClaimPath | None = None
    permission_claims: tuple[ClaimPath, ...] | None = None
    role_claims: tuple[ClaimPath, ...] | None = None
    required_claims: Mapping[str, str | None] | None = field(default=None, hash=False)
    forbidden_claims: frozenset[str] = frozenset()
    ignorable_headers: frozenset[str] = frozenset()
    only_our_audience: bool = False

    audiences: int = _default(32, "a longer aud list is there to cost, not to address")
    issuer_rsa_bits: int = _default(
        RSA_BITS_OF_ISSUERS, "what identity providers sign with; keys of our own have 3,072"
    )
    ttl: float = _default(600.0, "10 minutes; ASVS asks for short-lived (R024)")
    max_lifetime: float = _default(86_400.0, "24 h: a longer one is refused, so revocations can end")
    warn_lifetime: float = _default(3_600.0, "longer is accepted and warned of")
    leeway: float = _default(30.0, "on iat and nbf; none on exp", or_zero=True)

    def _contradictions(self) -> Iterator[Problem]:
        if self.leeway > LEEWAY_MOST:
            yield Problem(
                "TokenRules.leeway", f"{self.leeway:g} s is above {LEEWAY_MOST:g} s", "mend the clocks instead"
            )
        if self.ttl > self.max_lifetime:
            remedy = f"lower it, or raise max_lifetime above {self.max_lifetime:g} s"
            yield Problem("TokenRules.ttl", f"{self.ttl:g} s is longer than tokens may live", remedy)
        if self.issuer_rsa_bits < RSA_BITS_OF_ISSUERS:
            fault = f"{self.issuer_rsa_bits} bits are fewer than {RSA_BITS_OF_ISSUERS} (RFC 7518 §3.3)"
            yield Problem("TokenRules.issuer_rsa_bits", fault, "have the issuer make larger keys")


class Secret:
    """A value that does not print itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, to be handed on and not kept."""
        return self._value

    def __repr__(self) -> str:
        return "[redacted]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


_REDIS_SCHEMES: Final = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
STORE_SCHEMES: Final = ("sqlite", *_REDIS_SCHEMES, "memory")
COOKIE_SECRET_BYTES: Final = 32
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


def _cookie_secret(text: str) -> Secret:
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
        "WSSEC_COOKIE_SECRET", _cookie_secret, "secret that signs cookies", secret=True
    )
    audit: str | None = _variable("WSSEC_AUDIT", str, "path of the audit log")
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
        return [
            Problem(about["variable"], f"is not set ({about['what']})", "set it, or run `wssec init`")
            for about in absent
        ]

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
