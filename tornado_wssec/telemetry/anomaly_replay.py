"""Judges recorded traffic: which alerts a server would have raised over what its audit holds.

What a minute's lines say of bytes and messages is spread evenly over the minute that follows, and of whoever is not
in them by name only the average is known: alerts about what was sent may come a minute late. Of refusals that were
only counted it is taken that they came from the addresses that were told before.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import inf
from re import Pattern
from re import compile as pattern
from typing import Any, Final

from ..policy.proxies import quota_key
from ..settings import Limits, Timeouts
from .anomaly import Detector
from .anomaly_alerts import Alert, Whom
from .anomaly_egress import Sample
from .sampling import KINDS_MOST

MINUTE: Final = 60.0
GAP_SECONDS: Final = 3_600.0
"""Without any line: nobody was there, and it is skipped."""
NAMELESS_MOST: Final = 65_536
"""Sessions of nobody in particular that are followed at once."""
UNTOLD: Final[Pattern[str]] = pattern(r"refusals with (\d{1,3}) at ([a-z_ ]{1,32})")
UNAUTHENTICATED: Final = 4401
TRY_AGAIN_LATER: Final = 1013


LATEST: Final = 1e11
"""Wall seconds: in the sixth millennium. A line from later is none of ours, and time would stand still there."""
LATELY: Final = 20
"""Refusals of a kind that are told one by one, before they are only counted."""
NOBODY: Final = "anonymous"
"""The subject of who is nobody in particular."""


def alerts_of(events: Iterable[Mapping[str, Any]], limits: Limits, timeouts: Timeouts) -> Iterator[Alert]:
    """Every alert when it begins, and again when it is over, in the order of time.

    Args:
        events: of an audit, the oldest first.
        limits, timeouts: in force then.
    """
    replay: Replay | None = None
    at = 0.0
    for event in events:
        if not 0.0 <= event["at"] <= LATEST:
            continue
        at = max(float(event["at"]), at)
        replay = replay or Replay(limits, timeouts, at)
        yield from replay.until(at)
        replay.take(event, at)
    if replay is not None:
        yield from replay.until(at + MINUTE)


class Replay:
    """Has a detector see what was recorded.

    Args:
        now: wall seconds, as all times here.
    """

    def __init__(self, limits: Limits, timeouts: Timeouts, now: float) -> None:
        self._look = timeouts.alert_look
        self._look_at = now + self._look
        self._detector = Detector(limits, now)
        self._minute: dict[Whom, tuple[float, float, float]] = {}  # until when, and bytes and messages a second
        self._lately: dict[tuple[str, int], deque[str]] = {}
        self._nameless: OrderedDict[str, Whom] = OrderedDict()

    def until(self, at: float) -> Iterator[Alert]:
        """Let time pass, and look as often as a server would have."""
        if at - self._look_at > GAP_SECONDS:
            self._look_at = at
        while self._look_at <= at:
            now = self._look_at
            self._look_at += self._look
            self._minute = {whom: rate for whom, rate in self._minute.items() if rate[0] > now}
            spread = [
                Sample(whom, sent * self._look, heard * self._look) for whom, (_, sent, heard) in self._minute.items()
            ]
            self._detector.saw_egress(spread, now)
            yield from self._detector.judge(now)

    def take(self, event: Mapping[str, Any], at: float) -> None:
        """Take in one event; one of a hand that was not ours is left out, and `wssec audit verify` says so."""
        with suppress(KeyError, TypeError, ValueError, OverflowError):
            self._take(event, at)

    def _take(self, event: Mapping[str, Any], at: float) -> None:
        detector = self._detector
        match event.get("event"):
            case "session.opened":
                detector.saw_open(self._opened(event), _address(event), at)
            case "session.closed":
                code = event.get("code")
                detector.saw_close(self._closed(event), None if code is None else int(code), at)
            case "handshake.refused":
                address, stage, status = _address(event), str(event["stage"]), _status(event)
                detector.saw_refusal(address, stage, status, at)
                if (stage, status) in self._lately or len(self._lately) < KINDS_MOST:
                    self._lately.setdefault((stage, status), deque(maxlen=LATELY)).append(address)
            case "log.sampled":
                if found := UNTOLD.fullmatch(str(event["what"])):
                    self._untold(found[2], _as_status(int(found[1])), max(int(event["count"]), 0), at)
            case "egress.measured":
                self._measured(event, at)

    def _untold(self, stage: str, status: int, count: int, at: float) -> None:
        """Refusals that were counted alone: of those, it is taken, that were told right before."""
        lately = self._lately.get((stage, status)) or (None,)
        for address in lately:
            self._detector.saw_refusal(address, stage, status, at, count / len(lately))

    def _measured(self, event: Mapping[str, Any], at: float) -> None:
        sent, heard = float(event["bytes"]), float(event["messages"])
        if not (0.0 <= sent < inf and 0.0 <= heard < inf):
            raise ValueError("is no measure")
        if others := int(event.get("others", 0)):
            self._detector.saw_others(others, sent / others / 6, heard / others / 6)
        else:
            whom = Whom(*(event.get(name) for name in Whom._fields))
            self._minute[whom] = at + MINUTE, sent / MINUTE, heard / MINUTE

    def _opened(self, event: Mapping[str, Any]) -> Whom:
        if (named := _named(event)) is not None:
            return named
        whom = self._nameless[str(event["session"])] = Whom(address=_address(event))
        if len(self._nameless) > NAMELESS_MOST:
            self._nameless.popitem(last=False)
        return whom

    def _closed(self, event: Mapping[str, Any]) -> Whom:
        if (named := _named(event)) is not None:
            return named
        return self._nameless.pop(str(event["session"]), Whom(address="unknown"))


def _named(event: Mapping[str, Any]) -> Whom | None:
    """Whose a session is; None: nobody's in particular."""
    subject, issuer = str(event["subject"]), event.get("issuer")
    return None if issuer is None and subject == NOBODY else Whom(subject, issuer)


def _address(event: Mapping[str, Any]) -> str:
    """Where somebody comes from, as quotas count it."""
    return quota_key(str(event["address"]))


def _status(event: Mapping[str, Any]) -> int:
    return _as_status(int(event.get("status", event.get("close", 0))))


def _as_status(code: int) -> int:
    """What was answered after 101, as it would have been before."""
    return {UNAUTHENTICATED: 401, TRY_AGAIN_LATER: 503}.get(code, code)
