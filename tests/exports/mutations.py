"""Messages that are nearly valid: one thing is changed at one place, by a seeded choice."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

OTHERS: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 1.0, 0.5, -0.5, 7, 64, 1e15, 2**53, -1e-9, 10**6, 10**13),
    *(
        "",
        "a",
        "k",
        "x",
        "RED",
        "red",
        "1",
        "01",
        "-1",
        "1.5",
        "1e3",
        "NaN",
        "٣",
        "é",
        "e\u0301",
        "a\n",
        "\u202e",
        "\U0001f600",
    ),
    *(
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00:00+01:00",
        "2026-01-31t12:00:00z",
        "2026-01-31",
        "20260131",
        "2026-W05-6",
    ),
    *("0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-01-31T12:00:00.1234567Z", "12:00", "00:30:00", "24:00:00"),
    *(
        "{0f8fad5b-d9cb-469f-a165-70867728950e}",
        "0F8FAD5B-D9CB-469F-A165-70867728950E",
        "0f8fad5bd9cb469fa16570867728950e",
    ),
    *(
        "10.0.0.1",
        "10.0.0.256",
        "::1",
        "fe80::1%eth0",
        "https://example.com",
        "javascript:alert(1)",
        "0.0000001",
        "000",
    ),
    *([], ["a"], [1], [None], {}, {"a": 1}, {"key": "k"}, "x" * 65, "x" * 3_000, [[]], ["a", "c"]),
)
"""What a value is replaced by: of another kind, at a limit, or in another spelling."""


class Mutated(NamedTuple):
    """A message, and the path of what was changed in it."""

    path: tuple[str | int, ...]
    data: dict[str, Any]


def mutated(sample: Mapping[str, Any], count: int, seed: int) -> Iterator[Mutated]:
    """Yield so many messages that differ from a valid one in one place."""
    chance = random.Random(seed)
    for _ in range(count):
        data = copy.deepcopy(dict(sample))
        path = chance.choice(list(_paths(data)))
        yield Mutated(_changed(data, path, chance), data)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value below this one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*path, key)
        yield from _paths(below, (*path, key))


def _changed(data: dict[str, Any], path: tuple[str | int, ...], chance: random.Random) -> tuple[str | int, ...]:
    """Change what stands there, or something beside it; return the path of what is changed."""
    holder: Any = data
    for key in path[:-1]:
        holder = holder[key]
    key, value = path[-1], holder[path[-1]]
    match chance.randrange(10):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 0:
            holder.append(value)
            return path[:-1]
        case 1 if isinstance(holder, dict):
            holder["Unknown"] = value
            return path[:-1]
        case 2 if isinstance(value, str):
            holder[key] = chance.choice(
                (value + "\n", value.upper(), value[:-1], value * 2, value + " ", "\0", value[::-1])
            )
        case 2 if isinstance(value, list):
            holder[key] = chance.choice((value * 3, value[:-1], value * 50, [*value, None], {"a": 1}))
        case 2 if isinstance(value, dict):
            holder[key] = chance.choice(([value], {**value, "z": 1}, {f"k{n}": 1 for n in range(99)}, {"": 1}))
        case 2 if isinstance(value, (int, float)):
            holder[key] = chance.choice((value + 1, -value, value * 1e6, str(value), float(value), value / 7))
        case _:
            holder[key] = copy.deepcopy(chance.choice(OTHERS))
    return path
