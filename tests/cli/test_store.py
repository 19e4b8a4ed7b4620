"""`wssec store` says whether the store answers, makes it, and compares it with the key file."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal

CHECKS = ["store", "generation", "revocations", "key file", "published keys"]


def findings(wssec: Terminal) -> tuple[int, dict[str, Any]]:
    """The exit code of `store doctor`, and what it found by check."""
    outcome = wssec("store", "doctor", "--json")
    return outcome.code, {check["check"]: check for check in outcome.json["checks"]}


def changed(place: Path, statement: str) -> None:
    """Do to the database what nobody should."""
    with sqlite3.connect(place / "wssec.db") as database:
        database.execute(statement)
    database.close()


def test_store_ping_answers(wssec: Terminal, place: Path) -> None:
    """The generation, and how long it took."""
    pong = wssec.json("store", "ping")

    assert {"url", "generation", "made_at", "milliseconds"} == set(pong)
    assert f"sqlite:///{place}/wssec.db" == pong["url"]
    assert pong["generation"] in wssec.done("store", "ping")


def test_store_ping_of_a_missing_store_makes_none(tmp_path: Path, bare: Terminal) -> None:
    """It fails with the remedy, and leaves nothing behind."""
    outcome = bare("store", "ping", WSSEC_STORE=f"sqlite:///{tmp_path}/wssec.db")

    assert (1, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert "does not exist; run `wssec init` or `wssec store migrate`" in outcome.err
    assert [] == list(tmp_path.iterdir())


def test_store_migrate_makes_the_store_once(tmp_path: Path, bare: Terminal) -> None:
    """The second time there is nothing to make, and the generation stays."""
    variables = {"WSSEC_STORE": f"sqlite:///{tmp_path}/wssec.db"}

    first, second = (bare.json("store", "migrate", **variables) for _ in range(2))

    assert {"url", "generation", "made_at", "made", "published"} == set(first)
    assert (True, False, False) == (first["made"], second["made"], first["published"])
    assert first["generation"] == second["generation"]


def test_store_migrate_publishes_the_keys(wssec: Terminal, place: Path) -> None:
    """A store that was lost has the public halves again."""
    (place / "wssec.db").unlink()

    made = wssec.json("store", "migrate")

    assert (True, True) == (made["made"], made["published"])
    assert 0 == wssec("store", "doctor").code


def test_store_migrate_tells_people(wssec: Terminal) -> None:
    """What was made, in words."""
    told = dict(line.split(None, 1) for line in wssec.done("store", "migrate").splitlines() if " at " not in line)

    assert ("no", "yes") == (told["made"], told["published"])


def test_store_doctor_finds_nothing_wrong(wssec: Terminal) -> None:
    """Every check is listed, in its order, with the documented names."""
    outcome = wssec("store", "doctor", "--json")

    assert (0, {"ok", "checks"}, True) == (outcome.code, set(outcome.json), outcome.json["ok"])
    assert CHECKS == [check["check"] for check in outcome.json["checks"]]
    assert {"check", "ok", "found", "remedy"} == set(outcome.json["checks"][0])


def test_store_doctor_tells_people(wssec: Terminal) -> None:
    """One line a check."""
    lines = wssec.done("store", "doctor").splitlines()

    assert CHECKS == [line.split("  ")[0].strip() for line in lines[1:]]


def test_store_doctor_sees_a_missing_store_and_goes_on(wssec: Terminal, place: Path) -> None:
    """One fault does not hide what else there is to say."""
    (place / "wssec.db").unlink()

    code, found = findings(wssec)

    assert (1, ["store", "key file"]) == (code, list(found))
    assert (False, True) == (found["store"]["ok"], found["key file"]["ok"])
    assert "run `wssec init` or `wssec store migrate`" == found["store"]["remedy"]


def test_store_doctor_sees_a_key_file_that_is_too_open(wssec: Terminal, place: Path) -> None:
    """What a server would refuse is refused here."""
    (place / "keys.json").chmod(0o644)

    code, found = findings(wssec)

    assert (1, False) == (code, found["key file"]["ok"])
    assert "chmod 600" in found["key file"]["remedy"]


def test_store_doctor_sees_a_key_file_without_a_current_key(wssec: Terminal, place: Path) -> None:
    """Nothing can be signed."""
    (place / "keys.json").write_text('{"keys": []}')

    code, found = findings(wssec)

    assert (1, "there is no current key") == (code, found["key file"]["found"])


def test_store_doctor_does_without_the_key_file(wssec: Terminal) -> None:
    """A machine that only verifies has none; that is said."""
    del wssec.environment["WSSEC_KEYS"]

    code, found = findings(wssec)

    assert (0, "not looked at") == (code, found["key file"]["found"])


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM published_keys", "none"),
        ("UPDATE published_keys SET document = '{\"keys\": []}'", "other keys or states than in the key file"),
        ("UPDATE published_keys SET document = '{\"keys\": 1}'", "no JWK Set"),
    ],
)
def test_store_doctor_sees_published_keys_that_differ(wssec: Terminal, place: Path, statement: str, told: str) -> None:
    """Servers would follow another ring than the file's; `store migrate` publishes again."""
    changed(place, statement)

    code, found = findings(wssec)
    wssec.done("store", "migrate")

    assert (1, False) == (code, found["published keys"]["ok"])
    assert told in found["published keys"]["found"]
    assert 0 == findings(wssec)[0]


def test_store_doctor_sees_published_keys_that_are_nonsense(wssec: Terminal, place: Path) -> None:
    """Somebody else's document is said to be that, and not repeated."""
    changed(place, "UPDATE published_keys SET document = 'hunter2'")

    code, found = findings(wssec)

    assert (1, False) == (code, found["store"]["ok"])
    assert "no document of ours" in found["store"]["found"]
    assert "hunter2" not in json.dumps(found)


def test_store_doctor_sees_a_generation_ahead(wssec: Terminal, place: Path) -> None:
    """Tokens of this machine would count as issued before it."""
    changed(place, "UPDATE generation SET made_at = made_at + 3600")

    code, found = findings(wssec)

    assert (1, False) == (code, found["generation"]["ok"])
    assert "mend the clocks" in found["generation"]["remedy"]


def test_store_doctor_advises_to_prune(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is mostly over slows every start; that is advice, not a fault."""
    monkeypatch.setattr("tornado_wssec.cli.doctor.PRUNE_WORTH", 1)
    entry = {"class": "revocation", "id": "a", "kind": "subject", "value": "u42", "at": 1, "effective_at": 1}
    wssec.done("revocations", "import", "-", stdin=json.dumps({**entry, "expires_at": 5}))

    code, found = findings(wssec)

    assert (0, "1 expired", "run `wssec revocations prune`") == (
        code,
        found["revocations"]["found"],
        found["revocations"]["remedy"],
    )


def test_store_option_refuses_a_password(bare: Terminal) -> None:
    """Arguments can be read by every user: refused, and not repeated."""
    outcomes = [
        bare("store", "ping", "--store", url)
        for url in (
            "redis://:hunter2@db.example.com",
            "rediss://app:hunter2@db.example.com/0",
            "redis://db/0?password=hunter2",
            "redis://[hunter2@db",
        )
    ]

    assert [2] * 4 == [outcome.code for outcome in outcomes]
    assert not [outcome for outcome in outcomes if "hunter2" in outcome.everything]
    assert "use WSSEC_STORE_FILE" in outcomes[0].err


def test_store_password_in_the_environment_is_not_repeated(bare: Terminal) -> None:
    """Whatever is wrong with WSSEC_STORE, its password is in no message."""
    for url in ("redis://:hunter2@nowhere.invalid", "postgres://app:hunter2@db", "hunter2"):
        outcome = bare("store", "ping", WSSEC_STORE=url)

        assert (1, False) == (outcome.code, "hunter2" in outcome.everything)
