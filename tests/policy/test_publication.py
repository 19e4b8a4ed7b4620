"""What a client publishes itself, decided without a socket."""

from typing import Any

import pytest
from marshmallow import fields

from tornado_wssec.errors import FrameError, PermissionDenied, ReauthRequired, Unavailable, UnknownType
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import PUBLIC, Grants
from tornado_wssec.policy.publication import accepts, admit_publication
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.settings import Limits

from .samples import TYPE, channel, message, text

LIMITS = Limits()


def session(*grants: str) -> Session:
    """A connection with these grants."""
    identity = Identity(subject="ann", permissions=Grants(grants))
    return Session("s", identity, LIMITS, Account(LIMITS, 0.0), 0.0)


def admitted(registry: Registry, data: dict[str, Any], *grants: str, name: str = "room:lobby") -> dict[str, Any]:
    """What is published."""
    asked = {"channel": name, "type": TYPE, "data": data}
    return admit_publication(asked, registry, session(*grants), 0.0).data


@pytest.mark.parametrize(
    ("meta", "members", "is_accepted"),
    [
        ({"direction": "both"}, {"room": text()}, True),
        ({"direction": "out"}, {"room": text()}, True),
        ({"direction": "in"}, {"room": text()}, False),
        ({"direction": "both"}, {"text": text()}, False),
        ({"direction": "both"}, {"place": text(data_key="room")}, True),
        ({"direction": "both", "signed": True}, {"room": text()}, False),
    ],
)
def test_channel_accepts_what_fits(meta: dict[str, Any], members: dict[str, Any], is_accepted: bool) -> None:
    """Where it lists nothing: what the server may send, and what names the channel by the same fields."""
    registry = Registry(channel({"publish": PUBLIC}), message(meta, **members))

    assert is_accepted == accepts(registry.channels[0], registry.messages[TYPE])


def test_channel_accepts_what_it_lists() -> None:
    """And nothing else; without `publish` nothing at all."""
    one, other = (
        message({"direction": "both"}, room=text()),
        message({"direction": "both", "type": "other"}, room=text()),
    )
    registry = Registry(channel({"publish": PUBLIC, "accepts": ["other"]}), one, other)
    closed = Registry(channel(), one)

    assert [False, True] == [accepts(registry.channels[0], spec) for spec in registry.messages.values()]
    assert not accepts(closed.channels[0], closed.messages[TYPE])


def test_publication_that_is_not_allowed() -> None:
    """Nor is one while nobody can tell what is allowed; neither says whether there is such a channel."""
    registry = Registry(channel({"publish": "say:{room}"}), message({"direction": "both"}, room=text()))
    for name in ("room:lobby", "none"):
        asked, doubtful = {"channel": name, "type": TYPE, "data": {"room": "lobby"}}, session("**")
        doubtful.is_in_doubt = True
        with pytest.raises(PermissionDenied):
            admit_publication(asked, registry, session("say:attic"), 0.0)
        with pytest.raises(Unavailable):
            admit_publication(asked, registry, doubtful, 0.0)


def test_publication_of_what_only_the_server_sends() -> None:
    """Its permission says who receives it, and is not asked of whoever publishes."""
    registry = Registry(
        channel({"publish": PUBLIC}), message({"direction": "out", "permission": "hear:{room}"}, room=text())
    )

    assert {"room": "lobby"} == admitted(registry, {"room": "lobby"})


def test_publication_of_what_clients_send_asks_for_its_permission() -> None:
    """The channel's leave to publish is not the type's."""
    registry = Registry(
        channel({"publish": PUBLIC}), message({"direction": "both", "permission": "say:{room}"}, room=text())
    )

    assert {"room": "lobby"} == admitted(registry, {"room": "lobby"}, "say:lobby")
    with pytest.raises(PermissionDenied):
        admitted(registry, {"room": "lobby"}, "say:attic")


def test_publication_names_its_channel() -> None:
    """By text or by number; what a field leaves open is open."""
    rooms = channel({"publish": PUBLIC, "pattern": "room:{room}", "accepts": [TYPE]}, room=text())
    numbered = Registry(rooms, message({"direction": "both"}, room=fields.Integer(strict=True)), strict=False)

    assert {"room": 7} == admitted(numbered, {"room": 7}, name="room:7")
    assert {} == admitted(numbered, {}, name="room:7")
    with pytest.raises(PermissionDenied):
        admitted(numbered, {"room": 8}, name="room:7")


def test_publication_names_its_channel_by_another_name() -> None:
    """A field of the channel is one also where the wire calls it otherwise."""
    rooms = channel({"publish": PUBLIC, "pattern": "room:{room}", "accepts": [TYPE]}, room=text())
    renamed = Registry(rooms, message({"direction": "both"}, room=text(data_key="roomId")))

    assert {"room": "lobby"} == admitted(renamed, {"roomId": "lobby"})
    with pytest.raises(PermissionDenied):
        admitted(renamed, {"roomId": "attic"})


def test_publication_asks_for_a_recent_authentication() -> None:
    """As the type does when it is sent."""
    registry = Registry(channel({"publish": PUBLIC}), message({"direction": "both", "max_auth_age": 9}, room=text()))
    with pytest.raises(ReauthRequired):
        admitted(registry, {"room": "lobby"})


def test_publication_is_measured() -> None:
    """`max_bytes` of the type is what its data may have."""
    registry = Registry(channel({"publish": PUBLIC}), message({"direction": "both", "max_bytes": 30}, room=text()))

    assert {"room": "lobby"} == admitted(registry, {"room": "lobby"})
    with pytest.raises(FrameError, match="bytes of"):
        admitted(registry, {"room": "é" * 16}, name="room:lobby")


def test_publication_pays_before_it_is_read() -> None:
    """An invalid one spends from the rate of its type, too; an unknown type costs nothing of it."""
    registry = Registry(channel({"publish": PUBLIC}), message({"direction": "both", "rate": "1/hour"}, room=text()))
    asked, one = {"channel": "room:lobby", "type": TYPE, "data": {"room": 7}}, session()
    codes = []
    for type in ("none", TYPE, TYPE):
        with pytest.raises(FrameError) as caught:
            admit_publication({**asked, "type": type}, registry, one, 0.0)
        codes.append(caught.value.code)

    assert ["unknown_type", "invalid", "rate_limited"] == codes
    with pytest.raises(UnknownType):
        admit_publication({**asked, "type": "none"}, registry, session(), 0.0)
