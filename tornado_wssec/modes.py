"""What happens in this process when something that it depends on fails, in words.

Logged when a guard starts, and listed by `wssec check`: both from here. `docs/faults.md` has the whole of it.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from .pressure import MEMORY_SHARE, SHED_LAG_SECONDS
from .settings import Limits, MiB, Timeouts

CHANNELS_ALONE: Final = (
    "this process alone: what is published here reaches nobody whom another process serves, and history and presence"
    " are its own; a Redis store joins them"
)


class AuditMode(Enum):
    """What becomes of the audit."""

    LOG = "in the log alone"
    BEST_EFFORT = "best effort"
    REQUIRED = "required"


class Mode(NamedTuple):
    """What is in force for one dependency."""

    fault: str
    what: str


def modes_in_force(
    limits: Limits,
    timeouts: Timeouts,
    *,
    has_issuers: bool,
    has_hooks: bool = False,
    has_nodes: bool = False,
    audit: AuditMode = AuditMode.LOG,
) -> Iterator[Mode]:
    """One line for each dependency.

    Args:
        has_nodes: whether the store brings publications from process to process.
    """
    yield Mode("store out of reach", _store(timeouts))
    what = "new handshakes get 503 until it has a generation; what is revoked here stays so, and is written to it again"
    yield Mode("store flushed or another one", what)
    what = "connections and tickets of an identity: on all nodes of the store; all others: in each process"
    yield Mode("what limits count", what)
    what = "each node counts by itself: an identity's limit divided by the nodes last seen; rates as ever"
    yield Mode("limits without the store", what)
    yield Mode("channels", _channels(timeouts) if has_nodes else CHANNELS_ALONE)
    step = timeouts.clock_step
    what = (
        f"by more than {step:g} s, also over a restart: new handshakes get 503; live connections keep their deadlines"
    )
    yield Mode("clock set back", what)
    yield Mode("key file unreadable", "at the start: no start; later the keys read before stay in force")
    if has_issuers:
        what = f"keys count for {timeouts.jwks_age:g} s, then 503; an unknown key is 401, one fetch in"
        yield Mode("issuer's keys out of reach", f"{what} {timeouts.jwks_cooldown:g} s")
    if has_hooks:
        yield Mode("permissions=, revalidate= or signing_keys= silent", _hooks(timeouts))
    yield Mode(
        "disk full", f"{_audit(limits, audit)}; a revocation that cannot be written exits 1 and is not acknowledged"
    )
    yield Mode("descriptors short", "from nine tenths on strangers make room for who comes, or 503")
    yield Mode("memory short", _memory(limits))
    what = f"deadlines move by the lag, so that nobody is closed for it; over {SHED_LAG_SECONDS:g} s new ones get 503"
    yield Mode("event loop stalled", what)


def _store(timeouts: Timeouts) -> str:
    new, live = timeouts.mirror_for_new, timeouts.mirror_for_live
    told_new = f"after {new:g} s" if new else "at once, since each asks the store itself"
    told_live = f"after {live:g} s" if live else "with the first look that fails to come"
    return f"new handshakes get 503 {told_new}, live connections close with 1013 {told_live}"


def _channels(timeouts: Timeouts) -> str:
    lost = "publishing is unavailable, and who listens is told what he may have missed once it is back"
    gone = f"who was on a machine that is gone counts as there for {timeouts.node_lease:g} s"
    return f"all processes of the store; while it is out of reach {lost}; {gone}"


def _audit(limits: Limits, audit: AuditMode) -> str:
    if audit is AuditMode.REQUIRED:
        return "new handshakes get 503 while the audit cannot be written"
    if audit is AuditMode.BEST_EFFORT:
        return f"{limits.audit_queue} lines of the audit wait, further ones are lost and counted"
    return "the audit goes to the log alone; WSSEC_AUDIT is not set"


def _hooks(timeouts: Timeouts) -> str:
    live = timeouts.rights_for_live
    then = f"for {live:g} s, then close with 1013" if live else "for nothing: they close with 1013"
    what = "new handshakes get 503; live connections go on receiving, while what needs a right is unavailable,"
    return f"{what} {then}"


def _memory(limits: Limits) -> str:
    if limits.memory_bytes is None:
        return "not looked at; Limits.memory_bytes is not set"
    return f"from {limits.memory_bytes * MEMORY_SHARE / MiB:.0f} MiB on new handshakes get 503, and strangers go"
