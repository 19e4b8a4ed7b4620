"""Many random streams through our reader and that of `websockets`: what the one says, the other says."""

import pytest

from tests.wire.differential import DIFFERENCES, compare_seeds

STREAMS = 50_000
SHARES = 10


@pytest.mark.parametrize("share", range(SHARES))
def test_f23_streams_read_as_websockets_reads_them(share: int) -> None:
    """Valid, broken and mutated streams, cut anywhere: same frames, same close codes, nothing held above the cap.

    They differ only in what `DIFFERENCES` tells the reason of, and in each of these ways.
    """
    count = STREAMS // SHARES
    seen = compare_seeds(share * count, count)

    assert {"", *DIFFERENCES} == set(seen)
    assert seen[""] > count // 2
