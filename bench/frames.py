"""What reading frames costs, beside the parsers of `websockets` and `wsproto`: `python -m bench.frames`.

Each row is a shape of traffic; each figure the median time a frame, over rounds in which the readers
take turns, and how many times ours that is. `wsproto` takes part where it is installed.
"""

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

from tornado.util import _websocket_mask
from websockets.protocol import OPEN, Protocol, Side

from tornado_wssec.settings import KiB, Limits, MiB
from tornado_wssec.wire.masking import unmask
from tornado_wssec.wire.reader import FrameReader

from .process import CLIENT_CORE, pin

KEY: Final = b"\x37\xfa\x21\x3d"
TEXT: Final = 0x81
PING: Final = 0x89
LIMITS: Final = Limits(message_bytes=MiB, frame_bytes=MiB)

Feed = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of traffic.

    Args:
        name: as it is printed.
        stream: the bytes of one go.
        step: how many of them come at a time.
        frames: how many frames they are.
        goes: how often one measurement feeds them.
    """

    name: str
    stream: bytes
    step: int
    frames: int
    goes: int

    @property
    def chunks(self) -> list[bytes]:
        """The stream as it arrives."""
        return [self.stream[start : start + self.step] for start in range(0, len(self.stream), self.step)]


def frame(first: int, payload: bytes) -> bytes:
    """A client's frame."""
    size = len(payload)
    if size < 126:
        header = bytes((first, 0x80 | size))
    elif size < 64 * KiB:
        header = bytes((first, 0x80 | 126)) + size.to_bytes(2)
    else:
        header = bytes((first, 0x80 | 127)) + size.to_bytes(8)
    return header + KEY + unmask(KEY, payload)


def shapes() -> tuple[Shape, ...]:
    """The shapes of traffic, from polite to hostile."""
    small, large = frame(TEXT, b"x" * 126), frame(TEXT, b"x" * 64 * KiB)
    return (
        Shape("126 bytes, alone in a read", small, MiB, 1, 5_000),
        Shape("126 bytes, 16 in a read", small * 16, MiB, 16, 500),
        Shape("126 bytes, not ASCII", frame(TEXT, "é".encode() * 63), MiB, 1, 5_000),
        Shape("1 KiB", frame(TEXT, b"x" * KiB), MiB, 1, 3_000),
        Shape("64 KiB, in one read", large, MiB, 1, 100),
        Shape("64 KiB, 16 KiB a read", large, 16 * KiB, 1, 100),
        Shape("64 KiB, a byte a read", large, 1, 1, 1),
        Shape("a flood of pings, 1,000 a read", frame(PING, b"ping") * 1_000, MiB, 1_000, 5),
    )


def ours_compiled() -> Feed:
    """Our reader, with the compiled function that Tornado brings."""
    return FrameReader(LIMITS, unmask=_websocket_mask).feed


def ours_pure() -> Feed:
    """Our reader as it is."""
    return FrameReader(LIMITS).feed


def websockets() -> Feed:
    """The protocol of websockets; what it would write is thrown away."""
    protocol = Protocol(Side.SERVER, state=OPEN, max_size=MiB)

    def feed(data: bytes) -> object:
        protocol.receive_data(data)
        protocol.data_to_send()
        return protocol.events_received()

    return feed


def wsproto() -> Feed:
    """The connection of wsproto."""
    module: Any = importlib.import_module("wsproto.connection")
    connection = module.Connection(module.ConnectionType.SERVER)

    def feed(data: bytes) -> object:
        connection.receive_data(data)
        return list(connection.events())

    return feed


def measured(make: Callable[[], Feed], shape: Shape) -> float:
    """Nanoseconds a frame."""
    feed, chunks = make(), shape.chunks
    start = perf_counter_ns()
    for _ in range(shape.goes):
        for chunk in chunks:
            feed(chunk)
    return (perf_counter_ns() - start) / shape.goes / shape.frames


def compared(readers: Mapping[str, Callable[[], Feed]], shape: Shape, rounds: int) -> Mapping[str, float]:
    """The median of each reader; they take turns, so that a busy moment hits all."""
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, make in readers.items():
            times[name].append(measured(make, shape))
    return {name: median(each) for name, each in times.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.frames", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often the readers take turns (default: 7)")
    rounds = parser.parse_args().rounds
    pin(0, CLIENT_CORE)
    readers: dict[str, Callable[[], Feed]] = {"ours": ours_compiled, "ours, pure": ours_pure, "websockets": websockets}
    if importlib.util.find_spec("wsproto"):
        readers["wsproto"] = wsproto
    print(f"{'ns a frame':32}" + "".join(f"{name:>20}" for name in readers))
    for shape in shapes():
        medians = compared(readers, shape, rounds)
        cells = (f"{each:,.0f} ({each / medians['ours']:.1f}×)" for each in medians.values())
        print(f"{shape.name:32}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
