"""Everybody is asked the same, and everybody's schema takes it."""

import json
from datetime import datetime
from uuid import UUID

from bench.messages import KINDS, MEDIUM, SMALL
from bench.peers import loose, ours
from bench.roster import ALL, PEERS
from tornado_wssec import Registry

DECLARED = json.loads((PEERS / "messages.schema.json").read_text(encoding="utf-8"))


def test_messages_have_their_sizes() -> None:
    """A chat message of 120 bytes and a stroke of a kilobyte."""

    assert (120, 1_034) == (len(SMALL.text), len(MEDIUM.text))


def test_our_schemas_take_them() -> None:
    """With everything they were given, and as the types they stand for."""
    registry = Registry(ours.Send, ours.Draw)
    small, medium = (registry.resolve(kind.type).load(kind.data) for kind in (SMALL, MEDIUM))

    assert SMALL.data == small
    assert MEDIUM.data.keys() == medium.keys()
    assert (UUID, datetime) == (type(medium["stroke"]), type(medium["drawn_at"]))


def test_naive_schemas_take_them() -> None:
    """Those of marshmallow's own fields, too."""

    assert SMALL.data == loose.Chat().load(SMALL.data)
    assert MEDIUM.data.keys() == loose.Stroke().load(MEDIUM.data).keys()


def test_schemas_for_node_name_the_same_fields() -> None:
    """And the same answers."""

    assert {kind.type: (kind.data.keys(), kind.answer) for kind in KINDS.values()} == {
        name: (each["data"]["properties"].keys(), each["answer"]) for name, each in DECLARED.items()
    }


def test_peers_are_of_one_version_each() -> None:
    """What is measured tomorrow is what was measured today."""
    loose_ones = [package for peer in ALL for package in peer.packages if "==" not in package and "@" not in package]

    assert [] == loose_ones


def test_peers_have_a_file_each() -> None:
    """Named as they are."""
    files = [peer.script or f"{peer.name}.py" for peer in ALL]

    assert [] == [name for name in files if not (PEERS / name).is_file()]
