"""`wssec token` prints a token once, shows one without believing it, and judges one as a server does."""

import json
import sqlite3
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal

VERDICT = {
    "valid",
    "reason",
    "subject",
    "issuer",
    "token_id",
    "session_id",
    "tenant",
    "permissions",
    "key_id",
    "issued_at",
    "expires_at",
}


def issued(wssec: Terminal, *options: str) -> str:
    """A token for u42."""
    return wssec.done("token", "issue", "--subject", "u42", *options).removesuffix("\n")


def claims(wssec: Terminal, *options: str) -> Mapping[str, Any]:
    """What a token that is issued with these options says."""
    return dict(wssec.json("token", "inspect", stdin=issued(wssec, *options))["claims"])


def test_token_issue_prints_the_token_alone(wssec: Terminal) -> None:
    """Standard output is one token and a line end."""
    outcome = wssec("token", "issue", "--subject", "u42")

    assert (0, 1, 2, "") == (outcome.code, outcome.out.count("\n"), outcome.out.count("."), outcome.err)


def test_token_issue_says_what_it_was_told(wssec: Terminal) -> None:
    """Every option becomes its claim; --permission and --role repeat."""
    said = claims(
        wssec,
        *("--permission", "chat:read:*", "--permission", "chat:write:lobby", "--role", "editor", "--role", "guest"),
        *("--claim", "name=Ada Lovelace", "--claim", "level=5", "--tenant", "acme", "--session", "s1", "--ttl", "90s"),
    )

    assert ["chat:read:*", "chat:write:lobby"] == said["permissions"]
    assert ["editor", "guest"] == said["roles"]
    assert ("Ada Lovelace", "5", "acme", "s1") == (said["name"], said["level"], said["tenant"], said["sid"])
    assert ("u42", "https://auth.example.com", "chat") == (said["sub"], said["iss"], said["aud"])
    assert 90 == said["exp"] - said["iat"]


def test_token_issue_names_the_key_of_its_holder(wssec: Terminal, tmp_path: Path) -> None:
    """The public half that a browser exports, from a file or standard input; of it, what is the key."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    exported = json.dumps({**jwk, "ext": True, "key_ops": ["verify"], "alg": "Ed25519"})
    (tmp_path / "key.jwk").write_text(exported)
    command = ("token", "issue", "--subject", "u42", "--cnf", "-")
    piped = wssec.done(*command, stdin=exported)

    assert {"jwk": jwk} == claims(wssec, "--cnf", str(tmp_path / "key.jwk"))["cnf"]
    assert {"jwk": jwk} == wssec.json("token", "inspect", stdin=piped)["claims"]["cnf"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key", "the key is no JSON"),
        ("[]", "cnf.jwk: is no JSON object"),
        ('{"kty":"OKP","crv":"Ed25519","x":"s3cr3t","d":"s3cr3t"}', "cnf.jwk: holds a private half"),
        ('{"kty":"RSA","alg":"PS256","n":"AQAB","e":"AQAB"}', "cnf.jwk: is RSA"),
        (" " * 5_000, "the key is longer than 4,096 bytes"),
    ],
)
def test_token_issue_refuses_a_key_that_signs_no_messages(
    wssec: Terminal, tmp_path: Path, text: str, told: str
) -> None:
    """A private half above all, of which nothing is repeated."""
    (tmp_path / "key.jwk").write_text(text)
    outcome = wssec("token", "issue", "--subject", "u42", "--cnf", str(tmp_path / "key.jwk"))

    assert (2, "") == (outcome.code, outcome.out)
    assert told in outcome.err
    assert "s3cr3t" not in outcome.err


def test_token_issue_lives_ten_minutes_by_default(wssec: Terminal) -> None:
    """Without --ttl the default of the rules holds."""
    said = claims(wssec)

    assert 600 == said["exp"] - said["iat"]


def test_token_issue_warns_of_a_long_life(wssec: Terminal) -> None:
    """Above an hour it is issued, and warned of on standard error alone."""
    outcome = wssec("token", "issue", "--subject", "u42", "--ttl", "2h")

    assert (0, 1) == (outcome.code, outcome.out.count("\n"))
    assert outcome.err.startswith("wssec: warning: the token lives longer than 3600 s")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--ttl", "25h"], "a token lives from 1 to 86400 s"),
        (["--ttl", "0s"], "a token lives from 1"),
        (["--ttl", "soon"], "'soon' is no duration"),
        (["--permission", "chat::write"], "empty segment"),
        (["--claim", "sub=root"], "claims has sub"),
        (["--claim", "nothing"], "'nothing' is not name=value"),
        (["--claim", "a=1", "--claim", "a=2"], "names one claim twice"),
        (["--tenant", "two words"], "printable ASCII"),
        (["--session", "x" * 129], "printable ASCII"),
        (["--claim", "big=" + "x" * 9_000], "use patterns or roles"),
        (["--subject", ""], "printable ASCII"),
    ],
)
def test_token_issue_refuses_what_no_server_takes(wssec: Terminal, options: list[str], told: str) -> None:
    """What cannot be in a token is a usage error of one line, with nothing on standard output."""
    outcome = wssec("token", "issue", "--subject", "u42", *options)

    assert (2, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert told in outcome.err


def test_token_issue_names_every_missing_setting(bare: Terminal) -> None:
    """All of them at once, and not those that it does not use."""
    outcome = bare("token", "issue", "--subject", "u42")

    assert 1 == outcome.code
    assert [True, True, True, False] == [
        f"WSSEC_{name}" in outcome.err for name in ("KEYS", "ISSUER", "AUDIENCE", "STORE")
    ]


def test_token_issue_without_a_current_key_fails(tmp_path: Path, wssec: Terminal) -> None:
    """That there is nothing to sign with is no fault of what was asked."""
    (tmp_path / "keys.json").touch(mode=0o600)
    (tmp_path / "keys.json").write_text('{"keys": []}')

    outcome = wssec("token", "issue", "--subject", "u42", "--keys", str(tmp_path / "keys.json"))

    assert (1, "") == (outcome.code, outcome.out)
    assert "there is no current key; make one with `wssec keys generate`" in outcome.err


def test_token_inspect_shows_all_but_the_signature(wssec: Terminal, bare: Terminal) -> None:
    """Header and claims are shown, nothing is verified, and that is said. No settings are used."""
    token = issued(wssec, "--permission", "chat:**")
    signature = token.rpartition(".")[2]

    told = bare("token", "inspect", stdin=token)
    shown = bare.json("token", "inspect", stdin=token)

    assert "wssec: nothing was verified; `wssec token verify` does that\n" == told.err
    assert "claim sub" in told.out
    assert {"verified", "header", "claims"} == set(shown)
    assert shown["verified"] is False
    assert signature not in told.everything + json.dumps(shown)


def test_token_inspect_reads_a_file(wssec: Terminal, tmp_path: Path) -> None:
    """FILE may stand in place of standard input."""
    (tmp_path / "token").write_text(issued(wssec) + "\n")

    assert "u42" == wssec.json("token", "inspect", str(tmp_path / "token"))["claims"]["sub"]


@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_token_is_never_taken_as_an_argument(wssec: Terminal, verb: str) -> None:
    """A token on the command line is refused and not repeated."""
    token = issued(wssec)

    outcome = wssec("token", verb, token)

    assert (2, 1) == (outcome.code, outcome.err.count("\n"))
    assert "give it by file or standard input" in outcome.err
    assert not [part for part in token.split(".") if part in outcome.everything]


@pytest.mark.parametrize(
    "text", ["", "\n", "nonsense", "a.b.c", "eyJ.eyJ.x", "a\nb", "t\x00ken", "Ünicode", "x" * 8_193, "x" * 1_000_000]
)
@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_token_text_that_is_none_is_refused(wssec: Terminal, verb: str, text: str) -> None:
    """Whatever comes in, it ends in one line."""
    outcome = wssec("token", verb, stdin=text)

    assert outcome.code in (1, 2)
    assert ("", 1) == (outcome.out, outcome.err.count("\n"))
    assert len(outcome.err) < 1_000


def test_token_verify_tells_who_it_is(wssec: Terminal) -> None:
    """A token that a server would accept: exit 0 and what it proves, of the documented shape."""
    verdict = wssec.json("token", "verify", stdin=issued(wssec, "--permission", "chat:*", "--session", "s1"))

    assert VERDICT == set(verdict)
    assert (True, None, "u42", ["chat:*"], "s1") == tuple(
        verdict[name] for name in ("valid", "reason", "subject", "permissions", "session_id")
    )


def test_token_verify_tells_people_too(wssec: Terminal) -> None:
    """Times are written out."""
    told = wssec.done("token", "verify", stdin=issued(wssec))

    assert "subject" in told
    assert f"  {time.gmtime().tm_year}-" in told


def test_token_verify_refuses_a_forged_one(wssec: Terminal) -> None:
    """Exit 1, the reason on standard error, and the same shape in JSON."""
    token = issued(wssec)
    forged = token[:-10] + ("A" * 10)

    plain, as_json = wssec("token", "verify", stdin=forged), wssec("token", "verify", "--json", stdin=forged)

    assert (1, "", 1) == (plain.code, plain.out, plain.err.count("\n"))
    assert plain.err.startswith("wssec: refused: the signature is not by key")
    assert (1, VERDICT, False, None) == (
        as_json.code,
        set(as_json.json),
        as_json.json["valid"],
        as_json.json["subject"],
    )
    assert forged not in plain.everything + as_json.everything


def test_token_verify_asks_the_revocations(wssec: Terminal) -> None:
    """A token of a revoked subject is refused; --offline does not look, and says so."""
    token = issued(wssec)
    wssec.done("revoke", "subject", "u42")

    refused, offline = wssec("token", "verify", stdin=token), wssec("token", "verify", "--offline", stdin=token)

    assert (1, True) == (refused.code, "refused: revoked: subject u42" in refused.err)
    assert (0, "wssec: revocations were not looked at\n") == (offline.code, offline.err)


def test_token_verify_follows_a_margin(wssec: Terminal) -> None:
    """Until a revocation is in effect its tokens verify."""
    token = issued(wssec)
    wssec.done("revoke", "subject", "u42", "--margin", "10m")

    assert 0 == wssec("token", "verify", stdin=token).code


def test_token_verify_needs_no_private_keys(wssec: Terminal) -> None:
    """What was published through the store is enough to judge by."""
    assert 0 == wssec("token", "verify", stdin=issued(wssec), WSSEC_KEYS=None).code


def test_token_verify_knows_what_was_published_elsewhere(wssec: Terminal, place: Path) -> None:
    """A key file that is behind does not make a compromised key good."""
    token, stale = issued(wssec), (place / "keys.json").read_bytes()
    wssec.done("keys", "retire", "current", "--compromised", "--yes")
    (place / "keys.json").write_bytes(stale)

    assert "it is compromised" in wssec("token", "verify", stdin=token).err


def test_token_verify_refuses_another_audience(wssec: Terminal) -> None:
    """--audience wins over WSSEC_AUDIENCE."""
    assert "aud is 'chat'" in wssec("token", "verify", "--audience", "admin", stdin=issued(wssec)).err


def test_token_verify_refuses_one_from_before_the_store(wssec: Terminal, place: Path) -> None:
    """A token from before the store's generation may have been revoked by a log that is lost."""
    token = issued(wssec)
    with sqlite3.connect(place / "wssec.db") as database:
        database.execute("UPDATE generation SET made_at = made_at + 60")
    database.close()

    assert "issued before the store's generation was made" in wssec("token", "verify", stdin=token).err


def test_token_inspect_keeps_hostile_names_on_their_line(bare: Terminal) -> None:
    """Anybody may have written it: neither a claim's name nor its value acts on a terminal."""
    header, payload = (
        {"alg": "none\x1b[2J"},
        {"\x1b[2J\r\nx": "\x9b31m", "list": ["\x07"], "object": {"\x1b": "\x1b"}},
    )
    token = ".".join(
        [*(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload)), "c2ln"]
    )

    told = bare.done("token", "inspect", stdin=token)

    assert not set(told) & {"\x1b", "\x9b", "\x07", "\r"}
    assert 4 == told.count("\n")
