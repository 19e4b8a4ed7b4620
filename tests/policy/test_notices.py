"""Notices mean the connections of which everything is true that they name, and are heeded once."""

from dataclasses import replace
from typing import Any

import pytest

from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.notices import NOTICE_SECONDS, Notices, make_notice
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.revocation_entries import Notice, NoticeKind, dump_body, ensure_storable, load_body
from tornado_wssec.policy.revocations import LogEntry, RevocationIndex, outlasting
from tornado_wssec.settings import Timeouts, TokenRules

NOW = 1_700_000_000.0
ANN = Identity(subject="ann", issuer="us", session_id="s1", tenant="acme")


def kick(**meant: Any) -> Notice:
    """A notice that ends connections."""
    return make_notice(NoticeKind.KICK, NOW, **meant)


@pytest.mark.parametrize(
    ("meant", "is_meant"),
    [
        ({"session": "s1"}, True),
        ({"subject": "ann"}, True),
        ({"tenant": "acme"}, True),
        ({"session": "s1", "subject": "ann", "tenant": "acme", "issuer": "us"}, True),
        ({"session": "s2"}, False),
        ({"session": "s1", "subject": "bob"}, False),
        ({"subject": "ann", "tenant": "other"}, False),
        ({"subject": "ann", "issuer": "them"}, False),
        ({"subject": "an"}, False),
        ({"subject": "*"}, False),
    ],
)
def test_notice_means_those_of_whom_everything_is_true(meant: dict[str, str], is_meant: bool) -> None:
    """A name is never a pattern."""
    assert is_meant == kick(**meant).matches(ANN)


def test_notice_about_permissions_may_mean_everybody() -> None:
    """A role's rights have changed, say."""
    assert make_notice(NoticeKind.PERMISSIONS, NOW).matches(ANN)


@pytest.mark.parametrize("meant", [{}, {"issuer": "us"}])
def test_notice_that_kicks_names_somebody(meant: dict[str, str]) -> None:
    """Nobody ends every connection by leaving an argument out."""
    with pytest.raises(ValueError, match="would end every connection; name a session, a subject or a tenant"):
        kick(**meant)


def test_notice_that_removes_names_somebody_and_a_channel() -> None:
    """Else it would empty channels, or do nothing; no other kind of notice names one."""
    removal = make_notice(NoticeKind.REMOVE, NOW, subject="ann", channel="room:*")

    assert removal == load_body(dump_body(removal))
    with pytest.raises(ValueError, match="name a session"):
        make_notice(NoticeKind.REMOVE, NOW, channel="room:*")
    for kind, channel in ((NoticeKind.REMOVE, None), (NoticeKind.KICK, "room:a"), (NoticeKind.PERMISSIONS, "room:a")):
        with pytest.raises(ValueError, match="from which channel"):
            make_notice(kind, NOW, subject="ann", channel=channel)
    with pytest.raises(ValueError, match="can be no channel"):
        make_notice(NoticeKind.REMOVE, NOW, subject="ann", channel="ROOM")


def test_notices_have_names_that_nobody_guesses() -> None:
    """Of 128 bits, each its own."""

    assert (32, True) == (len(kick(session="s1").id), kick(session="s1").id != kick(session="s1").id)


@pytest.mark.parametrize("session", ["", "a b", "x" * 129, "\n"])
def test_notice_names_what_can_be(session: str) -> None:
    """Nothing that could not be a session is written to the log."""
    with pytest.raises(ValueError, match="this cannot be the session"):
        kick(session=session)


def test_notice_is_read_as_it_was_written() -> None:
    """Every field of it."""
    notice = kick(session="s1", subject="ann", tenant="acme", issuer="us", reason="because")

    assert notice == load_body(dump_body(notice))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kind": "sing"}, "none of ours"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": float("inf")}, "finite"),
    ],
)
def test_notice_that_cannot_be_is_not_stored(change: dict[str, Any], fault: str) -> None:
    """It is of a kind that we know, and has an end."""
    with pytest.raises(ValueError, match=fault):
        ensure_storable(replace(kick(session="s1"), **change))


def test_notice_of_another_kind_is_refused() -> None:
    """What we do not know we do not do."""
    text = dump_body(kick(session="s1")).replace('"kick"', '"sing"')
    with pytest.raises(ValueError, match="kind of the notice is none of ours; use kick, permissions"):
        load_body(text)


def test_notice_is_heeded_once() -> None:
    """However often it is read; another one is another."""
    notices, notice = Notices(), kick(session="s1")

    assert [True, False, True] == [notices.heed(one, NOW) for one in (notice, notice, kick(session="s1"))]


def test_notice_that_has_expired_is_left_aside() -> None:
    """A node that starts later finds it in the log; what is a moment younger is heeded by clocks that are apart."""
    notice = kick(session="s1")

    assert not Notices().heed(notice, NOW + NOTICE_SECONDS)
    assert Notices().heed(notice, NOW + NOTICE_SECONDS - 0.001)
    assert Notices().heed(notice, NOW - 60)
    assert 600.0 == NOTICE_SECONDS


def test_notices_are_forgotten_once_they_have_expired() -> None:
    """Not before, or they would be heeded twice; in whatever order they came."""
    notices = Notices()
    for at in (NOW, NOW + 5, NOW - 5):
        notices.heed(make_notice(NoticeKind.KICK, at, session="s1"), NOW)
    left = []
    for moment in (NOW + NOTICE_SECONDS - 1, NOW + NOTICE_SECONDS, NOW + NOTICE_SECONDS + 5):
        notices.forget_expired(moment)
        left.append(len(notices))

    assert [3, 2, 0] == left


def test_notice_refuses_nobody() -> None:
    """The index takes no note of it, and nothing makes it live longer."""
    index, notice = RevocationIndex(), kick(session="s1")

    assert index.apply(LogEntry("1", notice)) is None
    assert (0, 0, None) == (len(index), index.generation, index.revoked(ANN, NOW))
    assert notice is outlasting(notice, TokenRules(), Timeouts())


@pytest.mark.parametrize(
    ("meant", "is_meant"),
    [
        ({"role": "editor"}, True),
        ({"role": "edit"}, False),
        ({"role": "*"}, False),
        ({"role": "editor", "subject": "ann"}, True),
        ({"role": "editor", "subject": "bob"}, False),
        ({"resource": "b7"}, True),
        ({"resource": "board:b7"}, True),
        ({"resource": "board:draw:b7"}, True),
        ({"resource": "lobby"}, True),
        ({"resource": "room:lobby"}, True),
        ({"resource": "b"}, False),
        ({"resource": "b7:board"}, False),
        ({"resource": "lobby", "role": "guest"}, False),
    ],
)
def test_notice_means_a_role_or_a_resource(meant: dict[str, str], is_meant: bool) -> None:
    """A role that was named, and what a grant or a channel is about; the others of a board are left alone."""
    ann = replace(ANN, roles=("editor",), permissions=Grants(["board:draw:b7", "board:draw:b8"]))

    assert is_meant == make_notice(NoticeKind.PERMISSIONS, NOW, **meant).matches(ann, {"room:lobby"})


@pytest.mark.parametrize("grant", ["board:*", "board:**", "**", "*:*", "board:*:b7"])
def test_notice_means_whoever_may_do_more_than_is_named(grant: str) -> None:
    """A wildcard may stand for the resource: rather somebody is asked for in vain than left with what is gone."""
    ann = replace(ANN, permissions=Grants([grant]))

    assert make_notice(NoticeKind.PERMISSIONS, NOW, resource="board:b7").matches(ann)


def test_notice_of_a_role_kicks_nobody_alone() -> None:
    """Whom to end is said by name; a role or a resource may narrow that, and is written down and read again."""
    with pytest.raises(ValueError, match="would end every connection"):
        kick(role="editor", resource="b7")
    told = kick(subject="ann", role="editor", resource="b7")

    assert told == load_body(dump_body(told))
    with pytest.raises(ValueError, match="this cannot be the role"):
        kick(subject="ann", role="a b")
    with pytest.raises(ValueError, match="this cannot be the resource"):
        kick(subject="ann", resource="")


def test_notice_of_an_empty_issuer() -> None:
    """It would mean nobody, and is no entry."""
    with pytest.raises(ValueError, match="the issuer is empty"):
        ensure_storable(replace(kick(subject="ann"), issuer=""))
