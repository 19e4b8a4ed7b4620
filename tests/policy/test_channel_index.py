"""The pattern of a channel's name is found as if each were asked, and without asking each."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.channel_index import ChannelIndex
from tornado_wssec.policy.channels import NAME_LENGTH, ChannelPattern

SEGMENTS = st.sampled_from(["a", "b", "c.d", "{f}", "{g}", "{h}"])
PATTERNS = st.lists(st.lists(SEGMENTS, min_size=1, max_size=4).map(":".join), max_size=8)
NAMES = st.lists(st.sampled_from(["a", "b", "c.d", "x", "", "{f}", ".."]), min_size=1, max_size=5).map(":".join)


def patterns_of(*texts: str) -> Iterator[tuple[ChannelPattern, str]]:
    """Those that can be patterns, each with its text."""
    for text in texts:
        try:
            yield ChannelPattern.parse(text), text
        except ValueError:  # a field twice
            continue


def fitting(index: ChannelIndex[str], name: str) -> list[str]:
    """The patterns that a name fits."""
    return [text for text in index.candidates(name) if ChannelPattern.parse(text).match(name) is not None]


@given(PATTERNS, NAMES)
def test_index_finds_what_asking_each_finds(texts: list[str], name: str) -> None:
    """Whatever is declared, also what could not start since a name fits two."""
    known = list(patterns_of(*texts))

    assert sorted(text for pattern, text in known if pattern.match(name) is not None) == sorted(
        fitting(ChannelIndex(known), name)
    )


def test_index_asks_few_of_many() -> None:
    """Of a thousand kinds the one that the name is of, wherever they differ."""
    texts = [f"kind{number}:{{x}}" for number in range(1_000)]
    texts += [f"{{tenant}}:kind{number}:{{x}}" for number in range(1_000)]
    index = ChannelIndex(patterns_of(*texts))

    assert ["kind7:{x}"] == list(index.candidates("kind7:a"))
    assert ["{tenant}:kind999:{x}"] == list(index.candidates("kind7:kind999:a"))
    assert [] == list(index.candidates("kind1000:a"))


@pytest.mark.parametrize(
    "name", ["room", "room:a:b", "", "room:", "a" * (NAME_LENGTH + 1), "room:" + "a" * NAME_LENGTH]
)
def test_index_finds_nothing_of_a_name_of_no_kind(name: str) -> None:
    """Too short, too long, or with too few or too many segments."""
    assert [] == fitting(ChannelIndex(patterns_of("room:{room}")), name)


def test_index_finds_the_longest_name() -> None:
    """A name is as long as it may be, and no longer."""
    index = ChannelIndex(patterns_of("a:{x}"))
    longest = "a:" + "x" * (NAME_LENGTH - 2)

    assert (["a:{x}"], []) == (list(index.candidates(longest)), list(index.candidates(longest + "x")))
