"""The configuration in force, as rows for people.

Rules of this file:
1. A secret is said to be set, or not; nothing of it is shown, not its length either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..settings import Limits, Secret, Settings, Timeouts, TokenRules
from ..telemetry.redact import MASK

if TYPE_CHECKING:
    from ..guard import Guard

UNSET: Final = "not set"


class Row(NamedTuple):
    """One setting.

    Args:
        default: what it is by default, where that is not what it is.
        why: the reason for the default, or what the setting is.
    """

    name: str
    value: str
    default: str | None
    why: str


class Group(NamedTuple):
    """Settings that belong together."""

    title: str
    rows: Sequence[Row]


def groups_of(guard: "Guard") -> list[Group]:
    """Everything that is in force at a guard."""
    return [
        Group("Switches", list(_switches(guard))),
        Group("Environment", list(_settings(guard.settings))),
        Group("Limits", list(_documented(guard.limits))),
        Group("Timeouts, in seconds", list(_documented(guard.timeouts))),
        Group("Tokens", list(_documented(guard.rules))),
        Group("When something fails", [Row(mode.fault, mode.what, None, "") for mode in guard.modes]),
    ]


def _switches(guard: "Guard") -> Iterator[Row]:
    settings = guard.settings
    yield Row("ws:// beyond loopback", _said(settings.insecure), None, "for development alone")
    yield Row("frames are read by", guard.framing, None, "the engine, or Tornado itself")
    yield Row("compiled schemas", _said(guard.registry.is_compiled), None, "else marshmallow alone checks each message")
    yield Row("TLS here", _said(settings.tls_cert is not None), None, "else a proxy ends it")
    yield Row("https insisted on", _said(guard.timeouts.hsts > 0), None, "Strict-Transport-Security")
    yield Row("audit in files", _said(settings.audit is not None), None, "else in the log alone")
    yield Row("bans", _said(guard.timeouts.ban > 0), None, "after 4400 and 4429")
    yield Row("memory is looked at", _said(guard.limits.memory_bytes is not None), None, "else nobody is turned away")
    responses = ", ".join(f"{kind}: {what}" for kind, what in guard.alert_responses.items())
    yield Row("responses to alerts", responses or "none", None, "beside telling")


def _settings(settings: Settings) -> Iterator[Row]:
    for item in fields(settings):
        value = getattr(settings, item.name)
        yield Row(
            item.metadata["variable"], _shown(value, is_secret=item.metadata["secret"]), None, item.metadata["what"]
        )


def _documented(group: Limits | Timeouts | TokenRules) -> Iterator[Row]:
    changed = group.changed()
    for name, _, why in group.table():
        default = _shown(changed[name][1]) if name in changed else None
        yield Row(name, _shown(getattr(group, name)), default, why)


def _shown(value: Any, *, is_secret: bool = False) -> str:
    if value is None or value == ():
        return UNSET
    if is_secret or isinstance(value, Secret):
        return MASK
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return _said(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def _said(value: bool) -> str:
    return "yes" if value else "no"
