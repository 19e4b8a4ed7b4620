"""`wssec revoke` writes a revocation and says whether it is there for good."""

import time
from typing import Any

import pytest

from tests.cli.conftest import Outcome, Terminal
from tornado_wssec.errors import NotAcknowledged
from tornado_wssec.policy.revocations import Body
from tornado_wssec.stores.sqlite import SqliteStore

REVOKED = {
    "id",
    "kind",
    "value",
    "issuer",
    "at",
    "before",
    "effective_at",
    "expires_at",
    "reason",
    "dropped_api_keys",
    "acknowledged",
}
DAY = 86_400.0
KINDS = ["token", "session", "subject", "tenant", "key"]


def logged(wssec: Terminal) -> list[Any]:
    """Every revocation in the log."""
    return list(wssec.json("revocations", "list", "--all"))


@pytest.mark.parametrize("kind", KINDS)
def test_revoke_writes_what_it_names(wssec: Terminal, kind: str) -> None:
    """Each kind is written, acknowledged, and printed in the documented shape."""
    made = wssec.json("revoke", kind, "x-42", "--reason", "lost")

    assert REVOKED == set(made)
    assert (kind, "x-42", "lost", None, True) == tuple(
        made[name] for name in ("kind", "value", "reason", "issuer", "acknowledged")
    )
    assert [made["id"]] == [entry["id"] for entry in logged(wssec)]


@pytest.mark.parametrize("kind", KINDS)
def test_revoke_tells_people(wssec: Terminal, kind: str) -> None:
    """The id, what it names, and when it bites."""
    lines = dict(line.split("  ", 1) for line in wssec.done("revoke", kind, "x-42").splitlines())

    assert f"{kind} x-42" == lines["revoked"].strip()
    assert {"id", "effective", "acknowledged"} <= set(lines)


def test_revoke_outlives_every_token(wssec: Terminal) -> None:
    """A day at least, and more where servers accept longer tokens; a key for good."""
    lives = [
        wssec.json("revoke", *arguments)
        for arguments in (["subject", "a"], ["subject", "b", "--max-lifetime", "7d"], ["key", "c"])
    ]

    assert lives[0]["expires_at"] >= lives[0]["at"] + DAY
    assert lives[1]["expires_at"] >= lives[1]["at"] + 7 * DAY
    assert lives[2]["expires_at"] is None


def test_revoke_margin_bites_later(wssec: Terminal) -> None:
    """--margin says when it is in effect."""
    made = wssec.json("revoke", "session", "s1", "--margin", "30s")

    assert 30 == pytest.approx(made["effective_at"] - made["at"])


def test_revoke_before_keeps_newer_tokens(wssec: Terminal) -> None:
    """Tokens issued after T stay good, those of that second do not."""
    token = wssec.done("token", "issue", "--subject", "u42")
    issued_at = wssec.json("token", "inspect", stdin=token)["claims"]["iat"]

    wssec.done("revoke", "subject", "u42", "--before", str(issued_at - 1))
    kept = wssec("token", "verify", stdin=token)
    wssec.done("revoke", "subject", "u42", "--before", str(issued_at))
    refused = wssec("token", "verify", stdin=token)

    assert (0, 1) == (kept.code, refused.code)


@pytest.mark.parametrize(
    "text", ["2020-01-31T12:00:00Z", "2020-01-31T13:00:00+01:00", "2020-01-31T12:00:00", "1580472000"]
)
def test_revoke_before_takes_iso_and_seconds(wssec: Terminal, text: str) -> None:
    """One moment, written in several ways."""
    assert 1_580_472_000 == wssec.json("revoke", "tenant", "acme", "--before", text)["before"]


def test_revoke_before_now_is_now(wssec: Terminal) -> None:
    """The word is the clock's time, and no question is asked."""
    made = wssec.json("revoke", "subject", "u42", "--before", "now")

    assert made["before"] <= made["at"] <= time.time()


def test_revoke_issuer_narrows_it(wssec: Terminal) -> None:
    """Two issuers' u42 are two people."""
    token = wssec.done("token", "issue", "--subject", "u42")

    wssec.done("revoke", "subject", "u42", "--issuer", "https://other.example.com")

    assert 0 == wssec("token", "verify", stdin=token).code


def test_revoke_token_reads_a_jti(wssec: Terminal) -> None:
    """With - the jti comes by standard input, with or without a line end."""
    assert ["abc", "abc"] == [wssec.json("revoke", "token", "-", stdin=text)["value"] for text in ("abc", "abc\r\n")]


def test_revoke_token_reads_a_whole_token(wssec: Terminal) -> None:
    """A token on standard input is revoked by its jti, and not repeated."""
    token = wssec.done("token", "issue", "--subject", "u42").strip()

    outcome = wssec("revoke", "token", "-", stdin=token)

    assert (0, False) == (outcome.code, token in outcome.everything)
    assert 1 == wssec("token", "verify", stdin=token).code


@pytest.mark.parametrize("text", ["eyJ.eyJ.x", "eyJhbGciOiJub25lIn0.bm90IGpzb24.c2ln"])
def test_revoke_token_refuses_a_token_that_cannot_be_read(wssec: Terminal, text: str) -> None:
    """Its jti is in it, and nobody can tell which."""
    outcome = wssec("revoke", "token", "-", stdin=text)

    assert (1, "", 1, []) == (outcome.code, outcome.out, outcome.err.count("\n"), logged(wssec))
    assert "give its jti" in outcome.err


def test_revoke_token_refuses_a_token_without_a_jti(wssec: Terminal) -> None:
    """There is nothing to name it by."""
    outcome = wssec("revoke", "token", "-", stdin="eyJhbGciOiJub25lIn0.e30.c2ln")

    assert (2, "", 1, []) == (outcome.code, outcome.out, outcome.err.count("\n"), logged(wssec))


def test_revoke_token_refuses_a_whole_token_as_an_argument(wssec: Terminal) -> None:
    """A token is no jti: it is refused, not repeated, and nothing is written."""
    token = wssec.done("token", "issue", "--subject", "u42").strip()

    outcome = wssec("revoke", "token", token)

    assert (2, 1) == (outcome.code, outcome.err.count("\n"))
    assert "give its jti" in outcome.err
    assert not [part for part in token.split(".") if part in outcome.everything]
    assert [] == logged(wssec)


def test_revoke_jti_may_begin_with_a_dash(wssec: Terminal) -> None:
    """One random jti in 64 does."""
    assert "-8f_Q" == wssec.json("revoke", "token", "-8f_Q")["value"]


def test_revoke_misspelt_option_is_no_jti(wssec: Terminal) -> None:
    """What begins with two dashes is an option, and must be one of ours."""
    outcome = wssec("revoke", "token", "--jsno")

    assert (2, []) == (outcome.code, logged(wssec))


@pytest.mark.parametrize("option", ["-h", "-y", "-v"])
def test_revoke_short_option_is_no_name(wssec: Terminal, option: str) -> None:
    """Who asks for help does not mean a subject of that name."""
    outcome = wssec("revoke", "subject", option)

    assert (2, []) == (outcome.code, logged(wssec))


def test_revoke_two_dashes_are_literal_behind_two_dashes(wssec: Terminal) -> None:
    """`--` ends the options, as everywhere."""
    assert "--odd" == wssec.json("revoke", "subject", "--", "--odd")["value"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--margin", "25h"], "margin"),
        (["--margin", "-5"], "'-5' is no duration"),
        (["--before", "yesterday"], "'yesterday' is no time"),
        (["--reason", "x" * 1_025], "the reason is"),
    ],
)
def test_revoke_refuses_what_cannot_be(wssec: Terminal, options: list[str], told: str) -> None:
    """A usage error of one line, and nothing is written."""
    outcome = wssec("revoke", "subject", "u42", *options)

    assert (2, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert told in outcome.err
    assert [] == logged(wssec)


def test_revoke_needs_the_store_alone(wssec: Terminal, bare: Terminal) -> None:
    """Whoever revokes need not have the keys."""
    store = wssec.environment["WSSEC_STORE"]

    assert 0 == bare("revoke", "subject", "u42", WSSEC_STORE=store).code
    assert 0 == bare("revoke", "subject", "u42", "--store", store).code
    assert "WSSEC_STORE" in bare("revoke", "subject", "u42").err


def unacknowledged(wssec: Terminal, monkeypatch: pytest.MonkeyPatch, *options: str) -> Outcome:
    """Revoke in a store that cannot promise to remember."""

    async def forgetful(self: SqliteStore, body: Body) -> None:
        raise NotAcknowledged("the disk did not answer")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteStore, "append", forgetful)
        return wssec("revoke", "subject", "u42", *options)


def test_revoke_says_when_it_was_not_acknowledged(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, in words and in JSON of the same shape."""
    plain = unacknowledged(wssec, monkeypatch)
    as_json = unacknowledged(wssec, monkeypatch, "--json")

    assert (1, True) == (plain.code, plain.err.startswith("wssec: not acknowledged: "))
    assert (1, REVOKED, False) == (as_json.code, set(as_json.json), as_json.json["acknowledged"])


def test_revoke_in_a_store_that_is_gone_fails(wssec: Terminal) -> None:
    """One line that says what is missing; no JSON that could be taken for success."""
    outcome = wssec("revoke", "subject", "u42", "--json", WSSEC_STORE="sqlite:////nowhere/wssec.db")

    assert (1, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert "/nowhere/wssec.db does not exist" in outcome.err


def test_revoke_help_documents_its_json(wssec: Terminal) -> None:
    """The names in the group's help are those that are printed, in their order."""
    printed = ", ".join(wssec.json("revoke", "subject", "u42"))

    assert f"JSON: {{{printed}}}" in " ".join(wssec.done("revoke", "--help").split())
