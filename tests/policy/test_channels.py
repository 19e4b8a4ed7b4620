"""Names of channels and the patterns that declare them."""

import re
from dataclasses import FrozenInstanceError
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.policy.channels import NAME_LENGTH, ChannelPattern, is_channel_name

NO_NAMES = [
    "",
    ":",
    "::",
    ":room",
    "room:",
    "room::lobby",
    " room:lobby",
    "room:lobby ",
    "room:lobby\n",
    "room:a b",
    "room:\x00",
    "Room:lobby",
    "room:LOBBY",
    "room:café",
    "room:cafe\u0301",
    "room:l\u043ebby",
    "room:lobby\u200b",
    "room:ｌobby",
    "room:\u0131",
    "room:\u212a",
    "room:١",
    "room:..",
    "..:room",
    "room:.",
    "room:../evil",
    "room:%2e%2e",
    "room:a/b",
    "room:a\\b",
    "room:*",
    "room:**",
    "*",
    "room:?",
    "room:[a]",
    "room:{room}",
    "room:a,b",
    "a" * 129,
    "room:" + "a" * 124,
]


@pytest.mark.parametrize(
    "name", ["lobby", "room:lobby", "a:b:c:d", "room:a.b-c_d", "room:...", "room:.hidden", "0", "a" * 128]
)
def test_channel_names(name: str) -> None:
    """Segments of a-z, 0-9, `_`, `.` and `-`, at most 128 characters with the colons."""

    assert is_channel_name(name) is True


@pytest.mark.parametrize("name", [*NO_NAMES, None, 7, b"room", ["room"]], ids=lambda name: ascii(name)[:24])
def test_channel_names_refused(name: object) -> None:
    """Everything else is no name; nothing is trimmed, folded or decoded first."""

    assert is_channel_name(name) is False


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        ("room:{room}", "room:lobby", {"room": "lobby"}),
        ("tenant:{tenant}:orders:{order}", "tenant:acme:orders:7", {"tenant": "acme", "order": "7"}),
        ("news", "news", {}),
        ("{any}", "news", {"any": "news"}),
        ("a.b:{c}", "a.b:c", {"c": "c"}),
        ("room:{room}", "room:007", {"room": "007"}),
    ],
)
def test_pattern_matches(pattern: str, name: str, fields: dict[str, str]) -> None:
    """The segments that stand for fields come back as they are."""

    assert fields == ChannelPattern.parse(pattern).match(name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("room:{room}", "room"),
        ("room:{room}", "rooms:lobby"),
        ("room:{room}", "room:lobby:x"),
        ("room:{room}", "xroom:lobby"),
        ("a.b:{c}", "axb:c"),
        ("news", "newsx"),
        *[("room:{room}", name) for name in NO_NAMES],
        *[("{room}", name) for name in NO_NAMES],
    ],
)
def test_pattern_does_not_match(pattern: str, name: str) -> None:
    """Other names do not fit, and what is no name fits nothing."""

    assert ChannelPattern.parse(pattern).match(name) is None


def test_pattern_tells_its_fields() -> None:
    """In order, for the registry to compare with the schema."""
    pattern = ChannelPattern.parse("tenant:{tenant}:{userId}")

    assert ("tenant", "userId") == pattern.fields
    assert "tenant:{tenant}:{userId}" == pattern.text
    assert "ChannelPattern(text='tenant:{tenant}:{userId}', fields=('tenant', 'userId'))" == repr(pattern)


def test_patterns_equal_by_text() -> None:
    """Two of one text are one key in a dictionary."""

    assert {ChannelPattern.parse("a:{b}"): 1} == {ChannelPattern("a:{b}"): 1}
    assert ChannelPattern.parse("a:{b}") != ChannelPattern.parse("a:{c}")


def test_pattern_does_not_change() -> None:
    """What was compared for clashes at the start is what names are matched with."""
    pattern = ChannelPattern.parse("a:{b}")

    with pytest.raises(FrozenInstanceError):
        pattern.text = "a:c"  # type: ignore[misc]  # that it cannot be done is the subject


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty segment; drop a colon"),
        ("room:", "empty segment"),
        ("room::{a}", "empty segment"),
        ("room:*", "has a wildcard"),
        ("room:{*}", "has a wildcard"),
        ("room:{a", "no plain field"),
        ("room:{a.b}", "no plain field"),
        ("room:a}", "no plain field"),
        ("room:{}", "no plain field"),
        ("room:{1}", "no plain field"),
        ("room:{a}{b}", "no plain field"),
        ("room:x-{a}", "no plain field"),
        ("room:{a!r}", "no plain field"),
        ("room:{räum}", "no plain field"),
        ("Room:{a}", "no name can have; use a-z"),
        ("room :{a}", "no name can have"),
        ("room:..", "no name can have"),
        ("é", "no name can have"),
        ("{a}:{a}", "names a field twice"),
        ("a" * 129, "fits no name"),
        ("{field}:" + "a" * 127, "fits no name"),
        (None, "not NoneType; write it as 'room:{room}'"),
    ],
)
def test_pattern_refuses(text: Any, fault: str) -> None:
    """What is no pattern is a ValueError that names the fault and the remedy."""
    with pytest.raises(ValueError, match=fault) as caught:
        ChannelPattern.parse(text)

    assert "; " in str(caught.value)


def test_pattern_may_be_as_long_as_a_name() -> None:
    """A field counts as the one character that it needs at least."""
    pattern = ChannelPattern.parse("{a_rather_long_field}:" + "b" * 126)

    assert {"a_rather_long_field": "x"} == pattern.match("x:" + "b" * 126)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("room:{a}", "room:{b}", True),
        ("room:{a}", "room:lobby", True),
        ("{a}:lobby", "room:{b}", True),
        ("room:lobby", "room:lobby", True),
        ("room:{a}", "rooms:{a}", False),
        ("room:{a}", "room:{a}:{b}", False),
        ("room:{a}:x", "room:{a}:y", False),
        ("{a}:" + "x" * 63, "y" * 64 + ":{b}", True),
        ("{a}:" + "x" * 64, "y" * 64 + ":{b}", False),
    ],
)
def test_patterns_overlap(one: str, other: str, expected: bool) -> None:
    """Two patterns clash when some name of at most 128 characters fits both."""
    first, second = ChannelPattern.parse(one), ChannelPattern.parse(other)

    assert expected is first.overlaps(second)
    assert expected is second.overlaps(first)


SEGMENTS = ["a", "b", "{x}", "{y}", "{z}"]
NAMES = [":".join(parts) for count in (1, 2, 3) for parts in product("abc", repeat=count)]


def distinct_fields(segments: list[str]) -> bool:
    """A pattern may name a field only once."""
    fields = [segment for segment in segments if segment.startswith("{")]
    return len(fields) == len(set(fields))


PATTERNS = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).filter(distinct_fields).map(":".join)


@given(PATTERNS, PATTERNS)
def test_patterns_overlap_agrees_with_trying(one: str, other: str) -> None:
    """It is true exactly when trying all short names finds one that fits both."""
    first, second = ChannelPattern.parse(one), ChannelPattern.parse(other)
    both = [name for name in NAMES if first.match(name) is not None and second.match(name) is not None]

    assert bool(both) is first.overlaps(second)


def is_name_by_the_letter(text: str) -> bool:
    """The same rule without a regular expression."""
    segments = text.split(":")
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789_.-")
    return len(text) <= NAME_LENGTH and all(
        segment not in ("", ".", "..") and set(segment) <= allowed for segment in segments
    )


TEXTS = st.text(max_size=140) | st.text(alphabet="ab.:-_*{}A ", max_size=12)


@given(TEXTS)
@example("a" * 128)
@example("a" * 129)
@example("a:..")
def test_channel_names_agree_with_the_letter(text: str) -> None:
    """The expression says what the rule says, for any text."""

    assert is_name_by_the_letter(text) is is_channel_name(text)


@given(TEXTS, TEXTS)
def test_pattern_returns_only_segments(first: str, second: str) -> None:
    """Whatever matched, put together again, is the name."""
    name = f"tenant:{first}:{second}"
    fields = ChannelPattern.parse("tenant:{a}:{b}").match(name)

    assert (fields is not None) is (is_name_by_the_letter(name) and name.count(":") == 2)
    assert fields is None or name == f"tenant:{fields['a']}:{fields['b']}"


@given(st.text(alphabet="a{}:*. éA_", max_size=12) | st.text(max_size=20))
def test_pattern_parse_raises_nothing_but_value_error(text: str) -> None:
    """Any text is a pattern or a ValueError."""
    try:
        pattern = ChannelPattern.parse(text)
    except ValueError:
        return

    assert len(pattern.fields) == len(re.findall("{", text))
