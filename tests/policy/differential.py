"""The ways through a schema side by side: what the short ones accept, marshmallow accepts with an equal result.

The slow way is that of `Registry(..., compiled=False)`: strict JSON, then marshmallow alone.
"""

import datetime as dt
import enum
from collections import Counter
from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from tests.policy.mutants import mutated_text
from tornado_wssec.errors import FrameError, OutboundInvalid
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.typed import Decoder
from tornado_wssec.settings import Limits

LIMITS: Final = Limits()
ODD: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        0,
        1,
        -1,
        2**53,
        0.5,
        float("nan"),
        float("inf"),
        "",
        "a",
        "\0",
        "\ud800",
        "x" * 70,
        b"a",
        [],
        {},
        (),
    ),
    *(
        UUID(int=7),
        dt.datetime(2026, 1, 31, tzinfo=dt.UTC),
        dt.datetime.fromisoformat("2026-01-31T12:00:00"),
        dt.date(2026, 1, 31),
    ),
    *(dt.timedelta(1), object(), {"a": 1}, [None], ["a"], "2026-01-31T12:00:00Z"),
)


class Pair:
    """One type of message on both ways.

    Args:
        message: its class.
        sample: valid data, as it stands on the wire.
        envelope: how it is wrapped.
    """

    def __init__(self, message: Any, sample: Mapping[str, Any], envelope: Envelope | None = None) -> None:
        self.envelope = envelope or Envelope()
        self.fast, self.slow = _spec(message, compiled=True), _spec(message, compiled=False)
        self.sample = sample
        # Also where a direction, a signature or a claim keeps a frame of the type from being read so.
        bare = SimpleNamespace(
            type=self.fast.type,
            max_bytes=self.fast.max_bytes,
            typable=self.fast._ways.typable,
            filled_from=self.fast.filled_from,
        )
        self.decoder = Decoder.of({self.fast.type: bare}, self.envelope, LIMITS)

    def compare(self, seed: int, count: int) -> Counter[str]:
        """Compare on mutants of the sample; how often each way accepted.

        Raises:
            AssertionError: the ways differ; names the seed.
        """
        seen: Counter[str] = Counter()
        head = {self.envelope.type_key: self.fast.type, "id": "a1"}
        whole = {**head, **self.sample} if self.envelope.is_flat else {**head, "data": dict(self.sample)}
        for one in range(seed, seed + count):
            rng = Random(one)
            text = mutated_text(whole, rng)
            try:
                seen += self.compare_text(text, rng)
            except Exception as error:
                raise AssertionError(f"{self.fast.type}, seed {one}, {text!r}: {error!r}") from error
        return seen

    def compare_text(self, text: str, rng: Random) -> Counter[str]:
        """Compare on one text: from it to data, and where that was accepted, from the data changed to JSON."""
        seen: Counter[str] = Counter(texts=1)
        data, message_id, expected = self._slow(text)
        if self.decoder is not None:
            found = self.decoder.decode(text, len(text.encode("utf-8", "surrogatepass")))
            if found is not None:
                seen["typed"] += 1
                assert expected is not None
                assert (self.fast.type, message_id) == (found[0].type, found[1])
                assert is_same(expected, found[2]), (expected, found[2])
        if data is not None and self.fast._ways.load is not None:
            loaded = self.fast._ways.load(data)
            seen["compiled"] += loaded is not None
            if loaded is not None or self.fast._ways.is_final:
                assert is_same(expected, loaded), (expected, loaded)
        if expected is not None:
            seen["accepted"] += 1
            self._compare_dumps(_odd(expected, rng), seen)
        return seen

    def _slow(self, text: str) -> tuple[dict[str, Any] | None, str | None, dict[str, Any] | None]:
        """The data in a text, its id, and what marshmallow makes of it."""
        try:
            incoming = self.envelope.parse(text, LIMITS)
        except FrameError:
            return None, None, None
        if incoming.type != self.slow.type or incoming.size > (self.slow.max_bytes or LIMITS.message_bytes):
            return None, None, None
        try:
            return incoming.data, incoming.id, self.slow.load(incoming.data)
        except FrameError:
            return incoming.data, incoming.id, None

    def _compare_dumps(self, data: dict[str, Any], seen: Counter[str]) -> None:
        short = self.fast._ways.dump
        ready = None if short is None else short(data)
        if ready is None:
            return
        seen["dumped"] += 1
        try:
            expected = self.slow.dump(data)
        except OutboundInvalid as error:
            raise AssertionError(f"sent, though {error}: {ready!r}") from error
        assert is_same(expected, ready), (expected, ready)


def _spec(message: Any, *, compiled: bool) -> MessageSpec:
    registry = Registry(message, strict=False, compiled=compiled)
    assert registry.messages, registry.problems()
    return next(iter(registry.messages.values()))


def _odd(data: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Data with something in it that an application should not send, or that another field would."""
    changed = dict(data)
    if rng.random() < 0.7:
        holder: Any = changed
        while holder:
            key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            inner = holder[key]
            if isinstance(inner, (dict, list)) and inner and rng.random() < 0.6:
                holder[key] = holder = inner.copy()
            else:
                holder[key] = rng.choice((*ODD, *data.values()))
                break
    return changed


def is_same(one: object, other: object) -> bool:
    """Whether two values are equal and of the same types throughout; 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, (dt.datetime, dt.time)) and isinstance(other, (dt.datetime, dt.time)):
        return one == other and one.utcoffset() == other.utcoffset()
    return one is other if isinstance(one, enum.Enum) else one == other
