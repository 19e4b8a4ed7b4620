"""`wssec keys` takes keys through their life, and shows nothing of them that is secret."""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import OKPAlgorithm

from tests.cli.conftest import Terminal
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import Limits
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.sqlite import SqliteStore

KEY = {"kid", "alg", "state", "created_at", "retired_at", "verify_until", "can_sign"}
CHANGE = {"changed", "current", "published"}


def states(wssec: Terminal) -> list[str]:
    """The states of the keys, in their order."""
    return [key["state"] for key in wssec.json("keys", "list")]


def published(wssec: Terminal) -> str:
    """What `store doctor` finds of the published keys."""
    checks = json.loads(wssec("store", "doctor", "--json").out)["checks"]
    return next(str(check["found"]) for check in checks if check["check"] == "published keys")


def private_members(place: Path) -> set[str]:
    """The private halves in the key file."""
    entries = json.loads((place / "keys.json").read_text())["keys"]
    return {entry[name] for entry in entries for name in ("d", "k", "p", "q") if name in entry}


def test_keys_list_json_has_its_shape(wssec: Terminal) -> None:
    """Each key has the documented names, no more."""
    (key,) = wssec.json("keys", "list")

    assert set(key) == KEY
    assert ("current", "EdDSA", True, None) == (key["state"], key["alg"], key["can_sign"], key["retired_at"])


def test_keys_list_table_names_each_key(wssec: Terminal) -> None:
    """People see a title and a line for each key."""
    (key,) = wssec.json("keys", "list")

    lines = wssec.done("keys", "list").splitlines()

    assert ["KID", "ALG", "STATE", "CREATED", "RETIRED", "VERIFIES", "UNTIL"] == lines[0].split()
    assert [key["kid"], "EdDSA", "current"] == lines[1].split()[:3]


def test_keys_generate_adds_a_next_key(wssec: Terminal) -> None:
    """A later key is next, and the current one goes on signing."""
    made = wssec.json("keys", "generate", "--alg", "ES256")

    assert set(made) == CHANGE
    assert (["ES256", "next"], True) == ([made["changed"][0][name] for name in ("alg", "state")], made["published"])
    assert ["current", "next"] == states(wssec)


def test_keys_generate_makes_key_file_and_store(tmp_path: Path, bare: Terminal) -> None:
    """Where neither is there, both are made, with a generation."""
    variables = {"WSSEC_KEYS": f"{tmp_path}/keys.json", "WSSEC_STORE": f"sqlite:///{tmp_path}/wssec.db"}

    made = bare.json("keys", "generate", **variables)

    assert ("current", True) == (made["changed"][0]["state"], made["published"])
    assert made["current"] == bare.json("keys", "list", **variables)[0]["kid"]
    assert 0 == bare("store", "doctor", **variables).code


def test_keys_generate_without_a_store_makes_the_file_and_says_so(tmp_path: Path, bare: Terminal) -> None:
    """WSSEC_STORE is optional; that nothing was published is told."""
    outcome = bare("keys", "generate", "--json", WSSEC_KEYS=f"{tmp_path}/keys.json")

    assert (0, False) == (outcome.code, outcome.json["published"])
    assert "WSSEC_STORE is not set, so the keys were not published" in outcome.err


def test_keys_generate_makes_no_key_when_the_store_fails(tmp_path: Path, bare: Terminal) -> None:
    """A store that cannot be made is said in one line, and nothing was begun."""
    (tmp_path / "other.db").write_text("something else")
    variables = {"WSSEC_KEYS": f"{tmp_path}/keys.json", "WSSEC_STORE": f"sqlite:///{tmp_path}/other.db"}

    outcome = bare("keys", "generate", **variables)

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))
    assert ["other.db"] == os.listdir(tmp_path)


def test_keys_rotate_tells_when_the_store_was_not_told(wssec: Terminal, place: Path) -> None:
    """The key file is changed, the store is not, and `store migrate` makes up for it."""
    (place / "wssec.db").rename(place / "away.db")
    outcome = wssec("keys", "rotate")
    (place / "away.db").rename(place / "wssec.db")

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))
    assert "the key file is changed, but the store was not told" in outcome.err
    assert published(wssec) == "other keys or states than in the key file"
    wssec.done("store", "migrate")
    assert published(wssec) == "as in the key file"


def test_keys_without_a_key_file_names_the_variable(bare: Terminal) -> None:
    """A command demands the settings that it uses, with the remedy."""
    outcome = bare("keys", "list")

    assert (1, "") == (outcome.code, outcome.out)
    assert "WSSEC_KEYS" in outcome.err
    assert "is not set" in outcome.err


def test_keys_option_wins_over_the_variable(place: Path, bare: Terminal) -> None:
    """--keys names another file than WSSEC_KEYS."""
    assert 1 == len(bare.json("keys", "list", "--keys", str(place / "keys.json"), WSSEC_KEYS="/nowhere/keys.json"))


def test_keys_show_prints_the_public_part(wssec: Terminal, place: Path) -> None:
    """A key's public half is shown, in words and as JSON, and nothing of its private half."""
    shown = wssec.json("keys", "show", "current")
    told = wssec.done("keys", "show", shown["kid"])

    assert KEY | {"jwk"} == set(shown)
    assert {"kty", "crv", "x", "kid", "alg", "use"} == set(shown["jwk"])
    assert shown["jwk"]["x"] in told
    assert not [secret for secret in private_members(place) if secret in told + json.dumps(shown)]


def test_keys_show_of_a_shared_secret_shows_no_jwk(wssec: Terminal, place: Path) -> None:
    """A shared secret has no public half."""
    wssec.done("keys", "generate", "--alg", "HS256")

    shown = wssec.json("keys", "show", "next")

    assert shown["jwk"] is None
    assert 2 == len(private_members(place))
    assert not [secret for secret in private_members(place) if secret in wssec.done("keys", "show", "next")]


def test_keys_show_of_an_unknown_key_fails(wssec: Terminal) -> None:
    """An unknown kid is named, with where to look."""
    outcome = wssec("keys", "show", "next")

    assert (1, "wssec: there is no key 'next'; `wssec keys list` shows those that there are\n") == (
        outcome.code,
        outcome.err,
    )


def test_keys_rotate_retires_the_current_key(wssec: Terminal) -> None:
    """Without a next key one is made; the retired one verifies on, and the store is told."""
    rotated = wssec.json("keys", "rotate")

    assert ["retired", "current"] == [key["state"] for key in rotated["changed"]]
    assert rotated["current"] == rotated["changed"][1]["kid"]
    assert rotated["changed"][0]["verify_until"] > rotated["changed"][0]["retired_at"]
    assert published(wssec) == "as in the key file"


def test_keys_rotate_outlives_longer_tokens(wssec: Terminal) -> None:
    """Where servers accept longer tokens, the retired key verifies for as long."""
    retired = wssec.json("keys", "rotate", "--max-lifetime", "7d")["changed"][0]

    assert retired["verify_until"] - retired["retired_at"] >= 7 * 86_400


def test_keys_promote_makes_a_chosen_key_current(wssec: Terminal) -> None:
    """Of two next keys the one that is named becomes current."""
    wssec.done("keys", "generate")
    chosen = wssec.json("keys", "generate")["changed"][0]["kid"]

    assert chosen == wssec.json("keys", "promote", "--", chosen)["current"]
    assert ["retired", "next", "current"] == states(wssec)


def test_keys_promote_refuses_a_retired_key(wssec: Terminal) -> None:
    """What is not next cannot be promoted, and nothing changes."""
    old = wssec.json("keys", "show", "current")["kid"]
    wssec.done("keys", "rotate")

    outcome = wssec("keys", "promote", "--", old)

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))
    assert f"key {old} is retired, not next" in outcome.err
    assert ["retired", "current"] == states(wssec)


def test_keys_retire_asks_first(wssec: Terminal) -> None:
    """Without a terminal it fails, naming --yes, and nothing changes."""
    outcome = wssec("keys", "retire", "current")

    assert (1, "") == (outcome.code, outcome.out)
    assert outcome.err.startswith(
        "wssec: there is no terminal to ask at; add --yes if it is meant: Retire the current key"
    )
    assert ["current"] == states(wssec)


def test_keys_retire_puts_another_in_the_place_of_the_current(wssec: Terminal) -> None:
    """Signing goes on."""
    retired = wssec.json("keys", "retire", "current", "--yes")

    assert ["retired", "current"] == [key["state"] for key in retired["changed"]]


def test_keys_retire_twice_changes_nothing(wssec: Terminal) -> None:
    """What is so already is said, and is no failure."""
    kid = wssec.json("keys", "show", "current")["kid"]
    wssec.done("keys", "retire", "--yes", "--", kid)

    outcome = wssec("keys", "retire", "--yes", "--", kid)

    assert (0, "", "wssec: nothing changed: it is so already\n") == (outcome.code, outcome.out, outcome.err)


def test_keys_retire_compromised_revokes_the_key(wssec: Terminal) -> None:
    """The key verifies nothing any more, and a revocation closes the sockets that came in on it."""
    kid = wssec.json("keys", "show", "current")["kid"]
    token = wssec.done("token", "issue", "--subject", "u42")

    wssec.done("keys", "retire", "current", "--compromised", "--yes")

    (revocation,) = wssec.json("revocations", "list")
    assert ("key", kid, None, "active") == tuple(revocation[name] for name in ("kind", "value", "expires_at", "state"))
    assert ["compromised", "current"] == states(wssec)
    assert published(wssec) == "as in the key file"
    assert f"no key '{kid}' verifies: it is compromised" in wssec("token", "verify", stdin=token).err


def test_keys_retire_compromised_needs_the_store(place: Path, bare: Terminal) -> None:
    """Sockets close through the store, so that without one nothing is begun."""
    outcome = bare("keys", "retire", "current", "--compromised", "--yes", WSSEC_KEYS=str(place / "keys.json"))

    assert 1 == outcome.code
    assert "WSSEC_STORE: is not set" in outcome.err


def test_keys_retire_compromised_says_what_is_done_when_the_store_fails(wssec: Terminal, place: Path) -> None:
    """The key file is changed by then: the message names the kid, since `current` would mean another key now."""
    kid = wssec.json("keys", "list")[0]["kid"]
    (place / "wssec.db").write_bytes(b"no database of ours" * 100)
    failed = wssec("keys", "retire", "current", "--compromised", "--yes")

    assert 1 == failed.code
    assert f"no longer trusts {kid}" in failed.err
    assert f"wssec keys retire {kid} --compromised --yes" in failed.err


def test_keys_retire_compromised_can_be_run_again(wssec: Terminal, place: Path) -> None:
    """When the store did not answer, the same command makes up for it."""
    kid = wssec.json("keys", "show", "current")["kid"]
    (place / "wssec.db").rename(place / "away.db")
    failed = wssec("keys", "retire", "--compromised", "--yes", "--", kid)
    (place / "away.db").rename(place / "wssec.db")

    wssec.done("keys", "retire", "--compromised", "--yes", "--", kid)

    assert 1 == failed.code
    assert [kid] == [entry["value"] for entry in wssec.json("revocations", "list")]
    assert published(wssec) == "as in the key file"


def test_keys_retire_compromised_closes_sockets_though_nothing_can_be_published(
    wssec: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What closes sockets does not wait for what may fail for another reason."""
    kid = wssec.json("keys", "show", "current")["kid"]

    async def full(*_: object) -> None:
        raise ValueError("the key document is too large; shorten it")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteStore, "publish_keys", full)
        outcome = wssec("keys", "retire", "current", "--compromised", "--yes")

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))
    assert "the store was not told: the key document is too large" in outcome.err
    assert [kid] == [entry["value"] for entry in wssec.json("revocations", "list")]


def test_keys_kid_may_begin_with_a_dash(wssec: Terminal) -> None:
    """One kid in 64 does; it is a kid and no option."""
    outcome = wssec("keys", "show", "-" + "x" * 42)

    assert (1, True) == (outcome.code, "there is no key '-xxx" in outcome.err)


def test_keys_misspelt_option_is_no_kid(wssec: Terminal) -> None:
    """Two dashes begin an option, which must be one of ours."""
    outcome = wssec("keys", "show", "--jsno")

    assert (2, True, True) == (outcome.code, "No such option" in outcome.err, "--jsno" in outcome.err)


def test_keys_export_is_what_servers_offer(wssec: Terminal, place: Path) -> None:
    """A JWK Set of public keys that verify now, next ones too, without the compromised."""
    wssec.done("keys", "generate")
    wssec.done("keys", "retire", "current", "--compromised", "--yes")
    wssec.done("keys", "generate", "--alg", "HS256")

    document = json.loads(wssec.done("keys", "export"))

    assert [wssec.json("keys", "show", "current")["kid"]] == [key["kid"] for key in document["keys"]]
    assert not {"d", "p", "q", "k", "state"}.intersection(*document["keys"])


@pytest.fixture
def private_key() -> Ed25519PrivateKey:
    """A key made elsewhere."""
    return Ed25519PrivateKey.generate()


def pem(key: Ed25519PrivateKey, passphrase: bytes | None = None) -> bytes:
    """The key as PKCS#8."""
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def imported(wssec: Terminal, *arguments: str, stdin: str | bytes = "") -> dict[str, Any]:
    """The one key that was imported."""
    (key,) = wssec.json("keys", "import", *arguments, stdin=stdin)["changed"]
    return dict(key)


def test_keys_import_takes_a_pem(wssec: Terminal, private_key: Ed25519PrivateKey) -> None:
    """A PEM on standard input becomes the next key."""
    key = imported(wssec, "-", stdin=pem(private_key))

    assert ("next", "EdDSA", True) == (key["state"], key["alg"], key["can_sign"])


def test_keys_import_opens_an_encrypted_pem(wssec: Terminal, tmp_path: Path, private_key: Ed25519PrivateKey) -> None:
    """The passphrase comes from a file, whose line end does not count."""
    (tmp_path / "key.pem").write_bytes(pem(private_key, b"open sesame"))
    (tmp_path / "passphrase").write_bytes(b"open sesame\n")

    assert imported(wssec, str(tmp_path / "key.pem"), "--passphrase-file", str(tmp_path / "passphrase"))["can_sign"]


def test_keys_import_reads_one_thing_from_standard_input(wssec: Terminal) -> None:
    """The key or its passphrase, not both."""
    outcome = wssec("keys", "import", "-", "--passphrase-file", "-")

    assert (2, True) == (outcome.code, "cannot hold both" in outcome.err)


def test_keys_import_takes_a_jwk_and_a_set(wssec: Terminal) -> None:
    """One JWK, or every one of a set."""
    jwks = [_jwk() for _ in range(3)]

    one = wssec.json("keys", "import", "-", stdin=json.dumps(jwks[0]))
    two = wssec.json("keys", "import", "-", stdin=json.dumps({"keys": jwks[1:]}))

    assert (1, 2) == (len(one["changed"]), len(two["changed"]))


def _jwk() -> dict[str, str]:
    """A private JWK."""
    return dict(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True))


def test_keys_import_takes_all_of_a_set_or_none(wssec: Terminal) -> None:
    """One bad key keeps the good ones out."""
    outcome = wssec("keys", "import", "-", stdin=json.dumps({"keys": [_jwk(), {"kty": "oct", "k": "c2hvcnQ"}]}))

    assert (1, ["current"]) == (outcome.code, states(wssec))
    assert "HS256 secret of 5 bytes" in outcome.err


def test_keys_import_takes_a_secret_when_told_so(wssec: Terminal, tmp_path: Path) -> None:
    """--secret takes the bytes of the file, and only with it."""
    (tmp_path / "secret").write_bytes(os.urandom(32))

    guessed = wssec("keys", "import", str(tmp_path / "secret"))
    key = imported(wssec, str(tmp_path / "secret"), "--secret")

    assert 2 == guessed.code
    assert "HS256" == key["alg"]


def test_keys_import_makes_the_first_key_current(tmp_path: Path, bare: Terminal) -> None:
    """Where there is no key file yet, it is made with the imported key."""
    made = bare.json("keys", "import", "-", stdin=json.dumps(_jwk()), WSSEC_KEYS=f"{tmp_path}/keys.json")

    assert "current" == made["changed"][0]["state"]


def test_keys_import_of_a_public_half_alone_is_said_in_a_line(tmp_path: Path, bare: Terminal) -> None:
    """A ring without a key that signs is no failure of ours to describe."""
    public = {name: value for name, value in _jwk().items() if name != "d"}

    outcome = bare("keys", "import", "-", "--json", stdin=json.dumps(public), WSSEC_KEYS=f"{tmp_path}/keys.json")

    assert (0, None, "next") == (outcome.code, outcome.json["current"], outcome.json["changed"][0]["state"])


def test_keys_import_again_is_refused(wssec: Terminal, private_key: Ed25519PrivateKey) -> None:
    """A key that is there already is named."""
    imported(wssec, "-", stdin=pem(private_key))

    outcome = wssec("keys", "import", "-", stdin=pem(private_key))

    assert (1, True) == (outcome.code, "is here already" in outcome.err)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": []}', '{"keys": 1}', "nonsense", '{"a":1,"a":2}', "\xff"])
def test_keys_import_refuses_what_is_no_key(wssec: Terminal, text: str) -> None:
    """Neither JWK nor PEM: one line, and nothing changes."""
    outcome = wssec("keys", "import", "-", stdin=text)

    assert outcome.code in (1, 2)
    assert 1 == outcome.err.count("\n")
    assert ["current"] == states(wssec)


def test_keys_import_refuses_a_file_that_is_too_large(wssec: Terminal) -> None:
    """No more is read than a thousand keys need."""
    outcome = wssec("keys", "import", "-", stdin="x" * (4 * 1024 * 1024 + 1))

    assert (2, "wssec: the key is longer than 4,194,304 bytes; give one alone\n") == (outcome.code, outcome.err)


def secrets_of(place: Path) -> Iterator[str]:
    """Every private member in the key file, also as its bytes would be printed."""
    for member in private_members(place):
        yield member
        yield repr(urlsafe_b64decode(member + "=" * (-len(member) % 4)))


def test_keys_commands_print_no_private_half(wssec: Terminal, place: Path) -> None:
    """Whatever is asked, on either stream, no private half is part of the answer."""
    commands = [
        "generate",
        "list",
        "rotate",
        "export",
        "show current",
        "show nobody",
        "promote next",
        "retire current --yes",
    ]
    printed = ""
    secrets: set[str] = set()
    for command in commands:
        for options in ([], [] if command == "export" else ["--json"]):
            secrets.update(secrets_of(place))
            printed += wssec("keys", *command.split(), *options).everything
    secrets.update(secrets_of(place))

    assert secrets
    assert not [secret for secret in secrets if secret in printed]


def test_keys_of_many_rotations_still_fit(wssec: Terminal, place: Path) -> None:
    """A ring of years is larger than any message may be, and is read, published and compared all the same."""
    ring = KeyRing()
    for day in range(400):
        ring = ring.rotate(86_400.0 * day)
    KeyFile(place / "keys.json").edit(lambda _: ring)

    wssec.done("keys", "rotate")

    assert (place / "keys.json").stat().st_size > Limits().message_bytes
    assert published(wssec) == "as in the key file"
    assert 0 == wssec("token", "verify", stdin=wssec.done("token", "issue", "--subject", "u42")).code


def test_keys_import_takes_a_large_set(wssec: Terminal) -> None:
    """Larger than any message may be."""
    jwks = [{**_jwk(), "comment": "x" * 1_000} for _ in range(100)]

    assert 100 == len(wssec.json("keys", "import", "-", stdin=json.dumps({"keys": jwks}))["changed"])


def test_keys_verbs_have_a_key_in_mind(wssec: Terminal) -> None:
    """Without KID, show means the current key, and promote the next one."""
    first = wssec.json("keys", "show")["kid"]
    wssec.done("keys", "generate")
    wssec.done("keys", "promote")

    assert "current" == wssec.json("keys", "show")["state"]
    assert first != wssec.json("keys", "show")["kid"]


@pytest.mark.parametrize("arguments", [("keys", "rotate"), ("keys", "generate"), ("store", "migrate")])
def test_verbs_that_do_not_ask_take_yes(wssec: Terminal, arguments: tuple[str, ...]) -> None:
    """A script that always says --yes may say it."""
    wssec.done(*arguments, "--yes")

    assert 0 == wssec(*arguments).code


def test_store_migrate_before_there_are_keys(tmp_path: Path, bare: Terminal) -> None:
    """The store is made although the key file has yet to be; a note says what publishes the keys."""
    settings = {"WSSEC_STORE": f"sqlite:///{tmp_path / 'wssec.db'}", "WSSEC_KEYS": str(tmp_path / "keys.json")}
    made = bare("store", "migrate", "--json", **settings)

    assert (0, False) == (made.code, made.json["published"])
    assert "wssec keys generate" in made.err
