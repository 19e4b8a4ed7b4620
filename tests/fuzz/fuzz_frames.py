"""Coverage-guided fuzzing of the frame reader against that of `websockets`.

`pip install atheris`, then `python -m tests.fuzz.fuzz_frames CORPUS -max_total_time=600`. The first byte
of an input chooses switches and the number of cuts, the next ones the cuts; the rest is the stream.
"""

import importlib
import sys
from typing import Any

from tests.wire.differential import compare

CUTS = 7
BINARY_SWITCH = 0x08


def fuzz(data: bytes) -> None:
    """Compare the two on one input; an AssertionError is a find."""
    if not data:
        return
    count = data[0] & CUTS
    places, stream = data[1 : 1 + count], data[1 + count :]
    cuts = [place % (len(stream) + 1) for place in places]
    compare(stream, cuts, accepts_binary=bool(data[0] & BINARY_SWITCH), message_bytes=400, frame_bytes=300, fragments=5)


def main() -> None:
    """Let atheris drive."""
    atheris: Any = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
