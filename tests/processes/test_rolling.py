"""A new version comes: each process in turn says goodbye and starts again, and nobody loses anything."""

from pathlib import Path

import pytest

from tests.stores.kit import in_loop
from tests.stores.redis_kit import prefix_of

from .rolling import roll
from .sharing import environment_of

PEOPLE = 48
PER_SECOND = 10.0


@pytest.mark.requirement("R089")
@in_loop
async def test_rolling_restart_loses_nothing_and_brings_no_rush(redis_url: str, tmp_path: Path) -> None:
    """Everybody hears all that was acknowledged, once; everybody is back before the next goes; nobody all at once.

    The last server has half of the people by then. Were they told together, that would be in one moment. Told in
    their turn, and each spread over one more second, at most those of two seconds can meet in one, but for a pause of
    the machine.
    """
    shared = environment_of(f"{redis_url}?prefix={prefix_of(tmp_path)}", tmp_path)
    figures = await roll(shared, tmp_path, people=PEOPLE, per_second=PER_SECOND)

    assert figures.said > 100
    assert figures.returns > PEOPLE
    assert figures.told <= 2 * PER_SECOND, figures
    assert figures.came <= 2.5 * PER_SECOND, figures
