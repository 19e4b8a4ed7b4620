"""Waits of the tests end: when what is waited for is there, or with a word of what was not."""

from collections.abc import Awaitable, Callable

import pytest

from tests import waiting
from tests.kits import in_loop
from tests.waiting import until, until_found, until_turned


async def nothing() -> str:
    """What is found in vain."""
    return "nothing"


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (lambda: until(lambda: False, "Godot"), "waited in vain for Godot"),
        (lambda: until_found("something", nothing), "waited in vain for 'something'; it was 'nothing'"),
        (lambda: until_turned(lambda: False), "the loop has turned in vain"),
    ],
    ids=["until", "until_found", "until_turned"],
)
@in_loop
async def test_waiting_ends_without_what_is_waited_for(
    wait: Callable[[], Awaitable[None]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it was."""
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.0)

    with pytest.raises(AssertionError, match=said):
        await wait()


@in_loop
async def test_waiting_ends_with_what_is_waited_for() -> None:
    """However often it has to look."""
    looks = iter(range(10))

    async def found() -> int:
        return next(looks)

    await until(lambda: next(looks) == 2)
    await until_found(5, found)
    await until_turned(lambda: next(looks) == 8)

    assert 9 == next(looks)
