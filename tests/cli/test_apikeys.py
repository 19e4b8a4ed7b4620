"""`wssec apikeys` makes a key that is shown once, lists what there is without it, and ends it for good."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.cli.conftest import Outcome, Terminal
from tornado_wssec.errors import NotAcknowledged, StoreUnavailable
from tornado_wssec.policy.api_keys import ApiKeyRecord, ApiKeyText
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.url import open_store

T = TypeVar("T")
KEYS = RecordKind.API_KEY
UNKNOWN = "ak0123456789abcdef"
LISTED = [
    "id",
    "subject",
    "permissions",
    "roles",
    "tenant",
    "issuer",
    "audience",
    "note",
    "created_at",
    "expires_at",
]
ENDED = ["id", "revocation", "dropped", "acknowledged"]
DAY = 86_400.0


def in_store(wssec: Terminal, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something in the store, as a server does."""

    async def run() -> T:
        store = open_store(wssec.environment["WSSEC_STORE"], timeouts=Timeouts())
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def create(wssec: Terminal, *options: str, subject: str = "robot") -> ApiKeyText:
    """A new key, read from standard output."""
    return ApiKeyText.parse(wssec.done("apikeys", "create", "--subject", subject, *options).removesuffix("\n"))


def ids(wssec: Terminal) -> list[str]:
    """The ids of the keys that there are."""
    return [entry["id"] for entry in wssec.json("apikeys", "list")]


def revoked(wssec: Terminal) -> list[str]:
    """What the revocation log names."""
    return [f"{entry['kind']} {entry['value']}" for entry in wssec.json("revocations", "list", "--all")]


def test_apikeys_create_prints_the_key_alone(wssec: Terminal) -> None:
    """Standard output is the key; that it is not shown again, and its id, stand on standard error."""
    outcome = wssec("apikeys", "create", "--subject", "robot")
    key = ApiKeyText.parse(outcome.out.removesuffix("\n"))

    assert (0, 1) == (outcome.code, outcome.err.count("\n"))
    assert re.search(rf"the key {key.id} expires \S+Z; keep it, for it is not shown again", outcome.err)
    assert key.secret not in outcome.err


def test_apikeys_create_stores_a_hash(wssec: Terminal, place: Path) -> None:
    """Whoever reads the files finds no key, and the digest of its secret."""
    key = create(wssec)
    kept = b"".join(path.read_bytes() for path in place.iterdir())

    assert [False, False, True, True] == [text.encode() in kept for text in (key.text, key.secret, key.digest, key.id)]


def test_apikeys_create_keeps_everything(wssec: Terminal) -> None:
    """The record is what was asked for, in the name of the deployment's issuer and audience."""
    options = ["--permission", "a:b", "--permission", "c:*", "--role", "bot", "--tenant", "acme", "--note", "nightly"]
    key = create(wssec, *options, "--ttl", "30d")
    payload = in_store(wssec, lambda store: store.find_record(KEYS, key.id, time.time()))
    record = ApiKeyRecord.from_json(key.id, payload)

    assert ("robot", ("a:b", "c:*"), ("bot",), "acme", "nightly") == (
        record.subject,
        record.permissions,
        record.roles,
        record.tenant,
        record.note,
    )
    assert ("https://auth.example.com", "chat") == (record.issuer, record.audience)
    assert record.expires_at == record.created_at + 30 * DAY


def test_apikeys_end_by_themselves_unless_told(wssec: Terminal) -> None:
    """After 90 days, or never where somebody says so in full."""
    create(wssec, subject="a")
    create(wssec, "--no-expiry", subject="b")
    lives = {
        entry["subject"]: entry["expires_at"] and entry["expires_at"] - entry["created_at"]
        for entry in wssec.json("apikeys", "list")
    }

    assert {"a": pytest.approx(90 * DAY), "b": None} == lives


def test_apikeys_list_for_programs(wssec: Terminal) -> None:
    """The documented names, by id, and neither the secret nor its hash."""
    keys = [create(wssec), create(wssec)]
    outcome = wssec("apikeys", "list", "--json")

    assert sorted(key.id for key in keys) == [entry["id"] for entry in outcome.json]
    assert [LISTED, LISTED] == [list(entry) for entry in outcome.json]
    assert not [key for key in keys if key.secret in outcome.everything or key.digest in outcome.everything]


def test_apikeys_list_for_people(wssec: Terminal) -> None:
    """One line each."""
    key = create(wssec, "--permission", "a:b", "--note", "nightly", "--no-expiry")
    titles, line = wssec.done("apikeys", "list").splitlines()

    assert ["ID", "SUBJECT", "TENANT", "PERMISSIONS", "ROLES", "CREATED", "EXPIRES", "NOTE"] == titles.split()
    assert [key.id, "robot", "-", "a:b", "-"] == line.split()[:5]
    assert ["never", "nightly"] == line.split()[6:]


def test_apikeys_list_tells_of_what_is_none_of_ours(wssec: Terminal) -> None:
    """It is named, with the remedy, and what stands there is not shown."""
    key = create(wssec)
    put = ("ak00000000000000ff", '{"sorcery":1}')
    in_store(wssec, lambda store: store.put_record(KEYS, *put, expires_at=None, now=time.time()))
    outcome = wssec("apikeys", "list", "--json")

    assert (0, [key.id]) == (outcome.code, [entry["id"] for entry in outcome.json])
    assert "key ak00000000000000ff is none of ours" in outcome.err
    assert "sorcery" not in outcome.everything
    assert wssec.json("apikeys", "revoke", put[0], "--yes")["dropped"]


def test_apikeys_list_reads_every_page(wssec: Terminal) -> None:
    """More keys than one call gives."""

    async def fill(store: Store) -> None:
        for number in range(120):
            await store.put_record(KEYS, f"ak{number:016x}", "{}", expires_at=None, now=time.time())

    in_store(wssec, fill)

    assert 120 == wssec("apikeys", "list").err.count("none of ours")


def test_apikeys_revoke_ends_a_key_for_good(wssec: Terminal) -> None:
    """It is dropped, and its connections are revoked."""
    key, other = create(wssec), create(wssec)
    made = wssec.json("apikeys", "revoke", key.id, "--yes")

    assert (ENDED, key.id, True, True) == (list(made), made["id"], made["dropped"], made["acknowledged"])
    assert ([other.id], [f"token {key.id}"]) == (ids(wssec), revoked(wssec))


def test_apikeys_revoke_is_done_by_doing_it_again(wssec: Terminal) -> None:
    """A key that is gone or was never there is revoked all the same: whoever revokes may know more than we do."""
    made = [wssec.json("apikeys", "revoke", UNKNOWN, "--yes") for _ in range(2)]

    assert [(False, True)] * 2 == [(entry["dropped"], entry["acknowledged"]) for entry in made]
    assert [f"token {UNKNOWN}"] * 2 == revoked(wssec)
    assert "it was not there" in wssec.done("apikeys", "revoke", UNKNOWN, "--yes")


def test_apikeys_revoke_asks(wssec: Terminal) -> None:
    """Without --yes and a terminal nothing is done."""
    key = create(wssec)
    outcome = wssec("apikeys", "revoke", key.id)

    assert (1, True) == (outcome.code, "add --yes if it is meant" in outcome.err)
    assert ([key.id], []) == (ids(wssec), revoked(wssec))


@pytest.mark.parametrize("show", [lambda key: key.text, lambda key: key.id, lambda key: key.text + "\r\n"])
@pytest.mark.parametrize("command", [("apikeys", "revoke", "--yes"), ("revoke", "token")])
def test_apikeys_revoke_reads_a_leaked_key(wssec: Terminal, command: tuple[str, ...], show: Any) -> None:
    """From standard input, the key or its id; it is not repeated."""
    key = create(wssec)
    outcome = wssec(*command, "-", stdin=show(key))

    assert (0, False, []) == (outcome.code, key.secret in outcome.everything, ids(wssec))


@pytest.mark.requirement("R026")
@pytest.mark.parametrize(
    "command", [("apikeys", "revoke", "--yes"), ("revoke", "token"), ("revoke", "subject"), ("revoke", "session")]
)
def test_apikeys_are_not_taken_as_arguments(wssec: Terminal, command: tuple[str, ...]) -> None:
    """A whole key is refused, not repeated, and nothing is written."""
    key = create(wssec)
    outcome = wssec(*command, key.text)

    assert (2, False, [], [key.id]) == (
        outcome.code,
        key.secret in outcome.everything,
        revoked(wssec),
        ids(wssec),
    )
    assert "a whole API key is a secret; give its id" in outcome.err


@pytest.mark.parametrize("text", ["wssec_ak", "wssec_ak0123456789abcdef_short"])
def test_apikeys_revoke_refuses_half_a_key(wssec: Terminal, text: str) -> None:
    """Its id cannot be told for sure."""
    outcome = wssec("apikeys", "revoke", "-", "--yes", stdin=text)

    assert (1, []) == (outcome.code, revoked(wssec))
    assert "give its id" in outcome.err


@pytest.mark.parametrize("text", ["u42", "ak", "ak0123456789abcdeg", "AK0123456789ABCDEF", "'; DROP TABLE x;--", "%"])
def test_k09_apikeys_revoke_takes_ids_alone(wssec: Terminal, text: str) -> None:
    """A subject, a pattern or a statement is no id."""
    outcome = wssec("apikeys", "revoke", text, "--yes")

    assert (2, [], True) == (outcome.code, revoked(wssec), "no id of an API key" in outcome.err)


def test_revoke_token_ends_an_api_key(wssec: Terminal) -> None:
    """Or it would be good again once the revocation is forgotten."""
    key = create(wssec)
    made = wssec.json("revoke", "token", key.id)

    assert ([key.id], []) == (made["dropped_api_keys"], ids(wssec))


@pytest.mark.parametrize(
    ("arguments", "ended"),
    [
        (["subject", "u42"], ["u42", "u42 of acme"]),
        (["tenant", "acme"], ["u42 of acme", "u43 of acme"]),
        (["subject", "u42", "--issuer", "https://auth.example.com"], ["u42", "u42 of acme"]),
        (["subject", "u42", "--issuer", "https://other.example.com"], []),
        (["subject", "u42", "--before", "2020-01-31"], []),
        (["subject", "u4"], []),
        (["session", "u42"], []),
        (["key", "u42"], []),
    ],
)
def test_revoke_drops_the_api_keys_that_it_names(wssec: Terminal, arguments: list[str], ended: list[str]) -> None:
    """Those of the subject or the tenant that were made up to then; each is told."""
    keys = {
        "u42": create(wssec, subject="u42").id,
        "u42 of acme": create(wssec, "--tenant", "acme", subject="u42").id,
        "u43 of acme": create(wssec, "--tenant", "acme", subject="u43").id,
        "u43": create(wssec, subject="u43").id,
    }
    wanted = sorted(keys[name] for name in ended)
    made = wssec.json("revoke", *arguments)

    assert wanted == sorted(made["dropped_api_keys"])
    assert sorted(set(keys.values()) - set(wanted)) == ids(wssec)


def test_revoke_names_the_api_keys_to_people(wssec: Terminal) -> None:
    """They do not come back, so whoever revokes must know of them."""
    key = create(wssec, subject="u42")
    lines = wssec.done("revoke", "subject", "u42").splitlines()

    assert [["API", "keys", "dropped", key.id]] == [line.split() for line in lines if "API keys" in line]


def test_revocations_undo_brings_no_api_key_back(wssec: Terminal) -> None:
    """Tokens are accepted again; a key was dropped."""
    create(wssec, subject="u42")
    made = wssec.json("revoke", "subject", "u42")
    wssec.done("revocations", "undo", made["id"], "--yes")

    assert [] == ids(wssec)


def test_apikeys_create_refuses_whoever_was_just_revoked(wssec: Terminal) -> None:
    """A key of the same second would be refused for a day; the remedy is named."""
    wssec.done("revoke", "subject", "u42", "--before", str(int(time.time()) + 60), "--yes")
    outcome = wssec("apikeys", "create", "--subject", "u42")

    assert (1, "", []) == (outcome.code, outcome.out, ids(wssec))
    assert "subject u42 is revoked, so the key would be refused; wait a second" in outcome.err


def failing(wssec: Terminal, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception, *command: str) -> Outcome:
    """Run a command in a store of which one method fails."""

    async def fail(self: SqliteStore, *_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(SqliteStore, method, fail)
        return wssec(*command)


def test_apikeys_revoke_is_safe_when_it_ends_in_between(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped and not yet revoked: nobody comes in by it any more, and the command says that it is not done."""
    key = create(wssec)
    command = ("apikeys", "revoke", key.id, "--yes")
    outcome = failing(wssec, monkeypatch, "append", StoreUnavailable("the disk is gone"), *command)

    assert (1, "", []) == (outcome.code, outcome.out, ids(wssec))
    assert [] == revoked(wssec)
    wssec.done(*command)
    assert [f"token {key.id}"] == revoked(wssec)


def test_revoke_goes_on_where_records_fail(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and sockets are revoked whatever is wrong with the records; the command fails, since keys are left."""
    key = create(wssec, subject="u42")
    command = ("revoke", "subject", "u42")
    outcome = failing(wssec, monkeypatch, "drop_record", StoreUnavailable("the disk is gone"), *command)

    assert (1, ["subject u42"], [key.id]) == (outcome.code, revoked(wssec), ids(wssec))
    assert "the disk is gone" in outcome.err


def test_apikeys_revoke_says_when_it_was_not_acknowledged(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, in JSON of the same shape; what was dropped is not known."""
    command = ("apikeys", "revoke", create(wssec).id, "--yes")
    error = NotAcknowledged("the disk did not answer")
    as_json = failing(wssec, monkeypatch, "drop_record", error, *command, "--json")
    plain = failing(wssec, monkeypatch, "drop_record", error, *command)

    assert (1, ENDED, None, False) == (
        as_json.code,
        list(as_json.json),
        as_json.json["dropped"],
        as_json.json["acknowledged"],
    )
    assert (1, True) == (plain.code, "not known" in plain.out)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--ttl", "30d", "--no-expiry"], "--ttl and --no-expiry contradict"),
        (["--ttl", "0s"], "the key would have ended when it begins"),
        (["--ttl", "soon"], "'soon' is no duration"),
        (["--permission", "a::b"], "a::b"),
        (["--role", "a b"], "this cannot be the role"),
        (["--note", "x" * 1_025], "the note is"),
        (["--tenant", "a b"], "this cannot be the value"),
    ],
)
def test_apikeys_create_refuses_what_cannot_be(wssec: Terminal, options: list[str], told: str) -> None:
    """A usage error of one line, and nothing is written."""
    outcome = wssec("apikeys", "create", "--subject", "robot", *options)

    assert (2, "", 1, []) == (outcome.code, outcome.out, outcome.err.count("\n"), ids(wssec))
    assert told in outcome.err


def test_apikeys_create_without_settings_names_them(wssec: Terminal, bare: Terminal) -> None:
    """Whoever lists or ends keys needs the store alone."""
    store = wssec.environment["WSSEC_STORE"]
    outcome = bare("apikeys", "create", "--subject", "robot")

    assert 1 == outcome.code
    assert not [name for name in ("WSSEC_STORE", "WSSEC_ISSUER", "WSSEC_AUDIENCE") if name not in outcome.err]
    assert [0, 0] == [
        bare("apikeys", *arguments, WSSEC_STORE=store).code for arguments in (["list"], ["revoke", UNKNOWN, "--yes"])
    ]


@pytest.mark.parametrize("verb", ["list", "revoke"])
def test_apikeys_help_documents_its_json(wssec: Terminal, verb: str) -> None:
    """The names in the help are those that are printed, in their order."""
    create(wssec)
    found = wssec.json("apikeys", *(["list"] if verb == "list" else ["revoke", UNKNOWN, "--yes"]))
    names = ", ".join(found[0] if verb == "list" else found)
    shape = f"[{{{names}}}]" if verb == "list" else f"{{{names}}}"

    assert f"JSON: {shape}" in " ".join(wssec.done("apikeys", verb, "--help").split())


def test_apikeys_in_an_error_line_are_masked(wssec: Terminal) -> None:
    """Where a message quotes what was typed."""
    key = create(wssec)
    outcome = wssec("apikeys", "create", "--subject", "robot", "--ttl", key.text)

    assert (2, False) == (outcome.code, key.secret in outcome.everything)
