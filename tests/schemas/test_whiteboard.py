"""The whiteboard: strokes with points, a style and tags."""

import json
from typing import Any

import pytest

from schemas.whiteboard import Draw, Drawn
from tornado_wssec import Grants, InvalidMessage, Registry

REGISTRY = Registry.scan("schemas.whiteboard")
DRAW = REGISTRY.resolve("board.draw")
STROKE: dict[str, Any] = {
    "board": "b1",
    "stroke": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "shape": "freehand",
    "points": [{"x": 100.25 + n, "y": 1_000.5 - n} for n in range(20)],
    "color": "#2b6cb0",
    "style": {"width": 3, "opacity": 0.8, "dash": "solid"},
    "drawn_at": "2026-01-31T12:00:00.250000+00:00",
    "tags": ["draft", "architecture"],
}


def test_whiteboard_stroke_is_loaded_and_drawn() -> None:
    """What one client draws the others get, and nothing else than that and who it was."""
    loaded = DRAW.load(STROKE)
    drawn = REGISTRY.outbound(Drawn).dump({**loaded, "author": "ann"})

    assert Draw is DRAW.message
    assert {**STROKE, "author": "ann"} == drawn


def test_whiteboard_stroke_is_of_common_size() -> None:
    """About 1 KB with twenty points: what the benchmarks call a medium message."""

    assert 700 < len(json.dumps(STROKE)) < 1_300


def test_whiteboard_stroke_may_be_short() -> None:
    """Tags and the finer points of style have defaults."""
    short = {name: value for name, value in STROKE.items() if name != "tags"} | {"style": {"width": 1}}
    loaded = DRAW.load(short)

    assert ([], {"width": 1, "opacity": 1.0, "dash": "solid"}) == (loaded["tags"], loaded["style"])


@pytest.mark.parametrize(
    "change",
    [
        {"board": "B1"},
        {"stroke": "x"},
        {"shape": "polygon"},
        {"points": []},
        {"points": STROKE["points"] * 11},
        {"points": [{"x": 1}]},
        {"points": [{"x": 1, "y": "2"}]},
        {"points": [{"x": 1, "y": 1e9}]},
        {"points": [{"x": 1, "y": 2, "z": 3}]},
        {"color": "#2B6CB0"},
        {"color": "#2b6cb0\n"},
        {"style": {"width": 1.0}},
        {"style": {"width": 65}},
        {"style": {"width": 1, "onclick": "x"}},
        {"drawn_at": "2026-01-31T12:00:00"},
        {"tags": ["x"] * 9},
        {"tags": [""]},
        {"author": "ann"},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_whiteboard_stroke_is_refused(change: dict[str, Any]) -> None:
    """Each field has its bounds, also inside of lists and of the style."""
    with pytest.raises(InvalidMessage):
        DRAW.load({**STROKE, **change})


def test_whiteboard_asks_for_the_board() -> None:
    """Drawing on one board says nothing about another, and viewing is another right."""
    values = DRAW.permission_values(DRAW.load(STROKE))
    grants = [Grants([grant]) for grant in ("board:b1:draw", "board:b2:draw", "board:b1:view")]

    assert DRAW.permission is not None
    assert [True, False, False] == [DRAW.permission.allowed(held, values) for held in grants]


def test_whiteboard_boards_are_channels() -> None:
    """Listening asks for the right to view."""
    found = REGISTRY.channel("board:b1")

    assert found is not None
    assert ("board:{board}:view", {"board": "b1"}) == (found[0].subscribe.text, found[1])
