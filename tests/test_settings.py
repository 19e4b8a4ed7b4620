"""Defaults with their reasons, and the environment that a server and a command read alike."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from math import inf, nan
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import ConfigurationError, Problem
from tornado_wssec.settings import KiB, Limits, Secret, Settings, Timeouts, TokenRules

GROUPS = [Limits, Timeouts, TokenRules]
HUNTER = "hunter2-hunter2-hunter2-hunter2!"


def problems_of(make: Callable[[], object]) -> list[str]:
    """What the ConfigurationError lists, a line for each."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("group", GROUPS)
def test_defaults_are_in_range_and_explained(group: type[Limits | Timeouts | TokenRules]) -> None:
    """A group without arguments is valid, and every number has its reason."""
    rows = group.table()
    numbers = [
        item.name for item in fields(group()) if isinstance(item.default, (int, float)) and item.type is not bool
    ]

    assert {} == group().changed()
    assert set(numbers) <= {name for name, _, _ in rows} | {"only_our_audience"}
    assert all(len(why) > 10 for _, _, why in rows)


def test_limits_default() -> None:
    """The contract's table, as it stands."""

    assert Limits() == Limits(
        message_bytes=64 * KiB,
        frame_bytes=64 * KiB,
        fragments=64,
        header_bytes=16 * KiB,
        first_message_bytes=8 * KiB,
        token_bytes=8 * KiB,
        json_depth=32,
        json_nodes=10_000,
        json_keys=1_000,
        json_integer=2**53 - 1,
        frames_per_second=50,
        frames_burst=100,
        bytes_per_second=256 * KiB,
        bytes_burst=1024 * KiB,
        identity_messages_per_second=200,
        error_budget=10,
        error_refill_seconds=6,
        rate_window_seconds=10,
        rate_refusals_until_silence=20,
        rate_refusals_until_close=100,
        connections_per_subject=5,
        connections_per_address=100,
        connections=None,
        pending_handshakes=1_000,
        attempts_per_second=50,
        attempts_burst=200,
        failed_credentials=100,
        failed_credentials_window_seconds=600,
        tickets_per_subject=10,
        verified_tokens=10_000,
        jwks_bytes=256 * KiB,
        jwks_waiting=100,
        outbound_bytes=1024 * KiB,
        outbound_messages=256,
    )


def test_timeouts_default() -> None:
    """The contract's table, as it stands."""

    assert Timeouts() == Timeouts(
        handshake=10,
        first_message=5,
        frame=10,
        message=10,
        handler=10,
        close=2,
        drain=30,
        ping_interval=25,
        pong=10,
        idle=900,
        age=43_200,
        age_jitter=0.1,
        token_warning=60,
        token_grace=25,
        revalidation=300,
        ticket=30,
        jwks_fetch=5,
        jwks_cooldown=30,
        jwks_refresh=300,
        jwks_age=86_400,
        outbound_age=30,
        write_progress=10,
        store_call=0.25,
        mirror_for_new=30,
        mirror_for_live=60,
    )


@pytest.mark.requirement("R024")
def test_token_rules_default() -> None:
    """Ten minutes, at most a day, half a minute of leeway, and RFC 9068's typ."""

    assert TokenRules() == TokenRules(
        typ="at+jwt",
        jti_claim="jti",
        subject_claim="sub",
        tenant_claim=None,
        permission_claims=None,
        role_claims=None,
        required_claims=None,
        forbidden_claims=frozenset(),
        issuer_rsa_bits=2048,
        ignorable_headers=frozenset(),
        only_our_audience=False,
        ttl=600,
        max_lifetime=86_400,
        warn_lifetime=3_600,
        leeway=30,
    )


def test_settings_default_to_nothing() -> None:
    """Nobody is trusted and nothing is insecure unless it is said."""

    assert Settings() == Settings(
        store=None, keys=None, origins=(), hosts=(), trusted_proxies=(), cookie_secret=None, insecure=False
    )


@pytest.mark.parametrize("group", [*GROUPS, Settings])
def test_settings_are_named(group: type[Any]) -> None:
    """A number without its name could be any of them."""
    with pytest.raises(TypeError, match="positional"):
        group(1)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "64k", None, nan])
def test_limits_refuse(value: Any) -> None:
    """A size is a whole number above 0; text, truth and nothing are not, and the default is named."""
    line = f"Limits.message_bytes: {value!r} is not a whole number above 0; the default is 65536"

    assert [line] == problems_of(lambda: Limits(message_bytes=value))


@pytest.mark.parametrize("value", [0, -0.5, False, "10s", None, nan])
def test_timeouts_refuse(value: Any) -> None:
    """A time is a number above 0."""
    line = f"Timeouts.handshake: {value!r} is not a number above 0; the default is 10.0"

    assert [line] == problems_of(lambda: Timeouts(handshake=value))


def test_limits_report_all_at_once() -> None:
    """Whoever mends one finds out about the others at the same time."""

    assert ["Limits.json_depth", "Limits.subscriptions"] == [
        line.partition(":")[0] for line in problems_of(lambda: Limits(json_depth=0, subscriptions=-1))
    ]


def test_limits_may_be_what_they_are() -> None:
    """Whole numbers will do as rates; None where it has a meaning; and no bound where somebody insists."""
    limits = Limits(frames_per_second=7, connections=None, message_bytes=1)

    assert {"frames_per_second": (7, 50.0), "message_bytes": (1, 65536)} == limits.changed()
    assert {"age": (inf, 43_200.0)} == Timeouts(age=inf).changed()
    assert 80 == Limits(connections=80).connections


def test_limits_refuse_no_connections() -> None:
    """None leaves the number to the descriptors; 0 would be a server for nobody."""

    assert ["Limits.connections: 0 is not a whole number above 0; the default is None"] == problems_of(
        lambda: Limits(connections=0)
    )


@pytest.mark.parametrize(("group", "name"), [(Timeouts, "mirror_for_live"), (TokenRules, "leeway")])
def test_zero_where_it_means_something(group: type[Any], name: str) -> None:
    """No grace and no leeway are strict and allowed; less than none is not."""

    assert 0 == getattr(group(**{name: 0}), name)
    assert "is not a number of 0 or more" in problems_of(lambda: group(**{name: -0.5}))[0]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: TokenRules(leeway=61), "TokenRules.leeway: 61 s is above 60 s; mend the clocks instead"),
        (
            lambda: TokenRules(ttl=7_200, max_lifetime=3_600),
            "TokenRules.ttl: 7200 s is longer than tokens may live; lower it, or raise max_lifetime above 3600 s",
        ),
        (
            lambda: Timeouts(drain_notice=30),
            "Timeouts.drain_notice: 30 s leave nothing of the 30 s for goodbyes;"
            " lower it, or raise drain and what the service manager allows",
        ),
        (lambda: Timeouts(age_jitter=1), "Timeouts.age_jitter: 1 is a whole age or more; use a fraction below 1"),
    ],
)
def test_contradictions_are_refused(make: Callable[[], object], line: str) -> None:
    """Numbers that are fine alone and not together."""

    assert [line] == problems_of(make)


def test_contradictions_wait_for_the_range() -> None:
    """What is no number is reported as that, and not compared."""
    ttl: Any = "10m"

    assert ["TokenRules.ttl: '10m' is not a number above 0; the default is 600.0"] == problems_of(
        lambda: TokenRules(ttl=ttl)
    )


def test_token_rules_at_their_edges() -> None:
    """Sixty seconds of leeway, and a token as long as tokens may live, are allowed."""

    assert 60 == TokenRules(leeway=60).leeway
    assert 3_600 == TokenRules(ttl=3_600, max_lifetime=3_600).ttl


@pytest.mark.parametrize("group", [*GROUPS, Settings])
def test_settings_do_not_change(group: type[Any]) -> None:
    """A limit that somebody checked stays what it was, and a misspelt one is no attribute."""
    made = group()
    name = fields(made)[0].name

    with pytest.raises(FrozenInstanceError):
        setattr(made, name, 1)
    with pytest.raises(TypeError):
        group(**{name + "s": 1})
    assert not hasattr(made, "__dict__")


def test_secret_does_not_print() -> None:
    """Not by repr, str, format or %, nor from within the settings."""
    secret = Secret(HUNTER)
    settings = Settings(cookie_secret=secret)

    assert ["[redacted]"] * 4 == [repr(secret), str(secret), f"{secret}", "%s" % secret]  # noqa: UP031  # it is the subject
    assert HUNTER not in repr(settings)
    assert HUNTER not in repr([secret, {"a": secret}])
    assert HUNTER == secret.reveal()


def test_secrets_equal_by_value() -> None:
    """Equal ones hash alike; a secret is not equal to its text."""

    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


ENVIRONMENT = {
    "WSSEC_STORE": "sqlite:///wssec.db",
    "WSSEC_KEYS": "keys.json",
    "WSSEC_KEYS_PASSPHRASE": "correct horse",
    "WSSEC_ISSUER": "https://id.example.com",
    "WSSEC_AUDIENCE": "chat",
    "WSSEC_ORIGINS": "https://a.example, https://b.example,",
    "WSSEC_HOSTS": "a.example",
    "WSSEC_TRUSTED_PROXIES": "10.0.0.0/8 , ::1",
    "WSSEC_COOKIE_SECRET": HUNTER,
    "WSSEC_AUDIT": "/var/log/audit.log",
    "WSSEC_AUDIT_PSEUDONYMS": HUNTER,
    "WSSEC_TLS_CERT": "cert.pem",
    "WSSEC_TLS_KEY": "key.pem",
    "WSSEC_SCHEMAS": "schemas.chat",
    "WSSEC_INSECURE": "1",
}


@pytest.mark.requirement("R007")
def test_settings_from_env() -> None:
    """Every variable lands in its setting, lists are split, secrets are wrapped."""

    assert Settings(
        store=Secret("sqlite:///wssec.db"),
        keys="keys.json",
        keys_passphrase=Secret("correct horse"),
        issuer="https://id.example.com",
        audience="chat",
        origins=("https://a.example", "https://b.example"),
        hosts=("a.example",),
        trusted_proxies=("10.0.0.0/8", "::1"),
        cookie_secret=Secret(HUNTER),
        audit="/var/log/audit.log",
        audit_pseudonyms=Secret(HUNTER),
        tls_cert="cert.pem",
        tls_key="key.pem",
        schemas=("schemas.chat",),
        insecure=True,
    ) == Settings.from_env(ENVIRONMENT)


def test_settings_tell_their_variables() -> None:
    """For help and docs: each variable, what it is, and whether it may come as a file."""
    rows = Settings.variables()

    assert list(ENVIRONMENT) == [variable for variable, _, _ in rows]
    assert {"WSSEC_STORE", "WSSEC_KEYS_PASSPHRASE", "WSSEC_COOKIE_SECRET", "WSSEC_AUDIT_PSEUDONYMS"} == {
        name for name, _, secret in rows if secret
    }
    assert all(what for _, what, _ in rows)


def test_settings_of_an_empty_environment() -> None:
    """Nothing set is the defaults, and an empty variable is not set."""

    assert Settings() == Settings.from_env({})
    assert Settings() == Settings.from_env(dict.fromkeys(ENVIRONMENT, "") | {"PATH": "/bin"})


def test_settings_argument_wins() -> None:
    """Argument, environment, default: in that order; None is no argument."""
    settings = Settings.from_env(ENVIRONMENT, issuer="me", audience=None, origins=["https://c.example"], insecure=False)

    assert ("me", "chat", ("https://c.example",), False) == (
        settings.issuer,
        settings.audience,
        settings.origins,
        settings.insecure,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"origins": "https://a.example,https://b.example"}, ("https://a.example", "https://b.example")),
        ({"origins": ()}, ()),
        ({"keys": PurePosixPath("/etc/keys.json")}, "/etc/keys.json"),
        ({"store": Secret("memory://")}, Secret("memory://")),
        ({"store": "memory://"}, Secret("memory://")),
        ({"insecure": True}, True),
        ({"insecure": "on"}, True),
        ({"insecure": "No"}, False),
    ],
)
def test_settings_take_arguments_as_they_come(arguments: dict[str, Any], expected: object) -> None:
    """Text is read as in the environment; lists, paths, secrets and truth are what they are."""
    (name,) = arguments

    assert expected == getattr(Settings.from_env({}, **arguments), name)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"insecure": 1}, "WSSEC_INSECURE: is of type int; write it as text"),
        ({"issuer": ["a"]}, "WSSEC_ISSUER: is of type list; write it as text"),
        ({"issuer": True}, "WSSEC_ISSUER: is of type bool; write it as text"),
        ({"origins": 7}, "WSSEC_ORIGINS: is of type int; write it as text"),
        ({"store": b"memory://"}, "WSSEC_STORE: is of type bytes; write it as text"),
        (
            {"cookie_secret": Secret("short")},
            "WSSEC_COOKIE_SECRET: is shorter than 32 bytes; use that many random ones or more",
        ),
        (
            {"insecure": "maybe"},
            "WSSEC_INSECURE: 'maybe' is neither 1 nor 0; set it to 1 in development only, or drop it",
        ),
    ],
)
def test_settings_refuse_arguments(arguments: dict[str, Any], line: str) -> None:
    """An argument is checked like a variable, also inside a Secret; a secret's value is not shown."""

    assert [line] == problems_of(lambda: Settings.from_env(ENVIRONMENT, **arguments))


def test_settings_refuse_unknown_arguments() -> None:
    """A misspelt argument is a mistake in the program, not in its configuration."""
    with pytest.raises(TypeError, match="Settings has no issuers, stores"):
        Settings.from_env({}, stores="memory://", issuers="me")


def test_settings_report_all_at_once() -> None:
    """Every variable that cannot be used, each with its remedy, and no secret among them."""
    environ = {
        "WSSEC_STORE": "mysql://root:hunter2@db/wssec",
        "WSSEC_COOKIE_SECRET": "hunter2",
        "WSSEC_INSECURE": "maybe",
        "WSSEC_TLS_KEY": "key.pem",
        "WSSEC_ORIGIN": "https://a.example",
        "WSSEC_KEYS_PASSPHRASE_FILES": "x",
        "WSSEC_SOMETHING_ELSE": "is not ours to judge",
        "MYWSSEC_STORE": "nor is this",
    }
    stores = "sqlite:///path, redis://host, rediss://host or memory://"

    assert [
        "WSSEC_KEYS_PASSPHRASE_FILES: is not a variable of ours; did you mean WSSEC_KEYS_PASSPHRASE_FILE?",
        "WSSEC_ORIGIN: is not a variable of ours; did you mean WSSEC_ORIGINS?",
        f"WSSEC_STORE: is no store URL; use {stores}",
        "WSSEC_COOKIE_SECRET: is shorter than 32 bytes; use that many random ones or more",
        "WSSEC_INSECURE: 'maybe' is neither 1 nor 0; set it to 1 in development only, or drop it",
        "WSSEC_TLS_CERT, WSSEC_TLS_KEY: only one of the two is set; set both, or neither behind a TLS proxy",
    ] == problems_of(lambda: Settings.from_env(environ))


@pytest.mark.parametrize(
    "url", ["sqlite", "sqlite:/x", "hunter2", "user:hunter2@host", "://", "SQLITE:///x", "file:///x"]
)
def test_settings_refuse_what_is_no_store(url: str) -> None:
    """Without a known scheme it is no store; what stands there may be a password and is not shown."""
    (line,) = problems_of(lambda: Settings.from_env({"WSSEC_STORE": url}))

    assert line.startswith("WSSEC_STORE: is no store URL; use sqlite:///path")
    assert url not in line.partition("use ")[0].removeprefix("WSSEC_STORE: is no store URL")


@pytest.mark.parametrize(
    "url", ["sqlite:///a", "redis://h", "rediss://h", "redis+sentinel://h", "rediss+cluster://h", "memory://"]
)
def test_settings_take_every_kind_of_store(url: str) -> None:
    """The schemes of the contract."""

    assert Settings(store=Secret(url)) == Settings.from_env({"WSSEC_STORE": url})


@pytest.mark.parametrize("text", ["a" * 32, "é" * 16, "a" * 31 + "\ud800"], ids=ascii)
def test_cookie_secret_of_32_bytes_is_long_enough(text: str) -> None:
    """Bytes count, not characters; undecodable ones of the environment are bytes too."""

    assert Secret(text) == Settings.from_env({"WSSEC_COOKIE_SECRET": text}).cookie_secret


@pytest.mark.requirement("R026")
@pytest.mark.parametrize(
    ("content", "value"), [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), (" s\r\n", " s"), ("\n", None)]
)
def test_secret_comes_from_a_file(tmp_path: Path, content: str, value: str | None) -> None:
    """`…_FILE` names a file whose text, without the line's end, is the value; an empty one is none."""
    path = tmp_path / "passphrase"
    path.write_bytes(content.encode())
    settings = Settings.from_env({"WSSEC_KEYS_PASSPHRASE_FILE": str(path)})

    assert (None if value is None else Secret(value)) == settings.keys_passphrase


def test_secret_from_a_file_and_from_a_variable(tmp_path: Path) -> None:
    """Which of the two was meant nobody can know; an argument settles it."""
    environ = {"WSSEC_KEYS_PASSPHRASE": "a", "WSSEC_KEYS_PASSPHRASE_FILE": str(tmp_path / "b")}
    line = "WSSEC_KEYS_PASSPHRASE: is set, and WSSEC_KEYS_PASSPHRASE_FILE too; drop one of the two"

    assert [line] == problems_of(lambda: Settings.from_env(environ))
    assert Secret("c") == Settings.from_env(environ, keys_passphrase="c").keys_passphrase


def test_secret_from_a_file_that_is_none(tmp_path: Path) -> None:
    """Missing, a directory, or not text: the error names the file and shows nothing of its content."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"hunter2\xff")
    environ = {
        "WSSEC_STORE_FILE": str(tmp_path / "missing"),
        "WSSEC_KEYS_PASSPHRASE_FILE": str(tmp_path),
        "WSSEC_COOKIE_SECRET_FILE": str(binary),
    }

    assert [
        f"WSSEC_STORE_FILE: cannot read {tmp_path}/missing: No such file or directory; name a readable file",
        f"WSSEC_KEYS_PASSPHRASE_FILE: cannot read {tmp_path}: Is a directory; name a readable file",
        f"WSSEC_COOKIE_SECRET: comes from {binary}, which is no UTF-8 text; write it there as text",
    ] == problems_of(lambda: Settings.from_env(environ))


def test_secret_from_a_path_that_is_none() -> None:
    """A path that no system could open still is a problem of that variable."""

    assert ["WSSEC_STORE: embedded null byte; it is the URL of the store"] == problems_of(
        lambda: Settings.from_env({"WSSEC_STORE_FILE": "a\x00b"})
    )


def test_plain_setting_has_no_file() -> None:
    """Only secrets come from files."""

    assert Settings() == Settings.from_env({"WSSEC_ISSUER_FILE": "/etc/issuer"})


def test_require_names_all_that_is_missing() -> None:
    """Each with its variable, what it is, and how to get it; empty is missing too."""
    settings = Settings.from_env({"WSSEC_ISSUER": "me"})
    remedy = "set it, or load your wssec.env: `set -a; . ./wssec.env; set +a`; `wssec init` makes one"

    assert [
        f"WSSEC_STORE: is not set (URL of the store); {remedy}",
        f"WSSEC_ORIGINS: is not set (allowed origins, separated by commas); {remedy}",
    ] == problems_of(lambda: settings.require("store", "issuer", "origins"))


def test_require_is_silent_when_nothing_is_missing() -> None:
    """What is there is enough."""
    settings = Settings.from_env(ENVIRONMENT)
    settings.require(*[item.name for item in fields(settings)])

    assert Settings.from_env(ENVIRONMENT) == settings


@given(st.dictionaries(st.sampled_from(sorted(ENVIRONMENT)), st.text(max_size=20)))
def test_settings_of_any_environment(environ: dict[str, str]) -> None:
    """Any text in any variable is settings or a ConfigurationError, and no secret is shown."""
    problems: tuple[Problem, ...] = ()
    try:
        Settings.from_env(environ)
    except ConfigurationError as error:
        problems = error.problems
    named = {name for problem in problems for name in problem.where.split(", ")}

    assert named <= set(ENVIRONMENT)
