"""Close codes, what a client should do about each, and a `Close` that cannot be malformed.

Source: RFC 6455 §7.4 for 1000–1015; 4000–4999 are private use (§7.4.2).
"""

import math
import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

REASON_BYTES: Final = 123
"""A control frame carries at most 125 bytes, two of them the code (RFC 6455 §5.5)."""


class Advice(StrEnum):
    """What a client should do after a close."""

    STOP = "stop"
    RECONNECT = "reconnect"
    RECONNECT_SPREAD = "reconnect, spread out"
    BACK_OFF = "back off"
    NEW_TOKEN = "new token, reconnect"
    NEW_CREDENTIAL = "new credential"
    LOG_IN_AGAIN = "log in again"


class CloseCode(IntEnum):
    """Every code this package sends, with the advice and the text that go with it."""

    advice: Advice
    text: str

    def __new__(cls, code: int, advice: Advice, text: str) -> "CloseCode":
        """Make a member that is its number, and carry advice and text beside it."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.advice = advice
        member.text = text
        return member

    NORMAL = 1000, Advice.STOP, "done"
    GOING_AWAY = 1001, Advice.RECONNECT_SPREAD, "server is draining"
    PROTOCOL_ERROR = 1002, Advice.STOP, "protocol violation"
    UNSUPPORTED_DATA = 1003, Advice.STOP, "binary is not declared"
    INVALID_PAYLOAD = 1007, Advice.STOP, "text is not UTF-8"
    MESSAGE_TOO_BIG = 1009, Advice.STOP, "message too big"
    INTERNAL_ERROR = 1011, Advice.BACK_OFF, "internal error"
    TRY_AGAIN_LATER = 1013, Advice.BACK_OFF, "store too stale"
    TOKEN_EXPIRED = 4001, Advice.NEW_TOKEN, "token expired"
    BAD_MESSAGES = 4400, Advice.STOP, "too many bad messages"
    UNAUTHENTICATED = 4401, Advice.NEW_CREDENTIAL, "not authenticated"
    REVOKED = 4403, Advice.LOG_IN_AGAIN, "access revoked"
    TIMED_OUT = 4408, Advice.RECONNECT, "timed out"
    REPLACED = 4409, Advice.STOP, "replaced by a newer connection"
    SLOW_CONSUMER = 4413, Advice.BACK_OFF, "reader too slow"
    RATE_LIMITED = 4429, Advice.BACK_OFF, "rate limit"


@dataclass(frozen=True, slots=True)
class Close:
    """How a connection ends: a code a server may send, and a reason that fits its frame.

    Args:
        code: a `CloseCode`, or any 3000–4999 of the application's own.
        reason: text for a person; cut at 123 bytes of UTF-8, never in the middle of a
            character. Empty takes the code's own text.

    Raises:
        ValueError: for a code that RFC 6455 §7.4 forbids on the wire.
    """

    code: int
    reason: str = ""

    def __post_init__(self) -> None:
        code = self._checked(self.code)
        reason = self.reason or (code.text if isinstance(code, CloseCode) else "")
        cut = reason.encode("utf-8", "replace")[:REASON_BYTES].decode("utf-8", "ignore")
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "reason", cut)

    @staticmethod
    def _checked(code: int) -> int:
        known = CloseCode._value2member_map_.get(code)
        if isinstance(known, CloseCode):
            return known
        if isinstance(code, int) and 3000 <= code <= 4999:
            return code
        raise ValueError(f"{code!r} may not be sent as a close code; use 1000 or 3000–4999 (RFC 6455 §7.4)")

    @property
    def advice(self) -> Advice:
        """What the client should do; an application's own codes mean stop."""
        return self.code.advice if isinstance(self.code, CloseCode) else Advice.STOP


_RETRY: Final = re.compile(r"; retry within ([0-9]{1,3}) s\Z").search


def going_away(within: float) -> Close:
    """The goodbye of a server that drains, with the seconds over which its hearer should spread its return.

    The code alone leaves that to the client, which does not know how many others were told the same.
    """
    return Close(CloseCode.GOING_AWAY, f"{CloseCode.GOING_AWAY.text}; retry within {math.ceil(within)} s")


def retry_within(code: int, reason: str) -> float | None:
    """The seconds that such a goodbye names; None where a close names none."""
    found = _RETRY(reason) if code == CloseCode.GOING_AWAY else None
    return float(found[1]) if found else None
