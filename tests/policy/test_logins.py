"""What is remembered of a login, and what proves it."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import CredentialRefused
from tornado_wssec.policy.assertions import Assertion
from tornado_wssec.policy.logins import Login, LoginCookie, new_login

NOW = 1_000.0
LOGIN = Login(
    id="l1",
    subject="ann",
    permissions=("chat:*",),
    roles=("editor",),
    tenant="acme",
    issued_at=NOW,
    expires_at=NOW + 60,
    digest="0" * 64,
)


def begun(subject: str = "ann", permissions: Any = (), **fields: Any) -> Login:
    """A login that begins at NOW and may last a minute."""
    given = {"roles": (), "tenant": None, "ttl": None, "most": 60.0, **fields}
    return new_login(subject, permissions, NOW, **given)


def test_login_begins_now_and_ends() -> None:
    """It lasts as long as it may, or less where that is asked for, and holds what it was given."""
    login = begun(permissions=["chat:*"], roles=["editor"], tenant="acme")

    assert replace(LOGIN, id=login.id, digest=None) == login
    assert [NOW + 5, NOW + 0.5] == [begun(ttl=ttl).expires_at for ttl in (5, 0.5)]


def test_login_has_an_id_that_nobody_has_seen() -> None:
    """128 random bits, fit for a cookie and for `wssec revoke session`."""
    ids = {begun().id for _ in range(100)}

    assert (100, {22}) == (len(ids), {len(id) for id in ids})


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "a b"}, "subject"),
        ({"tenant": "a\n"}, "tenant"),
        ({"permissions": "chat:*"}, "are lists"),
        ({"roles": "editor"}, "are lists"),
        ({"permissions": ["a:**:b"]}, r"a:\*\*:b"),
        ({"ttl": 61}, "at most 60, or raise max_age"),
        ({"ttl": 0}, "more than 0"),
        ({"ttl": -1}, "more than 0"),
        ({"ttl": float("nan")}, "not finite"),
        ({"ttl": "60"}, "no number"),
    ],
    ids=str,
)
def test_login_that_cannot_be(fields: dict[str, Any], fault: str) -> None:
    """What could not be in a token is not in a login either, and it ends in time; the application is told."""
    with pytest.raises(ValueError, match=fault):
        begun(**fields)


@pytest.mark.parametrize("login", [LOGIN, replace(LOGIN, tenant=None, digest=None, roles=(), permissions=())], ids=str)
def test_login_is_read_as_it_was_written(login: Login) -> None:
    """Nothing is lost or added on the way through a store or a cookie."""
    assert login == Login.from_json(login.to_json())


def test_login_says_who_it_is() -> None:
    """Its id is the session, so that it can be revoked as one."""
    expected = Assertion(
        subject="ann",
        permissions=("chat:*",),
        roles=("editor",),
        tenant="acme",
        session_id="l1",
        issued_at=NOW,
        expires_at=NOW + 60,
    )
    assert expected == LOGIN.assertion


BROKEN: list[dict[str, Any]] = [
    {"id": None},
    {"id": ""},
    {"id": "a b"},
    {"subject": None},
    {"subject": 1},
    {"subject": "\u0000"},
    {"permissions": "chat:*"},
    {"permissions": [1]},
    {"permissions": ["a:**:b"]},
    {"roles": {"a": 1}},
    {"tenant": ""},
    {"issued_at": None},
    {"issued_at": "now"},
    {"issued_at": True},
    {"expires_at": None},
    {"expires_at": NOW},
    {"expires_at": 10**400},
    {"digest": ""},
    {"digest": "0" * 63},
    {"digest": "0" * 64 + "\n"},
    {"digest": 5},
    {"admin": True},
]


@pytest.mark.parametrize("changes", BROKEN, ids=str)
def test_login_record_that_is_none_of_ours(changes: dict[str, Any]) -> None:
    """Whatever is wrong with it, it is refused, and nothing of it is told."""
    record = {**json.loads(LOGIN.to_json()), **changes}
    with pytest.raises(CredentialRefused) as refused:
        Login.from_json(json.dumps(record))

    assert "what is remembered of the login is none of ours" == str(refused.value)
    assert refused.value.__cause__ is None


@given(st.one_of(st.text(), st.binary(), st.none(), st.recursive(st.integers(), st.lists).map(json.dumps)))
def test_login_record_of_a_stranger(text: object) -> None:
    """Any other text is refused in the same way; nothing else is raised."""
    with pytest.raises(CredentialRefused):
        Login.from_json(text)


def test_login_cookie_proves_its_login_alone() -> None:
    """The secret that was given out does, no other, and none where no secret is kept."""
    cookie = LoginCookie.of("l1")
    login = replace(LOGIN, digest=cookie.digest)
    login.ensure_proven(cookie)

    for wrong, of in ((LoginCookie.of("l1"), login), (cookie, replace(login, digest=None)), (cookie, LOGIN)):
        with pytest.raises(CredentialRefused, match="a wrong secret for the login l1"):
            of.ensure_proven(wrong)


def test_login_cookie_is_read_as_it_was_written() -> None:
    """256 random bits behind the id; neither a record nor a repr has them."""
    cookie = LoginCookie.of(begun().id)

    assert cookie == LoginCookie.parse(cookie.text)
    assert 43 == len(cookie.secret)
    assert cookie.secret not in repr(cookie) + cookie.digest
    assert LoginCookie.of("l1").secret != LoginCookie.of("l1").secret
    assert "0" * 64 not in repr(LOGIN)


GOOD = LoginCookie.of(begun().id).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        GOOD[:-1],
        GOOD[1:],
        GOOD + "A",
        GOOD + "\n",
        " " + GOOD,
        "é" + GOOD[1:],
        f'"{GOOD}"',
        GOOD.replace(".", ":"),
        GOOD.replace(".", ".."),
        "A" * 66,
    ],
    ids=itertools.count(),
)
def test_login_cookie_of_another_shape(text: str) -> None:
    """It is refused before anything is looked up."""
    with pytest.raises(CredentialRefused, match="not one that a login made"):
        LoginCookie.parse(text)


@given(st.text())
def test_login_cookie_of_a_stranger(text: str) -> None:
    """Nothing but a refusal comes of any text."""
    with pytest.raises(CredentialRefused):
        LoginCookie.parse(text)
