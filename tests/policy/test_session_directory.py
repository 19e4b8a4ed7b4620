"""What the directory of all nodes keeps of a connection: one line, read as strictly as it is written."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tornado_wssec.policy.session_directory import Entry, NodeStanding, Place

ANN = Entry(
    connection="c1",
    node="host:17:ab",
    session="s1",
    subject="ann",
    endpoint="ChatSocket",
    address="192.0.2.1",
    since=1_000.0,
    issuer="https://sso.example.com",
    tenant="acme",
    expires_at=2_000.0,
)
NOBODY = replace(ANN, issuer=None, tenant=None, expires_at=None, anonymous=True)


@pytest.mark.parametrize("entry", [ANN, NOBODY], ids=["ann", "nobody"])
def test_entry_is_read_as_it_was_written(entry: Entry) -> None:
    """Everything comes back, what is absent as absent."""
    assert entry == Entry.from_json(entry.to_json())


def test_entry_is_no_line_that_a_store_would_cut() -> None:
    """What is longer than a store keeps is refused."""
    with pytest.raises(ValueError, match="the entry"):
        replace(ANN, subject="x" * 100_000).to_json()


@pytest.mark.parametrize("change", [{"connection": "a b"}, {"connection": ""}, {"node": "a\nb"}])
def test_entry_of_a_name_that_is_none_is_not_written(change: dict[str, Any]) -> None:
    """A connection and a node have names that stand in commands."""
    with pytest.raises(ValueError, match=f"this cannot be the {next(iter(change))}"):
        replace(ANN, **change).to_json()


def test_entry_flag_is_a_truth_value() -> None:
    """A number is none, nor is a text."""
    fields = json.loads(ANN.to_json())
    for value in (1, "yes"):
        with pytest.raises(ValueError, match="anonymous is neither true nor false"):
            Entry.from_json(json.dumps({**fields, "anonymous": value}))


def test_entry_owner_is_the_person_at_an_issuer() -> None:
    """Hashed; whoever is nobody in particular has no quota to share."""
    assert ANN.owner == replace(ANN, connection="c2", tenant=None).owner
    assert len({ANN.owner, replace(ANN, issuer=None).owner, replace(ANN, subject="bob").owner}) == 3
    assert (64, "") == (len(ANN.owner), NOBODY.owner)


@pytest.mark.parametrize(("node", "pid"), [("host:17:ab", 17), ("host:17", None), ("host:x:ab", None)])
def test_entry_process_of_its_node(node: str, pid: int | None) -> None:
    """As the name of the node says it, if it does."""
    assert pid == replace(ANN, node=node).pid


def test_place_is_nowhere_at_first() -> None:
    """The store knows nothing of it yet."""
    place = Place(ANN, 5.0)

    assert (ANN, 5.0, False, False) == (place.entry, place.until, place.is_sent, place.is_in)


def test_standing_claims_nothing_that_was_not_found() -> None:
    """A renewal that failed says of no other node that there is none."""
    assert (False, 0, False, False, "") == NodeStanding(is_alive=False)
