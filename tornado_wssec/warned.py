"""What warn-only tells the operators: at the start what it lets pass, and then each message that was let pass.

Rules of this file:
1. It tells names and reasons, never a value; a name that is not declared is told only where it is short and plain.
2. Every message is counted; of what comes again and again the log and the audit get a sample, and its number.
3. A pair of type and field is told of at least once, up to `PAIRS_MOST`, whatever a flood of others does.
"""

import logging
import re
from collections.abc import Iterator
from typing import Final

from .clock import Clock
from .errors import InvalidMessage
from .policy.leniency import Leniency
from .policy.registry import Registry
from .policy.session import Session
from .policy.specs import MessageSpec
from .telemetry import measures
from .telemetry.audit import Audit
from .telemetry.metrics import Metrics
from .telemetry.sampling import Sampler

logger = logging.getLogger(__name__)

PAIRS_MOST: Final = 256
FINDINGS_MOST: Final = 32
"""Lines at the start; `wssec check` has all of them."""
OTHER: Final = "(other)"

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}").fullmatch


class Warned:
    """Tells of messages that were let pass, for one guard.

    Args:
        sampler: shared with whatever else is told by sample.
    """

    def __init__(self, audit: Audit, metrics: Metrics, sampler: Sampler, clock: Clock) -> None:
        self._audit = audit
        self._metrics = metrics
        self._sampler = sampler
        self._clock = clock
        self._told: set[tuple[str, str]] = set()
        self._lasting: list[tuple[float, Leniency]] = []

    def leniency_of(self, registry: Registry) -> Leniency | None:
        """What is let pass of a registry's types; None: nothing, now and later."""
        if registry.warn_only is None:
            return None
        # By the monotonic clock from here on: a wall clock that is set back does not make it last longer.
        ends_at = registry.warn_only.ends_at
        until = self._clock.monotonic() + ends_at - self._clock.wall()
        leniency = Leniency(registry.eased_types(), until, self.tell)
        self._lasting.append((ends_at, leniency))
        return leniency

    def look(self, now: float, settled: float) -> None:
        """Let the day come earlier where the clock has been set forward, or this machine has slept.

        Args:
            now: monotonic seconds.
            settled: wall seconds that are no glitch: one of a year must not end it for good.
        """
        for ends_at, leniency in self._lasting:
            leniency.end_by(now + ends_at - settled)

    def tell(self, spec: MessageSpec, session: Session, fault: InvalidMessage) -> None:
        """Tell of one message that was admitted and that its schema refuses."""
        self._metrics.count(measures.MESSAGES_WARNED, spec.type)
        faults = dict(_named(fault))
        is_new = self._learn(spec.type, faults)
        if not self._sampler.takes(f"messages of {spec.type} let pass with a warning") and not is_new:
            return
        said = "; ".join(f"{name}: {reason}" for name, reason in faults.items())
        logger.warning("%s let pass with a warning: %s", spec.type, said)
        identity = session.identity
        self._audit.record(
            "message.warned",
            self._clock.wall(),
            type=spec.type,
            session=session.id,
            subject=identity.subject,
            issuer=identity.issuer,
            evidence=fault.evidence,
        )

    def _learn(self, type: str, faults: dict[str, str]) -> bool:
        """Whether one of these fields of this type has not been told of before."""
        fresh = {(type, name) for name in faults} - self._told
        has_room = len(self._told) < PAIRS_MOST
        if has_room:
            self._told |= fresh
        return bool(fresh) and has_room


def tell_warn_only(registry: Registry, now: float) -> None:
    """Say in the log, as a server starts, what is warn-only and until when.

    Args:
        now: wall seconds.
    """
    warn_only = registry.warn_only
    if warn_only is None:
        return
    if now >= warn_only.ends_at:
        logger.warning(
            "warn-only has ended on %s: every message that does not fit is refused; drop it", warn_only.until
        )
        return
    types = ", ".join(sorted(registry.eased_types()))
    logger.warning("warn-only until %s: what does not fit the schema of %s is let pass", warn_only.until, types)
    findings = registry.findings(now)
    for problem in findings[:FINDINGS_MOST]:
        logger.warning("warn-only until %s: %s", warn_only.until, problem)
    if len(findings) > FINDINGS_MOST:
        logger.warning("and %d more; see `wssec check`", len(findings) - FINDINGS_MOST)


def _named(fault: InvalidMessage) -> Iterator[tuple[str, str]]:
    """The fields at fault, each with the first reason, in words that were known at the start."""
    for name, reasons in (fault.fields or {}).items():
        while isinstance(reasons, dict) and reasons:
            reasons = next(iter(reasons.values()))
        reason = reasons[0] if isinstance(reasons, list) and reasons else "Invalid value."
        yield name if _PLAIN(name) else OTHER, str(reason)
