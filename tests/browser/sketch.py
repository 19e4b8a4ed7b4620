"""What people draw for a picture: boxes with a word in each, arrows between them, and a few lines by hand."""

import math
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

Points = Sequence[tuple[float, float]]

INK, BLUE, GREEN, RED, ORANGE, VIOLET = "#1a1f1d", "#2f5fd0", "#0e7a5f", "#c8372d", "#d9822b", "#7a4fc0"
LETTERS: Final[dict[str, list[Points]]] = {
    "p": [[(0, 4), (0, 10)], [(0, 5), (1, 4), (2.5, 4), (3.3, 5.5), (2.5, 7), (1, 7), (0, 6.3)]],
    "l": [[(0.5, 0), (0.5, 6), (1, 7), (1.8, 7)]],
    "a": [[(3, 4.6), (1.8, 4), (0.5, 4.5), (0, 5.8), (0.8, 7), (2, 6.8), (3, 5.6)], [(3, 4.2), (3, 6.4), (3.6, 7)]],
    "n": [[(0, 4), (0, 7)], [(0, 5.2), (1.2, 4), (2.4, 4.3), (2.8, 5.4), (2.8, 7)]],
    "b": [[(0, 0), (0, 7)], [(0, 5), (1.2, 4), (2.6, 4.4), (3, 5.6), (2.3, 6.9), (1, 7), (0, 6.3)]],
    "u": [[(0, 4), (0, 6), (0.9, 7), (2.2, 6.6), (2.8, 5.4)], [(2.8, 4), (2.8, 7)]],
    "i": [[(0.4, 4), (0.4, 6.4), (1, 7)], [(0.4, 2.3), (0.45, 2.5)]],
    "d": [[(3, 4.8), (2, 4), (0.7, 4.3), (0, 5.6), (0.7, 6.9), (2, 6.9), (3, 5.8)], [(3, 0), (3, 7)]],
    "s": [[(2.4, 4.4), (1.2, 4), (0.3, 4.6), (0.8, 5.4), (2, 5.7), (2.4, 6.4), (1.4, 7), (0.1, 6.6)]],
    "h": [[(0, 0), (0, 7)], [(0, 5.2), (1.2, 4), (2.4, 4.3), (2.8, 5.4), (2.8, 7)]],
    "!": [[(0.5, 0.5), (0.4, 5)], [(0.4, 6.8), (0.45, 7)]],
}


def sketch() -> Iterator[tuple[str, dict[str, Any]]]:
    """Who draws what, one stroke after another."""
    for place, (word, color) in enumerate({"plan": BLUE, "build": ORANGE, "ship!": GREEN}.items()):
        left = 130 + place * 500
        yield "ann", stroke("rectangle", [(left, 260), (left + 330, 450)], color, 7)
        for points in written(word, left + 62, 300, 12.5):
            yield "ann", stroke("freehand", points, INK, 7)
        if place:
            yield "ann", stroke("arrow", [(left - 145, 355), (left - 22, 355)], INK, 7)
    yield "bob", stroke("ellipse", [(595, 215), (995, 500)], RED, 7)
    yield "bob", stroke("arrow", [(640, 720), (745, 530)], RED, 7)
    wave = [(230 + step * 3, 735 + 34 * math.sin(step / 11) * math.exp(-step / 170)) for step in range(120)]
    yield "bob", stroke("freehand", wave, VIOLET, 16)
    sun = [(1330 + 62 * math.cos(turn / 8), 720 + 62 * math.sin(turn / 8)) for turn in range(52)]
    yield "ann", stroke("freehand", sun, ORANGE, 7)
    for turn in range(8):
        x, y = math.cos(turn * math.pi / 4), math.sin(turn * math.pi / 4)
        yield "ann", stroke("line", [(1330 + 88 * x, 720 + 88 * y), (1330 + 124 * x, 720 + 124 * y)], ORANGE, 7)


def written(word: str, left: float, top: float, size: float) -> Iterator[Points]:
    """The lines of a word."""
    for letter in word:
        for line in LETTERS[letter]:
            yield [(left + x * size, top + y * size * 1.05) for x, y in line]
        left += (max(x for line in LETTERS[letter] for x, _ in line) + 1.1) * size


def stroke(shape: str, points: Points, color: str, width: int) -> dict[str, Any]:
    """One stroke, as the page sends it."""
    return {
        "board": "roadmap",
        "stroke": str(uuid.uuid4()),
        "shape": shape,
        "points": [{"x": round(x, 1), "y": round(y, 1)} for x, y in points],
        "color": color,
        "style": {"width": width},
        "drawn_at": "2026-05-04T09:41:00Z",
    }
