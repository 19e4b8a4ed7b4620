"""When a client comes back after an end, and whether: by close code or HTTP status, with full jitter.

The browser's module does the same by the same numbers; a test holds the two against each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..closing import Advice, CloseCode, retry_within
from .states import HttpRefused, State

FIRST_WAIT: Final[Mapping[Advice, float]] = {
    Advice.RECONNECT: 0.5,
    Advice.NEW_TOKEN: 0.5,
    Advice.NEW_CREDENTIAL: 0.5,
    Advice.BACK_OFF: 1.5,
    Advice.RECONNECT_SPREAD: 8.0,
}
"""Seconds from which the first wait is drawn; it doubles with every failure. Any other advice means the end. A server
that drains may name other seconds, by how many it tells the same."""

LONGEST_WAIT: Final = 30.0
STABLE_AFTER: Final = 10.0
"""A connection that held this long has not failed."""

HTTP_REASONS: Final[Mapping[int, str]] = {401: "unauthenticated", 403: "forbidden", 429: "rate_limited"}
HTTP_ENDS: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt or a connection ended.

    Args:
        code: the close code; 1006 where the network ended it.
        reason: what to say where the code says nothing.
        text: the server's, or the system's.
        stood: seconds for which the connection was open.
    """

    code: int = 1006
    reason: str = "unreachable"
    text: str = ""
    stood: float = 0.0


class Schedule:
    """Decides what follows an ending.

    Args:
        dice: gives a number from 0 up to 1.
    """

    def __init__(self, dice: Callable[[], float]) -> None:
        self._dice = dice
        self._failures = 0
        self._last_code = 0

    def after(self, ending: Ending) -> State:
        """What follows an ending: `waiting`, with the seconds, or `stopped`."""
        if ending.stood > STABLE_AFTER:
            self._failures = 0
        code, last = ending.code, self._last_code
        self._last_code = code
        known = _KNOWN.get(code)
        if known is None and code >= 3000:
            return State("stopped", "application", code, text=ending.text)
        reason = known.name.lower() if known else ending.reason
        advice = known.advice if known else Advice.BACK_OFF
        is_again = code == last == CloseCode.UNAUTHENTICATED and self._failures > 0
        if advice not in FIRST_WAIT or is_again:
            return State("stopped", reason, code, text=ending.text)
        first = retry_within(code, ending.text) or FIRST_WAIT[advice]
        return self._wait(first, reason, code, text=ending.text)

    def refused(self, refusal: HttpRefused) -> State:
        """What follows an HTTP answer that is no success."""
        reason = HTTP_REASONS.get(refusal.status, "unavailable")
        if refusal.status in HTTP_ENDS:
            expired = self._last_code == CloseCode.TOKEN_EXPIRED
            return State("stopped", "token_expired" if expired else reason, text=str(refusal))
        first = FIRST_WAIT[Advice.BACK_OFF]
        return self._wait(first, reason, None, at_least=refusal.retry_after or 0.0, text=str(refusal))

    def _wait(self, first: float, reason: str, code: int | None, *, at_least: float = 0.0, text: str = "") -> State:
        ceiling = min(LONGEST_WAIT, first * 2 ** min(self._failures, 10))
        self._failures += 1
        return State("waiting", reason, code, at_least + self._dice() * ceiling, text=text)


_KNOWN: Final[Mapping[int, CloseCode]] = {int(code): code for code in CloseCode}
