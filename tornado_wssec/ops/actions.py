"""What an operator may do: propose it, see whom it would hit, confirm it.

Rules of this file:
1. Nothing is done that was not proposed on the same connection, is older than a minute, or was confirmed before.
2. Who has done what to whom, and how it ended, is in the audit; also where it failed.
3. Everything goes through the guard's own calls, so that it holds on all nodes, or says that it may not.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..errors import InvalidMessage, NotReady, StoreError, Unavailable
from ..hub import Live
from ..policy.session_directory import Entry
from .observer import Observer

if TYPE_CHECKING:
    from ..guard import Guard

CONFIRM_SECONDS: Final = 60.0
"""For how long an operator may think it over."""
NONCE_BYTES: Final = 16
WHOM: Final = ("session", "token", "subject")

Facts = Mapping[str, Any]
_WANTED: Final[Mapping[str, tuple[frozenset[str], bool]]] = {
    "disconnect": (frozenset({"session", "subject"}), False),
    "revoke": (frozenset({"session", "token", "subject"}), False),
    "kick": (frozenset({"session", "subject"}), True),
    "mute": (frozenset({"subject"}), True),
}
"""The action → whom it may name, and whether it is about a channel."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an operator is asked to confirm.

    Args:
        confirm: what confirms it; a secret of this connection.
        facts: what was proposed, without what is absent.
        until: monotonic seconds.
    """

    confirm: str
    facts: Facts
    until: float

    @property
    def whom(self) -> tuple[str, str]:
        """By what somebody is named, and the name."""
        return next((name, self.facts[name]) for name in WHOM if name in self.facts)

    def about(self) -> str:
        """What is done to whom, for people."""
        channel = f" in {self.facts['channel']}" if "channel" in self.facts else ""
        return f"{self.facts['action']} {' '.join(self.whom)}{channel}"


class Actions:
    """What the operator on one connection does.

    Args:
        observer: of the guard that does it.
        operator: the operator's own connection.
    """

    def __init__(self, observer: Observer, operator: Live) -> None:
        self._observer = observer
        self._operator = operator
        self._proposal: Proposal | None = None

    def propose(self, data: Facts) -> dict[str, Any]:
        """Keep a proposal in the place of the one before, and say whom it would hit here.

        Raises:
            InvalidMessage: it names nobody, several, or a channel where none belongs.
        """
        facts = {name: value for name, value in data.items() if value is not None}
        _ensure_possible(facts)
        until = self._guard.clock.monotonic() + CONFIRM_SECONDS
        proposal = self._proposal = Proposal(secrets.token_urlsafe(NONCE_BYTES), facts, until)
        hit = sum(means_live(facts, live) for live in self._guard.hub)
        return {"confirm": proposal.confirm, "about": proposal.about(), "connections": hit}

    async def carry_out(self, confirm: str, reason: str) -> dict[str, Any]:
        """Do what was proposed, and record it.

        Raises:
            InvalidMessage: nothing was proposed, it was something else, or too long ago; or it cannot be.
            Unavailable: it may not hold on all nodes; try again.
        """
        proposal, self._proposal = self._proposal, None
        is_right = proposal is not None and secrets.compare_digest(proposal.confirm.encode(), confirm.encode())
        if proposal is None or not is_right or self._guard.clock.monotonic() > proposal.until:
            raise InvalidMessage("what is confirmed was not proposed, or too long ago")
        facts, outcome = proposal.facts, "unknown"  # as after a deadline, or a mistake of ours
        try:
            if "channel" not in facts:
                # Without the directory nobody can see how far it comes; that keeps nobody in.
                with suppress(StoreError, NotReady):
                    await self._observer.spread.aim(proposal.about(), lambda entry: means_entry(facts, entry))
            done = await DO[facts["action"]](self._guard, facts, reason)
            outcome = "done"
        except (StoreError, NotReady) as error:
            outcome = "failed"
            raise Unavailable(f"{proposal.about()} may not hold: {error}") from error
        except ValueError as error:
            outcome = "failed"
            raise InvalidMessage(str(error), fields={"action": [str(error)]}) from error
        finally:
            self._record(facts, outcome, reason)
        return {"about": proposal.about(), "connections": done}

    @property
    def _guard(self) -> "Guard":
        return self._observer.guard

    def _record(self, facts: Facts, outcome: str, reason: str) -> None:
        operator = self._operator.session.identity
        about = {name: facts[name] for name in (*WHOM, "issuer", "channel", "seconds") if name in facts}
        self._guard.audit.record(
            "operations.acted",
            self._guard.clock.wall(),
            action=facts["action"],
            outcome=outcome,
            operator=operator.subject,
            operator_issuer=operator.issuer,
            operator_session=self._operator.session.id,
            operator_address=self._operator.address,
            reason=reason or None,
            **about,
        )


def _ensure_possible(facts: Facts) -> None:
    may_name, has_channel = _WANTED[facts["action"]]
    named = [name for name in WHOM if name in facts]
    fields: dict[str, list[str]] = {}
    if len(named) != 1 or named[0] not in may_name:
        fields["action"] = [f"Takes one of {', '.join(name for name in WHOM if name in may_name)}."]
    if ("channel" in facts) is not has_channel:
        fields["channel"] = ["Belongs to kick and mute, and to nothing else."]
    if "seconds" in facts and facts["action"] != "mute":
        fields["seconds"] = ["Belongs to mute, and to nothing else."]
    if "issuer" in facts and "subject" not in facts:
        fields["issuer"] = ["Belongs to a subject."]
    if fields:
        raise InvalidMessage(f"cannot propose {facts['action']}", fields=fields)


def means_live(facts: Facts, live: Live) -> bool:
    """Whether a proposal is about a connection of this process."""
    identity = live.session.identity
    if live.session.is_closing or facts.get("issuer", identity.issuer) != identity.issuer:
        return False
    if "channel" in facts and facts["channel"] not in live.channels:
        return False
    found = {"session": live.session.id, "token": identity.token_id, "subject": identity.subject}
    return all([found[name] == facts[name] for name in WHOM if name in facts])


def means_entry(facts: Facts, entry: Entry) -> bool:
    """Whether a proposal is about a connection in the directory, which does not know of tokens."""
    if "token" in facts or facts.get("issuer", entry.issuer) != entry.issuer:
        return False
    found = {"session": entry.session, "subject": entry.subject}
    return all([found[name] == facts[name] for name in found if name in facts])


# --- what each does, and how many connections or subscriptions of this process that was about ---


async def _disconnect(guard: "Guard", facts: Facts, reason: str) -> int:
    return await guard.disconnect(
        session=facts.get("session"), subject=facts.get("subject"), issuer=facts.get("issuer"), reason=reason
    )


async def _revoke(guard: "Guard", facts: Facts, reason: str) -> int:
    hit = sum(means_live(facts, live) for live in guard.hub)
    named = {name: facts[name] for name in (*WHOM, "issuer") if name in facts}
    await guard.revoke(**named, reason=reason)
    return hit


async def _kick(guard: "Guard", facts: Facts, reason: str) -> int:
    named = {name: facts.get(name) for name in ("session", "subject", "issuer")}
    return await guard.moderation.kick(facts["channel"], **named, reason=reason)


async def _mute(guard: "Guard", facts: Facts, reason: str) -> int:
    named = {name: facts.get(name) for name in ("subject", "issuer")}
    await guard.moderation.mute(facts["channel"], duration=facts.get("seconds"), reason=reason, **named)
    return sum(means_live(facts, live) for live in guard.hub)


DO: Final[Mapping[str, Callable[["Guard", Facts, str], Awaitable[int]]]] = {
    "disconnect": _disconnect,
    "revoke": _revoke,
    "kick": _kick,
    "mute": _mute,
}
