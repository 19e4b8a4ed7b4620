"""What a guard starts with: store, keys, audit, the way of a message, what is not at its default or switched off.

Logged when a guard starts, and listed by `wssec check`: both from here, and both without a secret.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .errors import ConfigurationError, KeyFileError, NotReady
from .handover import STOCK
from .modes import AuditMode, Mode
from .policy.keys import KeyRing, KeyState
from .policy.typed import IS_THERE
from .settings import Limits, Timeouts, TokenRules
from .stores.url import shown_url
from .wire import engine

if TYPE_CHECKING:
    from .guard import Guard

DAY: Final = 86_400.0
FROM_SETTINGS: Final = ("issuer", "audience")
"""Of the rules for tokens: these have no default to be at."""


def report_of(guard: "Guard") -> Iterator[Mode]:
    """A line for each thing; before a guard has started, what it would start with."""
    yield Mode("store", _store(guard))
    yield Mode("keys", _keys(guard))
    yield Mode("audit", _audit(guard))
    yield Mode("messages", _messages())
    changed = [*_changed("Limits", guard.limits), *_changed("Timeouts", guard.timeouts)]
    changed += _changed("TokenRules", guard.rules)
    yield Mode("not at its default", "; ".join(changed) or "nothing")
    yield Mode("switched off", "; ".join(_switched_off(guard)) or "nothing")


def _store(guard: "Guard") -> str:
    try:
        return guard.watcher.store.url
    except NotReady:
        return shown_url(guard.settings.store) if guard.given_store is None else guard.given_store.url


def _keys(guard: "Guard") -> str:
    try:
        ring = guard.keeper.ring if guard.keeper.ring.keys else guard.keeper.read()
    except (KeyFileError, ConfigurationError) as error:
        return f"cannot be read: {error}"
    return _told_of(ring, guard.clock.wall()) or "none of its own: tokens are verified, and none is issued"


def _told_of(ring: KeyRing, now: float) -> str:
    counts = Counter(key.state for key in ring.keys)
    ages = [
        f"{key.alg}, {max(now - key.created_at, 0.0) / DAY:.0f} days old"
        for key in ring.keys
        if key.state is KeyState.CURRENT
    ]
    told = [f"{count} {state}" for state in KeyState if (count := counts[state])]
    return ", ".join(told) + (f" ({'; '.join(ages)})" if ages else "")


def _audit(guard: "Guard") -> str:
    mode, folder = guard.audit_mode, guard.settings.audit
    where = AuditMode.LOG.value if mode is AuditMode.LOG else f"in the log, and in {folder}, {mode.value}"
    return where + (", people under pseudonyms" if guard.settings.audit_pseudonyms is not None else "")


def _messages() -> str:
    made = "in Python" if engine.__file__.endswith(".py") else "compiled"
    return f"{made}, decoded by {'msgspec' if IS_THERE else 'json, without msgspec'}"


def _changed(where: str, group: Limits | Timeouts | TokenRules) -> list[str]:
    return [
        f"{where}.{name} {shown(value)}, by default {shown(default)}"
        for name, (value, default) in group.changed().items()
        if name not in FROM_SETTINGS
    ]


def _switched_off(guard: "Guard") -> Iterator[str]:
    if guard.settings.insecure:
        yield "WSSEC_INSECURE lets ws:// in from beyond loopback"
    if guard.framing == STOCK:
        yield f'Guard(framing="{STOCK}") has Tornado read frames'
    if not guard.registry.is_strict:
        yield "Registry(strict=False) takes fields that coerce or have no bound"
    warn_only = guard.registry.warn_only
    if warn_only is not None and guard.clock.wall() < warn_only.ends_at:
        yield f"Registry(warn_only=…) lets pass until {warn_only.until} what does not fit a schema"
    if not guard.registry.is_compiled:
        yield "Registry(compiled=False) has marshmallow alone check messages"
    if guard.trusts_traceparent:
        yield "Guard(trust_traceparent=True) believes clients whose trace it is"


def shown(value: object) -> str:
    """A setting, as people read it."""
    if isinstance(value, (frozenset, set)):
        return ", ".join(sorted(map(str, value))) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
