"""Grants, templates and roles: what is granted, and above all what is not."""

import copy
import pickle
import re
import string
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.errors import PermissionDenied, Problem
from tornado_wssec.policy.permissions import (
    KNOWN_CHARACTERS,
    KNOWN_MOST,
    NO_GRANTS,
    PUBLIC,
    Grants,
    PermissionTemplate,
    expand_roles,
    names_resource,
    role_problems,
)


class Board(Enum):
    LEFT = "left"
    BOTH = ("left", "right")


class Colour(StrEnum):
    RED = "red"


class Floor(IntEnum):
    GROUND = 0


@pytest.mark.parametrize(
    ("grant", "permission"),
    [
        ("chat:write:lobby", "chat:write:lobby"),
        ("chat:write:*", "chat:write:lobby"),
        ("chat:*:lobby", "chat:write:lobby"),
        ("*:write:*", "chat:write:lobby"),
        ("chat:**", "chat:write:lobby"),
        ("chat:write:**", "chat:write:lobby"),
        ("chat:*:**", "chat:write:lobby"),
        ("**", "chat:write:lobby"),
        ("**", "chat"),
        ("*", "chat"),
        ("https://api.example.com/read", "https://api.example.com/read"),
    ],
)
def test_grants_allow(grant: str, permission: str) -> None:
    """A literal grants itself, `*` one segment, a final `**` one or more."""

    assert Grants([grant]).allows(permission) is True


@pytest.mark.parametrize(
    ("grant", "permission"),
    [
        ("chat:write:lobby", "chat:write:lobb"),
        ("chat:write:lobby", "chat:write:lobby:x"),
        ("chat:write:lobby", "chat:read:lobby"),
        ("chat:write:lobby", "Chat:write:lobby"),
        ("chat:write:*", "chat:write"),
        ("chat:write:*", "chat:write:a:b"),
        ("chat:*:lobby", "chat:write:kitchen"),
        ("chat:*:lobby", "chat:lobby"),
        ("chat:*:lobby", "chat:a:b:lobby"),
        ("chat:**", "chat"),
        ("chat:**", "chats:write"),
        ("chat:*:**", "chat:write"),
        ("*:write:**", "chat:read:lobby"),
        ("*", "chat:write"),
    ],
)
def test_grants_do_not_allow(grant: str, permission: str) -> None:
    """No match means no: siblings, parents, children and other spellings are somebody else's."""

    assert Grants([grant]).allows(permission) is False


@pytest.mark.parametrize("grant", ["chat:*", "chat:**", "*:write", "**"])
@pytest.mark.parametrize(
    "permission", ["", ":", "chat:", ":write", "chat::write", "chat:*", "chat:**", "*", "chat:a b"]
)
def test_grants_allow_nothing_malformed(grant: str, permission: str) -> None:
    """A pattern covers well-formed permissions only; a wildcard in what is asked for is no permission."""

    assert Grants([grant]).allows(permission) is False


@pytest.mark.parametrize("permission", ["chat:*", "chat:**", "*", "**", "*:write"])
def test_grants_do_not_take_a_permission_for_a_pattern(permission: str) -> None:
    """Asking for `chat:*` is refused to everybody, also to whoever holds exactly that grant."""

    assert Grants(["chat:write", "chat:read", permission]).allows(permission) is False


@pytest.mark.parametrize("permission", ["chat", "chat:write", "", "*", "**", PUBLIC])
def test_no_grants_allow_nothing(permission: str) -> None:
    """Whoever was given nothing may do nothing."""

    assert NO_GRANTS.allows(permission) is False


@pytest.mark.parametrize(
    ("grant", "fault"),
    [
        ("", "has a space"),
        ("chat write", "has a space"),
        ("chat:\n", "has a space"),
        ("chat:\x00", "has a space"),
        ("chat:café", "has a space"),
        ("chat:{room}", "has a space, a brace"),
        (":chat", "empty segment"),
        ("chat:", "empty segment"),
        ("chat::write", "empty segment"),
        ("chat:**:write", r"\*\* before its end"),
        ("**:**", r"\*\* before its end"),
        ("chat:a*", r"mixes \*"),
        ("chat:***", r"mixes \*"),
        (7, "not int"),
        (None, "not NoneType"),
    ],
)
def test_grants_refuse_malformed(grant: Any, fault: str) -> None:
    """What is no permission and no pattern is an error that says what to write instead."""
    with pytest.raises(ValueError, match=fault) as caught:
        Grants([grant])

    assert "; " in str(caught.value)


def test_grants_refuse_a_bare_string() -> None:
    """One string would otherwise be taken for a list of letters, `*` among them."""
    with pytest.raises(ValueError, match="one string where a list"):
        Grants("chat:*")


def test_grants_show_only_the_start_of_a_long_one() -> None:
    """A grant of 8 KiB from a token does not fill the log."""
    for grants, fault in ((["a" * 8_000 + " "], "has a space"), ("a" * 8_000, "one string where a list")):
        with pytest.raises(ValueError, match=fault) as caught:
            Grants(grants)
        assert 80 == max(len(word) for word in str(caught.value).replace("[", "").split("'"))


def test_grants_are_a_sorted_set() -> None:
    """Twice is once, the order is of no matter, and `in` asks for a grant as written."""
    grants = Grants(["b:*", "a", "b:*"])

    assert ["a", "b:*"] == list(grants)
    assert 2 == len(grants)
    assert "b:*" in grants
    assert "b:c" not in grants
    assert "Grants(['a', 'b:*'])" == repr(grants)


def test_grants_equal_by_content() -> None:
    """Equal grants can be interned: they hash alike, and stand for each other in a dictionary."""
    one, other = Grants(["a", "b:*"]), Grants(iter(["b:*", "a"]))

    assert one == other
    assert hash(one) == hash(other)
    assert {one: 1} == {other: 1}
    assert one != Grants(["a"])
    assert one != {"a", "b:*"}


def test_grants_do_not_change() -> None:
    """What was checked once stays what it is."""
    grants = Grants(["a"])

    with pytest.raises(AttributeError, match="build new ones"):
        grants._all = frozenset({"**"})
    with pytest.raises(AttributeError, match="build new ones"):
        del grants._all
    assert Grants(["a"]) == grants


@pytest.mark.parametrize("grants", [NO_GRANTS, Grants(["a", "b:*", "c:**", "*:d"])])
def test_grants_survive_copies(grants: Grants) -> None:
    """A copy, deep or pickled, allows the same."""
    copies = [copy.copy(grants), copy.deepcopy(grants), pickle.loads(pickle.dumps(grants))]  # noqa: S301  # our own bytes

    assert [grants] * 3 == copies
    assert [grants.allows("b:x")] * 3 == [each.allows("b:x") for each in copies]


LITERALS = st.sampled_from(["a", "b", "ab", "a.b"])
PERMISSIONS = st.lists(LITERALS, min_size=1, max_size=4).map(":".join)
PATTERNS = st.builds(
    lambda segments, rest: ":".join([*segments, *rest]),
    st.lists(LITERALS | st.just("*"), min_size=1, max_size=4),
    st.sampled_from([(), ("**",)]),
) | st.just("**")


def allowed_by_model(patterns: list[str], permission: str) -> bool:
    """The same rules, told by one regular expression for each grant."""
    segment = "[^:*]+"
    return any(
        re.fullmatch(
            ":".join(
                {"*": segment, "**": f"{segment}(?::{segment})*"}.get(part, re.escape(part))
                for part in grant.split(":")
            ),
            permission,
        )
        for grant in patterns
    )


@given(st.lists(PATTERNS, max_size=5), PERMISSIONS | PATTERNS)
@example(["a:*"], "a:*")
@example(["**"], "a")
def test_grants_agree_with_a_model(patterns: list[str], permission: str) -> None:
    """Sets, prefixes and shapes answer as a regular expression per grant would."""

    assert allowed_by_model(patterns, permission) is Grants(patterns).allows(permission)


@given(st.text(max_size=20), st.lists(PATTERNS, max_size=3))
def test_grants_answer_any_text(permission: str, patterns: list[str]) -> None:
    """Whatever is asked for, the answer is yes or no."""

    assert Grants(patterns).allows(permission) in (True, False)


@given(st.lists(st.text(alphabet=":*a{ é", max_size=8), max_size=3))
def test_grants_raise_nothing_but_value_error(grants: list[str]) -> None:
    """Text that cannot be read is a ValueError, and what can be read comes out as it was."""
    try:
        read = set(Grants(grants))
    except ValueError:
        return

    assert set(grants) == read


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("chat:write:{room}", ("room",)),
        ("{tenant}:{board}:draw", ("tenant", "board")),
        ("a:{x}:{x}", ("x",)),
        ("{_x1}", ("_x1",)),
        ("admin", ()),
        (PUBLIC, ()),
    ],
)
def test_template_names_its_fields(text: str, fields: tuple[str, ...]) -> None:
    """The fields come in order, each once."""
    template = PermissionTemplate.parse(text)

    assert fields == template.fields
    assert text == template.text
    assert (text == PUBLIC) is template.is_public


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has an empty segment; drop a colon, or write PUBLIC"),
        ("chat:", "empty segment"),
        ("chat::{room}", "empty segment"),
        ("chat:*", "wildcard"),
        ("chat:**", "wildcard"),
        ("chat:{*}", "wildcard"),
        ("chat:{room", "unclosed brace"),
        ("chat:room}", "unclosed brace"),
        ("chat:{room:>5}", "unclosed brace"),
        ("chat:{{room}", "unclosed brace"),
        ("chat:{}", "no plain field"),
        ("chat:{0}", "no plain field"),
        ("chat:{a.b}", "no plain field"),
        ("chat:{a[0]}", "no plain field"),
        ("chat:{a!r}", "no plain field"),
        ("chat:{ a }", "no plain field"),
        ("chat:{räum}", "no plain field"),
        ("chat:{a}{b}", "mixes"),
        ("chat:{a}-{b}", "mixes"),
        ("chat:{a}b", "mixes"),
        ("chat:room-{a}", "mixes"),
        ("chat:{{room}}", "mixes"),
        ("chat:a b", "no value can equal"),
        ("chat:é", "no value can equal"),
        ("chat:..", "no value can equal"),
        ("chat:" + "a" * 129, "no value can equal"),
        ("(public) ", "no value can equal"),
        (None, "not NoneType; write PUBLIC"),
        (b"chat", "not bytes"),
    ],
)
def test_template_refuses(text: Any, fault: str) -> None:
    """What is no template is a ValueError that names the fault and the remedy."""
    with pytest.raises(ValueError, match=fault) as caught:
        PermissionTemplate.parse(text)

    assert re.search("[;,] ", str(caught.value))


def test_templates_equal_by_text() -> None:
    """Two of one text are one key in a dictionary."""
    one, other = PermissionTemplate.parse("a:{b}"), PermissionTemplate("a:{b}")

    assert one == other
    assert {one: 1} == {other: 1}
    assert one != PermissionTemplate.parse("a:{c}")
    assert "PermissionTemplate(text='a:{b}', fields=('b',), is_public=False)" == repr(one)


def test_template_does_not_change() -> None:
    """What was checked at the start is what is asked for ever after."""
    template = PermissionTemplate.parse("a:{b}")

    with pytest.raises(FrozenInstanceError):
        template.is_public = True  # type: ignore[misc]  # that it cannot be done is the subject


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("lobby", "lobby"),
        ("Lobby_1.a@b+c=d~e|f-g", "Lobby_1.a@b+c=d~e|f-g"),
        ("a" * 128, "a" * 128),
        ("...", "..."),
        (0, "0"),
        (-7, "-7"),
        (2**64 - 1, "18446744073709551615"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Board.LEFT, "left"),
        (Colour.RED, "red"),
        (Floor.GROUND, "0"),
    ],
)
def test_template_fills_in(value: object, segment: str) -> None:
    """A string of the charset, an integer, a UUID and an Enum's value become one segment."""

    assert f"chat:{segment}:write" == PermissionTemplate.parse("chat:{room}:write").fill({"room": value})


IMPOSSIBLE = [
    "",
    ":",
    "a:b",
    "*",
    "**",
    "a*",
    ".",
    "..",
    "../evil",
    "%2e%2e",
    "a b",
    " a",
    "a\n",
    "a\x00",
    "{room}",
    "lobby\u200b",
    "ａdmin",
    "\u043b\u043e\u0431\u0431\u0438",
    "\ud800",
    "a" * 129,
    "a,b",
    "?",
    "[a]",
    True,
    False,
    None,
    1.0,
    b"lobby",
    ["lobby"],
    {"a": 1},
    2**64,
    10**5_000,
    Board.BOTH,
    object(),
]


@pytest.mark.parametrize(
    "value",
    IMPOSSIBLE,
    ids=[ascii(value)[:20] if isinstance(value, str) else type(value).__name__ for value in IMPOSSIBLE],
)
def test_template_denies_what_is_no_segment(value: object) -> None:
    """What cannot be exactly one literal segment is denied, whoever asks, with evidence that names the field."""
    template = PermissionTemplate.parse("chat:write:{room}")

    with pytest.raises(PermissionDenied) as caught:
        template.fill({"room": value})
    assert "{room}" in caught.value.evidence
    assert len(caught.value.evidence) < 800
    assert caught.value.evidence.isascii()
    assert template.allowed(Grants(["**"]), {"room": value}) is False


def test_template_shows_only_the_start_of_a_long_value() -> None:
    """64 characters of it are evidence enough."""
    with pytest.raises(PermissionDenied) as caught:
        PermissionTemplate.parse("chat:write:{room}").fill({"room": "x" * 300})

    assert 64 == caught.value.evidence.count("x")


def test_template_denies_what_is_absent() -> None:
    """A field that is not there is no empty segment: it is denied."""
    template = PermissionTemplate.parse("chat:write:{room}")

    with pytest.raises(PermissionDenied, match="NoneType"):
        template.fill({})
    assert template.allowed(Grants(["**"]), {}) is False


def test_template_takes_a_string_as_it_compares() -> None:
    """A str subclass cannot pass as one text and be filled in as another."""

    class Liar(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "admin"

        def __format__(self, spec: str) -> str:
            return "admin"

    assert "chat:lobby" == PermissionTemplate.parse("chat:{room}").fill({"room": Liar("lobby")})


def test_template_public_is_allowed_to_nobody_in_particular() -> None:
    """PUBLIC needs no grant and no values, and no grant can mean it by accident."""
    template = PermissionTemplate.parse(PUBLIC)

    assert template.allowed(NO_GRANTS, {}) is True
    assert PUBLIC == template.fill({})
    assert PermissionTemplate.parse("public").allowed(Grants([PUBLIC]), {}) is False


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        (["chat:write:lobby"], True),
        (["chat:write:*"], True),
        (["chat:**"], True),
        (["*:write:lobby"], True),
        (["chat:write:kitchen", "chat:read:lobby"], False),
        (["chat:write"], False),
        ([], False),
    ],
)
def test_template_allowed(grants: list[str], expected: bool) -> None:
    """A grant for one room says nothing about its siblings."""
    template = PermissionTemplate.parse("chat:write:{room}")

    assert expected is template.allowed(Grants(grants), {"room": "lobby"})


def test_template_without_fields_is_a_plain_permission() -> None:
    """Without fields nothing is filled in, whatever the values."""
    template = PermissionTemplate.parse("admin:reset")

    assert template.allowed(Grants(["admin:*"]), {"admin": "x"}) is True
    assert template.allowed(Grants(["admin"]), {}) is False


VALUES = st.text(max_size=8) | st.text(alphabet=string.ascii_letters + ":*.{}", max_size=8) | st.integers() | st.none()


@given(VALUES, VALUES)
def test_template_filled_has_as_many_segments_as_written(tenant: object, room: object) -> None:
    """Whatever the values are: a permission that was filled in has three segments, and no wildcard."""
    template = PermissionTemplate.parse("{tenant}:write:{room}")
    values: Mapping[str, object] = {"tenant": tenant, "room": room}
    try:
        filled = template.fill(values)
    except PermissionDenied:
        assert template.allowed(Grants(["**"]), values) is False
        return

    assert [str(tenant), "write", str(room)] == filled.split(":")
    assert "*" not in filled
    assert template.allowed(Grants([filled]), values) is True
    assert template.allowed(Grants(["**"]), values) is True


@given(st.text(alphabet="a{}:*. é!", max_size=12))
def test_template_parse_raises_nothing_but_value_error(text: str) -> None:
    """Any text is a template or a ValueError."""
    try:
        template = PermissionTemplate.parse(text)
    except ValueError:
        return

    assert text == template.text


@pytest.mark.parametrize(
    ("roles", "grants"),
    [
        (["editor"], ("board:*:draw", "board:*:read")),
        (["reader", "editor"], ("board:*:read", "board:*:draw")),
        (["editor", "nobody", "EDITOR", ""], ("board:*:draw", "board:*:read")),
        (["nobody"], ()),
        ([], ()),
        ("editor", ("board:*:draw", "board:*:read")),
    ],
)
def test_roles_expand(roles: list[str], grants: tuple[str, ...]) -> None:
    """Roles give their grants, each once and in order; an unknown role gives nothing; one string is one role."""
    table = {"editor": ["board:*:draw", "board:*:read"], "reader": ["board:*:read"], "e": ["**"]}

    assert grants == expand_roles(roles, table)


def test_role_problems_lists_all() -> None:
    """Every bad grant of the table is reported, and a string where a list belongs."""
    table = {"a": ["ok:*", "bad:", "x**"], "b": "board:*", "c": []}

    assert [
        Problem("roles['a']", "grant 'bad:' has an empty segment", "drop a colon or write *"),
        Problem("roles['a']", "grant 'x**' mixes * with other characters", "* stands for a whole segment"),
        Problem("roles['b']", "'board:*' is one string where a list of grants belongs", "write ['board:*']"),
    ] == list(role_problems(table))


def test_grants_answer_the_same_however_often_and_whatever_they_are_asked() -> None:
    """What patterns have answered is remembered for a few short permissions, and changes no answer."""
    grants = Grants(["room:read:*"])
    names = [*map(str, range(40)), "x" * 300, "x" * 300]
    for _ in range(2):
        assert all(grants.allows(f"room:read:{name}") for name in names)
        assert not any(grants.allows(f"room:write:{name}") for name in names)
    assert [True] * 3 == [grants.allows("room:read:again") for _ in range(3)]
    assert len(grants._known) <= KNOWN_MOST
    assert all(len(permission) <= KNOWN_CHARACTERS for permission in grants._known)


@pytest.mark.parametrize(
    ("resource", "name", "is_about"),
    [
        ("b7", "board:draw:b7", True),
        ("b7", "board:draw:b8", False),
        ("b7", "b7", True),
        ("b7", "board:*", True),
        ("b7", "board:**", True),
        ("board:b7", "board:b7", True),
        ("board:b7", "board:draw:b7", True),
        ("board:b7", "x:board:b7:y", True),
        ("board:b7", "board:draw", False),
        ("board:b7", "b7:board", False),
        ("board:b7", "*:b8", False),
        ("board:b7", "*:b7", True),
        ("board:b7", "**", True),
        ("board:b7", "board:draw:**", True),
        ("a:b:c", "a:b", False),
        ("a:b:c", "a:b:c", True),
        ("a:a", "a", False),
    ],
)
def test_names_that_may_be_about_a_resource(resource: str, name: str, is_about: bool) -> None:
    """Its segments in order, others between them; a wildcard stands for any. One name of several is enough."""

    assert is_about is names_resource(resource, [name])
    assert is_about is names_resource(resource, ["other", name])
    assert names_resource(resource, []) is False
