"""A channel's declaration made ready: who may listen, who may publish, and whose segment is whose."""

import enum
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from tornado_wssec.policy.channel_specs import ChannelSpec
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import PUBLIC, Grants
from tornado_wssec.policy.registry import Registry

from .samples import channel, message, said, text

ACME = {"pattern": "tenant:{tenant}:{topic}", "subscribe": "t:read:{tenant}", "bind": {"tenant": "tenant"}}


def kind(meta: dict[str, Any], **members: Any) -> ChannelSpec:
    """A channel with these options, compiled."""
    (found,) = Registry(channel(meta, **members), strict=False).channels
    return found


def tenants(**meta: Any) -> ChannelSpec:
    """Channels of tenants, each bound to who belongs to it."""
    return kind({**ACME, **meta}, tenant=text(), topic=text())


def somebody(tenant: str | None = None, *grants: str, **claims: Any) -> Identity:
    """An identity of a tenant."""
    return Identity(subject="ann", tenant=tenant, permissions=Grants(grants), claims=claims)


def test_channel_asks_for_the_permission() -> None:
    """Listening and publishing are two permissions, each of one channel."""
    rooms = kind({"subscribe": "chat:read:{room}", "publish": "chat:write:{room}"})
    reader, writer = somebody(None, "chat:read:lobby"), somebody(None, "chat:write:lobby")
    lobby, attic = {"room": "lobby"}, {"room": "attic"}

    assert (True, False) == (rooms.may_listen(reader, lobby), rooms.may_publish(reader, lobby))
    assert (False, True) == (rooms.may_listen(writer, lobby), rooms.may_publish(writer, lobby))
    assert (False, False) == (rooms.may_listen(reader, attic), rooms.may_publish(writer, attic))


def test_channel_shows_what_was_declared() -> None:
    """Nothing that was made of it."""

    assert "_schema=" not in repr(kind({}))
    assert "_own=" not in repr(tenants())


def test_channel_without_publish() -> None:
    """No client publishes, whatever was granted."""

    assert not kind({}).may_publish(somebody(None, "**"), {"room": "lobby"})


@pytest.mark.requirement("R044")
@pytest.mark.parametrize("tenant", [None, "", "evil", "ACME", "acme:x", "*", "acme "])
def test_channel_bound_to_a_tenant(tenant: str | None) -> None:
    """Whoever belongs elsewhere hears and says nothing, whatever was granted."""
    bound, acme = tenants(publish=PUBLIC), {"tenant": "acme", "topic": "x"}

    assert (True, True) == (bound.may_listen(somebody("acme", "**"), acme), bound.may_publish(somebody("acme"), acme))
    assert (False, False) == (
        bound.may_listen(somebody(tenant, "**"), acme),
        bound.may_publish(somebody(tenant, "**"), acme),
    )


def test_channel_bound_and_not_granted() -> None:
    """Belonging there is not being allowed."""

    assert not tenants().may_listen(somebody("acme", "t:read:evil"), {"tenant": "acme", "topic": "x"})


@pytest.mark.parametrize("claim", [7, True, None, ["7"], {"7": 7}, 7.0])
def test_channel_bound_to_a_claim_that_is_no_text(claim: Any) -> None:
    """A segment is text, and nothing else equals it."""
    bound = kind({"bind": {"room": "team"}})

    assert bound.may_listen(somebody(team="7"), {"room": "7"})
    assert not bound.may_listen(somebody(team=claim), {"room": "7"})


def test_channel_bound_by_what_its_field_loads() -> None:
    """A UUID or a member of an enumeration is compared as it stands in the name."""
    colour = enum.Enum("colour", {"RED": "red"})
    name = "0f8fad5b-d9cb-469f-a165-70867728950e"
    by_uuid = kind({"bind": {"room": "team"}}, room=fields.UUID())
    by_member = kind({"bind": {"room": "team"}}, room=fields.Enum(colour, by_value=True))

    assert by_uuid.may_listen(somebody(team=name), {"room": uuid.UUID(name)})
    assert by_member.may_listen(somebody(team="red"), {"room": colour.RED})


def test_channel_bound_by_what_is_no_segment() -> None:
    """What cannot be compared is nobody's."""

    assert not kind({"bind": {"room": "team"}}).may_listen(somebody(team="b"), {"room": ["b"]})


def test_channel_bound_by_a_field_that_it_has_not() -> None:
    """A bind names a segment of the pattern, or the application does not start."""
    assert "bind: names {other}, which the pattern does not" in said(channel({"bind": {"other": "tenant"}}))


def test_channel_whose_bind_cannot_be_read() -> None:
    """It is no channel meanwhile: nobody gets in because of a typo."""

    assert () == Registry(channel({"bind": ["tenant"]})).channels


@pytest.mark.parametrize(
    ("direction", "fault"),
    [
        (None, "which nobody declares; scan its module, or drop it"),
        ("in", 'which the server may not send; set direction = "both" in the Meta of the message, or drop it'),
    ],
)
def test_channel_accepts_what_nobody_could_receive(direction: str | None, fault: str) -> None:
    """What clients may publish is declared, and the server may send it."""
    declared = message({"direction": direction or "out", "type": TYPED if direction else "other"})

    assert fault in said(channel({"publish": PUBLIC, "accepts": [TYPED]}), declared)


def test_channel_accepts_what_the_server_may_send() -> None:
    """By its class or by its name."""
    declared = message({"direction": "both"})

    assert "" == said(channel({"publish": PUBLIC, "accepts": [declared]}), declared)


TYPED = "chat.typing"


# --- isolation as a property ---

VALUES = st.sampled_from(["a", "b", "acme", "evil"])
LITERALS = st.sampled_from(["t", "hear", "a", "acme"])
GRANTED = st.lists(
    st.lists(st.sampled_from(["t", "hear", "a", "b", "acme", "evil", "*"]), min_size=1, max_size=4), max_size=3
)


def covers(grant: list[str], wanted: list[str], *, has_rest: bool) -> bool:
    """What a grant covers, said once more in other words."""
    if has_rest:
        return len(wanted) > len(grant) and all(a in ("*", b) for a, b in zip(grant, wanted, strict=False))
    return len(wanted) == len(grant) and all(a in ("*", b) for a, b in zip(grant, wanted, strict=True))


@given(
    granted=GRANTED,
    rest=st.booleans(),
    literals=st.lists(LITERALS, min_size=1, max_size=2),
    tenant=VALUES,
    topic=VALUES,
    claim=st.one_of(st.none(), VALUES),
    is_bound=st.booleans(),
)
def test_channel_lets_in_whom_a_grant_and_a_claim_let_in(
    granted: list[list[str]],
    rest: bool,
    literals: list[str],
    tenant: str,
    topic: str,
    claim: str | None,
    is_bound: bool,
) -> None:
    """For whatever grants, templates, binds and claims: nobody listens without both, and whoever has both does."""
    meta = {"pattern": "t:{tenant}:{topic}", "subscribe": ":".join([*literals, "{tenant}", "{topic}"])}
    spec = kind({**meta, **({"bind": {"tenant": "team"}} if is_bound else {})}, tenant=text(), topic=text())
    grants = [":".join([*grant, "**"] if rest else grant) for grant in granted]
    who = somebody(None, *grants, **({} if claim is None else {"team": claim}))
    values = spec.match(f"t:{tenant}:{topic}")
    assert values is not None

    is_granted = any(covers(grant, [*literals, tenant, topic], has_rest=rest) for grant in granted)
    assert (is_granted and (not is_bound or claim == tenant)) == spec.may_listen(who, values)
