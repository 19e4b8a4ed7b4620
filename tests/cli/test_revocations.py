"""`wssec revocations` shows the log, takes entries back, tidies it, and moves it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.stores.sqlite import SqliteStore

ENTRY = {
    "id",
    "kind",
    "value",
    "issuer",
    "at",
    "before",
    "effective_at",
    "expires_at",
    "reason",
    "state",
    "undone_at",
}


def revoked(wssec: Terminal, value: str = "u42", *options: str) -> str:
    """The id of a new revocation of a subject."""
    return str(wssec.json("revoke", "subject", value, *options)["id"])


def listed(wssec: Terminal, *options: str) -> list[dict[str, Any]]:
    """The revocations that are listed."""
    return list(wssec.json("revocations", "list", *options))


def aged(place: Path, id: str) -> None:
    """Let an entry have expired long ago."""
    with sqlite3.connect(place / "wssec.db") as database:
        (text,) = database.execute("SELECT body FROM revocation_log WHERE id = ?", (id,)).fetchone()
        body = json.dumps({**json.loads(text), "expires_at": 5.0})
        database.execute("UPDATE revocation_log SET expires_at = 5.0, body = ? WHERE id = ?", (body, id))
    database.close()


def test_revocations_list_json_has_its_shape(wssec: Terminal) -> None:
    """Each entry has the documented names, no more."""
    revoked(wssec)

    (entry,) = listed(wssec)

    assert ENTRY == set(entry)
    assert ("active", None) == (entry["state"], entry["undone_at"])


def test_revocations_list_of_none(wssec: Terminal) -> None:
    """An empty log is an empty list, and for people the titles."""
    assert [] == listed(wssec)
    assert 1 == wssec.done("revocations", "list").count("\n")


def test_revocations_list_filters(wssec: Terminal) -> None:
    """By kind and by value, which is never a pattern."""
    for value in ("u1", "u%", "*"):
        revoked(wssec, value)
    wssec.done("revoke", "tenant", "u1")

    assert ["u1", "u%", "*"] == [entry["value"] for entry in listed(wssec, "--kind", "subject")]
    assert ["u%"] == [entry["value"] for entry in listed(wssec, "--value", "u%")]
    assert ["*"] == [entry["value"] for entry in listed(wssec, "--value", "*")]


def test_revocations_list_leaves_out_what_is_over(wssec: Terminal, place: Path) -> None:
    """Undone and expired entries show with --all, with their state."""
    undone, expired, pending = revoked(wssec), revoked(wssec), revoked(wssec, "u42", "--margin", "1h")
    wssec.done("revocations", "undo", undone, "--yes")
    aged(place, expired)

    assert {pending: "pending"} == {entry["id"]: entry["state"] for entry in listed(wssec)}
    assert {undone: "undone", expired: "expired", pending: "pending"} == {
        entry["id"]: entry["state"] for entry in listed(wssec, "--all")
    }


def test_revocations_list_ids_alone(wssec: Terminal) -> None:
    """For a shell's $(…)."""
    ids = [revoked(wssec), revoked(wssec)]

    assert ids == wssec.done("revocations", "list", "--ids").splitlines()


def test_revocations_list_reads_more_than_a_page(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is read to its end."""
    ids = [revoked(wssec) for _ in range(5)]
    monkeypatch.setattr("tornado_wssec.cli.revocation_log.PAGE", 2)

    assert ids == [entry["id"] for entry in listed(wssec)]


def test_revocations_list_keeps_text_on_its_line(wssec: Terminal) -> None:
    """A reason cannot move the cursor or begin a line."""
    revoked(wssec, "u42", "--reason", "a\x1b[2J\nb")

    assert "a\\x1b[2J\\nb" in wssec.done("revocations", "list")


def test_revocations_show_tells_one(wssec: Terminal) -> None:
    """The same shape as in the list, and for people a line each."""
    id = revoked(wssec, "u42", "--reason", "lost")

    assert ENTRY == set(wssec.json("revocations", "show", id))
    assert "lost" in wssec.done("revocations", "show", id)


def test_revocations_undo_accepts_again(wssec: Terminal) -> None:
    """What was revoked verifies again; the record of both stays."""
    token = wssec.done("token", "issue", "--subject", "u42")
    id = revoked(wssec)

    (undone,) = wssec.json("revocations", "undo", id, "--yes", "--reason", "a mistake")

    assert ({"id", "undone_at"}, id) == (set(undone), undone["id"])
    assert 0 == wssec("token", "verify", stdin=token).code
    assert ["undone"] == [entry["state"] for entry in listed(wssec, "--all")]


def test_revocations_undo_asks_first(wssec: Terminal) -> None:
    """It says what would be accepted again, and does nothing."""
    id = revoked(wssec)

    outcome = wssec("revocations", "undo", id)

    assert 1 == outcome.code
    assert "add --yes if it is meant: Accept again: subject u42?" in outcome.err
    assert ["active"] == [entry["state"] for entry in listed(wssec)]


def test_revocations_undo_twice_is_as_good_as_once(wssec: Terminal) -> None:
    """The first undo stands."""
    id = revoked(wssec)

    first, second = (wssec.json("revocations", "undo", id, "--yes") for _ in range(2))

    assert first == second


def test_revocations_undo_takes_several_or_none(wssec: Terminal) -> None:
    """One unknown id keeps the others in force."""
    ids = [revoked(wssec), revoked(wssec)]

    failed = wssec("revocations", "undo", *ids, "unknown", "--yes")
    still = len(listed(wssec))
    wssec.done("revocations", "undo", *ids, "--yes")

    assert (1, True) == (failed.code, "there is no revocation unknown" in failed.err)
    assert (2, 0) == (still, len(listed(wssec)))


def test_revocations_prune_deletes_what_has_expired(wssec: Terminal, place: Path) -> None:
    """What can still match stays."""
    old, new = revoked(wssec), revoked(wssec)
    aged(place, old)

    assert {"pruned": 1} == wssec.json("revocations", "prune", "--yes")
    assert "0 pruned\n" == wssec.done("revocations", "prune", "--yes")
    assert [new] == [entry["id"] for entry in listed(wssec, "--all")]


def test_revocations_prune_asks_first(wssec: Terminal) -> None:
    """Without a terminal it fails, naming --yes."""
    outcome = wssec("revocations", "prune")

    assert (1, True) == (outcome.code, "add --yes if it is meant" in outcome.err)


def test_revocations_export_moves_to_another_store(wssec: Terminal, bare: Terminal, tmp_path: Path) -> None:
    """Another store has the same log, undos too, and importing twice changes nothing."""
    kept, undone = revoked(wssec, "u1", "--reason", "söme text"), revoked(wssec, "u2")
    wssec.done("revocations", "undo", undone, "--yes")
    bare.done("init", str(tmp_path / "other"))
    other = {"WSSEC_STORE": f"sqlite:///{tmp_path}/other/wssec.db"}
    text = wssec.done("revocations", "export")

    first = bare.json("revocations", "import", "-", stdin=text, **other)
    bare.done("revocations", "import", "-", stdin=text, **other)

    assert {"imported": 3, "dropped_api_keys": []} == first
    assert listed(wssec, "--all") == bare.json("revocations", "list", "--all", **other)
    assert [kept] == [entry["id"] for entry in bare.json("revocations", "list", **other)]


def test_revocations_export_makes_a_private_file(wssec: Terminal, tmp_path: Path) -> None:
    """A file is 0600, and one that exists is not overwritten."""
    revoked(wssec)
    target = tmp_path / "log.jsonl"

    wssec.done("revocations", "export", str(target))
    again = wssec("revocations", "export", str(target))

    assert 0o600 == target.stat().st_mode & 0o777
    assert wssec.done("revocations", "export") == target.read_text()
    assert (1, True) == (again.code, "exists already" in again.err)


def test_revocations_export_that_fails_leaves_no_file(
    wssec: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a log looks like a whole one."""
    revoked(wssec)

    async def torn(*_: object) -> None:
        raise StoreUnavailable("it stopped to answer; try again")

    monkeypatch.setattr(SqliteStore, "read_after", torn)
    outcome = wssec("revocations", "export", str(tmp_path / "log.jsonl"))

    assert (1, False) == (outcome.code, (tmp_path / "log.jsonl").exists())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "line 2: the record is no JSON; nothing was imported"),
        ("[]", "line 2: the record is no JSON object"),
        ("{}", "line 2: "),
        ('{"class": "revocation", "id": "x"}', "line 2: "),
        ("é", "line 2: the record is not ASCII"),
        ('{"class":"revocation","id":"' + "x" * 40_000 + '"}', "line 2: "),
    ],
)
def test_revocations_import_takes_all_or_none(wssec: Terminal, line: str, told: str) -> None:
    """A faulty line is named, nothing of it is repeated, and the good ones are not written either."""
    good = wssec.done("revocations", "export") or _entry("good")

    outcome = wssec("revocations", "import", "-", stdin=f"{good}\n{line}\n{_entry('other')}\n")

    assert (2, 1) == (outcome.code, outcome.err.count("\n"))
    assert told in outcome.err
    assert [] == listed(wssec, "--all")


def _entry(id: str) -> str:
    """One line of an export."""
    body = {"class": "revocation", "id": id, "kind": "subject", "value": "u42", "at": 1, "effective_at": 1}
    return json.dumps(body)


def test_revocations_import_reads_a_file(wssec: Terminal, tmp_path: Path) -> None:
    """Blank ends and CRLF are as good."""
    (tmp_path / "log.jsonl").write_bytes(f"{_entry('a')}\r\n{_entry('b')}".encode())

    imported = wssec.json("revocations", "import", str(tmp_path / "log.jsonl"))
    assert {"imported": 2, "dropped_api_keys": []} == imported


def test_revocations_import_drops_api_keys(wssec: Terminal, place: Path) -> None:
    """A backup that is put back has keys that had been dropped; those of a revocation that was undone stay."""
    for subject in ("u1", "u2", "u3"):
        wssec.done("apikeys", "create", "--subject", subject)
    (place / "backup.db").write_bytes((place / "wssec.db").read_bytes())
    revoked(wssec, "u1")
    wssec.done("revocations", "undo", revoked(wssec, "u2"), "--yes")
    text = wssec.done("revocations", "export")
    (place / "wssec.db").write_bytes((place / "backup.db").read_bytes())
    dropped = wssec.json("revocations", "import", "-", stdin=text)["dropped_api_keys"]
    told = wssec.done("revocations", "import", "-", stdin=text)

    assert (1, "3 imported\n") == (len(dropped), told)
    assert ["u2", "u3"] == sorted(key["subject"] for key in wssec.json("apikeys", "list"))


def test_revocations_import_of_a_missing_file_fails(wssec: Terminal) -> None:
    """One line, with the remedy."""
    outcome = wssec("revocations", "import", "/nowhere/log.jsonl")

    assert 1 == outcome.code
    assert 1 == wssec("revocations", "import", "a\x00b").code
    assert "wssec: cannot read /nowhere/log.jsonl: No such file or directory; name a readable file" in outcome.err
