"""What a guard does about an alert by itself, where the application has said so; by default nothing.

Rules of this file:
1. Nothing happens that was not spelt out, kind by kind, and `wssec check` lists it.
2. Only what is about one identity has an answer: an address is many people, and has its back-off already.
3. Each act is in the audit. What was throttled is set free when its alert is over.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from .clock import Clock
from .closing import Close, CloseCode
from .errors import Problem
from .hub import Hub, Live
from .policy.proxies import quota_key
from .policy.session import Account
from .quotas import Quotas
from .settings import Timeouts
from .telemetry.anomaly_alerts import Alert, AlertKind, Whom
from .telemetry.audit import Audit

THROTTLED: Final = 0.1
"""Of the messages that an identity may otherwise send."""


class Response(StrEnum):
    """What can be done about an identity."""

    THROTTLE = "throttle"
    CLOSE = "close"
    BAN = "ban"


ABOUT_ONE: Final = (
    AlertKind.EGRESS_BURST,
    AlertKind.EGRESS_HOUR,
    AlertKind.MESSAGES_BURST,
    AlertKind.CLIENT_FLAKY,
)
"""The kinds that something can be done about."""


def response_problems(responses: Mapping[str, str], timeouts: Timeouts) -> Iterator[Problem]:
    """What keeps a server from starting with these."""
    for kind, response in responses.items():
        where = f"alert_responses[{str(kind)!r}]"
        if kind not in ABOUT_ONE:
            yield Problem(where, "is no kind that is about one identity", f"name one of {', '.join(ABOUT_ONE)}")
        if response not in tuple(Response):
            yield Problem(where, f"is {str(response)!r}", f"write one of {', '.join(Response)}")
        elif response == Response.BAN and not timeouts.ban:
            yield Problem(where, "bans for 0 s", "set Timeouts.ban to how long, or answer with close")


def whom_of(live: Live) -> Whom:
    """Whose a connection is: of nobody in particular, the address's."""
    identity = live.session.identity
    if identity.anonymous:
        return Whom(address=quota_key(live.address))
    return Whom(identity.subject, identity.issuer)


class Responder:
    """Acts on alerts.

    Args:
        responses: the kind of an alert → what is done.
    """

    def __init__(self, responses: Mapping[str, str], *, hub: Hub, quotas: Quotas, audit: Audit, clock: Clock) -> None:
        self._responses = {AlertKind(kind): Response(response) for kind, response in responses.items()}
        self._hub = hub
        self._quotas = quotas
        self._audit = audit
        self._clock = clock
        self._throttled: dict[str, list[Account]] = {}  # by the alert's id

    def act(self, alert: Alert) -> None:
        """Do what was asked for about an alert that begins, or undo it when it is over."""
        if alert.ended_at is not None:
            self._free(alert.id)
            return
        response = self._responses.get(alert.kind)
        if response is None:
            return
        lives = [live for live in self._hub if whom_of(live) == alert.whom and not live.session.is_closing]
        if response is Response.THROTTLE:
            self._throttle(alert.id, lives)
        else:
            self._end(lives, alert, is_ban=response is Response.BAN)
        facts = {"subject": alert.whom.subject, "issuer": alert.whom.issuer, "address": alert.whom.address}
        wall = self._clock.wall()
        self._audit.record(
            "alert.acted", wall, alert=alert.id, kind=alert.kind, act=str(response), connections=len(lives), **facts
        )

    def _throttle(self, id: str, lives: list[Live]) -> None:
        accounts = {live.session.account: None for live in lives}
        self._throttled[id] = list(accounts)
        for account in accounts:
            account.throttle(THROTTLED)

    def _free(self, id: str) -> None:
        accounts = self._throttled.pop(id, [])
        held = {account for others in self._throttled.values() for account in others}
        for account in accounts:
            if account not in held:
                account.throttle(1.0)

    def _end(self, lives: list[Live], alert: Alert, *, is_ban: bool) -> None:
        for live in lives:
            if is_ban:
                self._quotas.ban(live)
            self._hub.end(live, Close(CloseCode.REVOKED), f"alert {alert.kind} {alert.id}")
