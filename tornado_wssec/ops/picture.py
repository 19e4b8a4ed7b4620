"""How a process is, put together for the page: numbers, tables, and what the operator has to know first."""

import math
from collections import Counter
from typing import Any, Final

from ..errors import NotReady
from ..policy.session_directory import Entry
from ..telemetry import measures
from ..telemetry.anomaly_alerts import Alert
from ..telemetry.metrics import Metric
from .observer import Observer
from .terms import TOP

CHANNELS_SHOWN: Final = 20
REVOCATIONS_SHOWN: Final = 20
ALERTS_SHOWN: Final = 20


def overview(observer: Observer, since: float) -> dict[str, Any]:
    """Everything that is known without asking the store.

    Args:
        since: wall seconds; samples up to then are known to the page.
    """
    guard, scan = observer.guard, observer.scan()
    samples = [sample for sample in observer.samples if sample.at > since]
    return {
        "at": guard.clock.wall(),
        "node": guard.directory.membership.node,
        "fault": fault_of(observer),
        "connections": len(guard.hub),
        "strangers": len(guard.doorstep),
        "slow_count": scan.slow_count,
        "queued_bytes": scan.queued_bytes,
        "loop_lag": _one(observer, measures.LOOP_LAG),
        "memory": _one(observer, measures.MEMORY),
        "audit_dropped": _one(observer, measures.AUDIT_DROPPED),
        "mirror_age": _mirror_age(observer),
        "samples": [[one.at, one.connections, dict(one.refused), one.errors] for one in samples],
        "refusals": _refusals(observer),
        "origins": _origins(observer),
        "addresses": _addresses(observer),
        "endpoints": scan.endpoints.most_common(TOP),
        "channels": _channels(observer),
        "slow": [_slow(waiting, live.place.entry) for waiting, live in scan.slow if not live.session.is_closing],
        "alerts": [_alert(alert) for alert in guard.alarm.active[-ALERTS_SHOWN:]],
    }


async def trust(observer: Observer) -> dict[str, Any]:
    """Whom this process trusts, what it has heard of revocations, and who else is there; StoreError."""
    guard, now = observer.guard, observer.guard.clock.wall()
    watcher, membership = guard.watcher, guard.directory.membership
    entries = observer.index.entries()
    nodes = await watcher.store.list_nodes(now)
    return {
        "keys": [
            {
                "kid": key.kid,
                "alg": key.alg,
                "state": str(key.state),
                "age": now - key.created_at,
                "verifies_for": None if key.verify_until is None else key.verify_until - now,
                "signs": key.can_sign,
            }
            for key in guard.keeper.ring.keys
        ],
        "revocations": len(entries),
        "newest": [
            {"id": one.id, "kind": str(one.kind), "value": one.value, "at": one.at, "reason": one.reason}
            for one in reversed(entries[-REVOCATIONS_SHOWN:])
        ],
        "nodes": [
            {"node": one.node, "connections": one.connections, "own": one.node == membership.node} for one in nodes
        ],
        "store": watcher.store.url,
        "generation": None if watcher.generation is None else watcher.generation.id,
        "generation_at": None if watcher.generation is None else watcher.generation.made_at,
        "mirror_age": _mirror_age(observer),
        "mirror_most": guard.timeouts.mirror_for_new,
        "is_joined": membership.is_joined,
    }


def fault_of(observer: Observer) -> str:
    """Why nobody new would be let in; empty where he would."""
    try:
        observer.readiness.require()
    except NotReady as refusal:
        return refusal.evidence
    return ""


def _one(observer: Observer, metric: Metric) -> float:
    return sum(observer.guard.metrics.values(metric).values())


def _mirror_age(observer: Observer) -> float | None:
    watcher = observer.readiness.watcher
    return watcher.age if watcher is not None and math.isfinite(watcher.age) else None


def _refusals(observer: Observer) -> list[dict[str, Any]]:
    counts = sorted(observer.guard.refusals.items(), key=lambda item: (-item[1], item[0]))
    handshakes = [{"stage": stage, "status": status, "count": count} for (stage, status), count in counts]
    errors = observer.guard.metrics.values(measures.MESSAGES_REFUSED)
    messages = [{"stage": "message", "status": code, "count": int(n)} for (code,), n in sorted(errors.items())]
    return handshakes + messages


def _origins(observer: Observer) -> list[dict[str, Any]]:
    """Declared origins by who came from there, and any origin by who was turned away."""
    accepted: Counter[str] = Counter()
    for (_, origin), count in observer.guard.metrics.values(measures.HANDSHAKES).items():
        accepted[origin] += int(count)
    names = dict.fromkeys([name for name, _ in accepted.most_common(TOP)])
    names |= dict.fromkeys([name for name, _ in observer.refused_origins.top(TOP)])
    return [
        {"origin": name, "accepted": accepted[name], "refused": observer.refused_origins.count(name)} for name in names
    ]


def _addresses(observer: Observer) -> list[dict[str, Any]]:
    """The addresses with the most connections, and those that were turned away most."""
    connected = dict(observer.guard.hub.crowded_addresses(TOP))
    names = dict.fromkeys([*connected, *(name for name, _ in observer.refused_addresses.top(TOP))])
    return [
        {"address": name, "connections": connected.get(name, 0), "refused": observer.refused_addresses.count(name)}
        for name in names
    ]


def _channels(observer: Observer) -> dict[str, Any]:
    guard = observer.guard
    crowded = sorted(guard.channels, key=lambda audience: -len(audience.members))[:CHANNELS_SHOWN]
    rows = [{"channel": one.name, "pattern": one.spec.pattern.text, "listeners": len(one.members)} for one in crowded]
    measures_in_force = [
        {"measure": str(one.measure), "channel": one.channel, "whom": one.subject or one.address, "until": one.until}
        for one in guard.moderation.in_force()[:CHANNELS_SHOWN]
    ]
    return {"total": len(guard.channels), "rows": rows, "measures": measures_in_force}


def _slow(waiting: int, entry: Entry) -> dict[str, Any]:
    return {
        "connection": entry.connection,
        "subject": entry.subject,
        "address": entry.address,
        "queued": waiting,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    about = alert.about
    return {
        "kind": str(alert.kind),
        "what": about.what,
        "whom": str(alert.whom),
        "value": alert.value,
        "unit": about.unit,
        "since": alert.since,
    }
