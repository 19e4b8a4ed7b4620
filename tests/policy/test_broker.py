"""What travels between nodes, and what of it is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.broker import Broadcast, Resumed

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS)
def test_broadcast_arrives_as_it_left(channel: str, data: str, needs: str | None, key: str | None) -> None:
    """With the number that the broker gave it."""
    text = json.dumps({"text": data}, ensure_ascii=False)
    sent = Broadcast(channel=channel, type="t", data=text, needs=needs, key=key, id="i", origin="n")

    assert sent.numbered(7) == Broadcast.from_text(sent.to_text(), 7)
    assert sent == Broadcast.from_text(sent.to_text())


def test_broadcast_travels_as_it_is_written() -> None:
    """A letter is itself: six characters for each would make a Chinese line three times as long."""

    assert '"誰"' in Broadcast(channel="誰", type="t", data="{}", needs=None, id="i", origin="n").to_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '["c","t","{}","","k","i"]',
        '["c","t","{}","","k","i","n","more"]',
        '["c","t",1,"",null,"i","n"]',
        '["c","t","{}",1,null,"i","n"]',
        '["c","t","{}","",["k"],"i","n"]',
        '["c","t","","",null,"i","n"]',
        '["c","t","[]","",null,"i","n"]',
        '["c","t","{},1","",null,"i","n"]',
        '["c","t","{\\"n\\":NaN}","",null,"i","n"]',
        '["c","t","{\\"n\\":\\"\\ud800\\"}","",null,"i","n"]',
        json.dumps(["c", "t", '{"n":' + "[" * 100_000, "", None, "i", "n"]),
        "[" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_broadcast_of_somebody_else(text: str) -> None:
    """What is none of ours is refused, and nothing of it is told."""
    with pytest.raises(ValueError, match=r"^this is no publication of ours$"):
        Broadcast.from_text(text)


@pytest.mark.parametrize(
    ("is_whole", "holes", "told"),
    [
        (True, set(), [1, 2]),
        (False, set(), [None, 1, 2]),
        (False, {1}, [1, None, 2]),
        (False, {0, 2}, [None, 1, 2, None]),
    ],
)
def test_resumed_tells_where_something_is_missing(is_whole: bool, holes: set[int], told: list[int | None]) -> None:
    """A gap stands before what is known behind it, in front of all where nobody knows where, or at the end."""
    missed = [Broadcast(channel="c", type="t", data="{}", needs=None, id="i", origin="n", seq=seq) for seq in (1, 2)]
    resumed = Resumed(2, missed, is_whole, frozenset(holes))

    assert told == [None if one is None else one.seq for one in resumed.in_order(None)]


def test_resumed_is_whole_unless_it_says_otherwise() -> None:
    """Where nothing has been missed nobody is told of a gap."""
    assert [] == list(Resumed(2).in_order(None))
