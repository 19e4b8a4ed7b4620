"""Ten thousand authenticated clients on one process, all talking. `make soak` does it for ten minutes."""

import pytest

from tests.processes.crowd import CLIENTS, MARGIN_BYTES, PACE_SECONDS, crowd, require_descriptors

SECONDS = 60.0


@pytest.mark.requirement("R092")
def test_ten_thousand_clients_talk_on_one_process() -> None:
    """Nobody is cut off, everything is answered before the next is asked, and memory does not grow by talking."""
    require_descriptors()
    before, after = crowd(CLIENTS, 1, SECONDS)

    assert after.messages > CLIENTS * (SECONDS / PACE_SECONDS) * 0.9
    assert (0, 0) == (before.skipped, after.skipped)
    assert after.resident_bytes - before.resident_bytes < MARGIN_BYTES
