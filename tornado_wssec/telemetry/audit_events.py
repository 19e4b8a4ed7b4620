"""Every event of the audit and what it tells, written once: the reference page is made from it, a test holds to it.

Version 1. Every line also has `v`, `at` (wall seconds) and `event`; in a file `chain`, `seq` and `hash` as well. A fact
that is not known is left out. Strings are printable ASCII of at most 256 characters; none is a secret or a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of line.

    Args:
        what: has happened, in one sentence.
        facts: the names that may stand in it.
    """

    what: str
    facts: tuple[str, ...]


_WHO: Final = ("session", "subject", "issuer", "tenant")
_CHANNEL: Final = ("channel", "entry", "reason", "subscriptions", "subject", "issuer", "address", "until")
_WHOM: Final = ("subject", "issuer", "address")
_ALERT: Final = (
    *("alert", "kind", "is_abuse", "unit", *_WHOM, "value", "usual", "band", "since", "ended_at"),
    *("active", "addresses", "crowd", "known", "open", "seconds", "whose"),
)
_HEAD: Final = ("other", "other_seq", "other_hash")

EVENTS: Final[Mapping[str, Event]] = {
    "handshake.refused": Event(
        "A connection attempt was turned away; `close` in the place of `status` where that was after 101.",
        ("endpoint", "status", "close", "stage", "evidence", "address", "origin"),
    ),
    "session.opened": Event("A connection was let in.", (*_WHO, "address", "origin", "endpoint")),
    "session.refreshed": Event("A fresh token has replaced the one of a connection.", (*_WHO, "token")),
    "session.rights_changed": Event(
        "What a connection may do has changed while it was open.", (*_WHO, "channels_lost")
    ),
    "session.closed": Event(
        "A connection has ended; without `code` its peer left without a word.", (*_WHO, "code", "evidence")
    ),
    "sessions.kicked": Event(
        "An operator or the application has ended connections.", ("notice", "reason", "connections")
    ),
    "message.refused": Event("A message got an error.", ("code", "session", "subject", "issuer", "evidence")),
    "message.warned": Event(
        "A message does not fit its schema and was let pass, since the registry is warn-only; a sample.",
        ("type", "session", "subject", "issuer", "evidence"),
    ),
    "message.signed": Event(
        "A signed message was verified; `key` is the thumbprint (RFC 7638) of the one that signed it.",
        ("type", "session", "subject", "issuer", "key", "seq"),
    ),
    "revocation.enforced": Event("Connections were ended since something of theirs is revoked.", ("connections",)),
    "login.began": Event("Somebody has signed in with a cookie.", ("session", "subject", "tenant")),
    "login.ended": Event("Somebody has signed out.", ("session", "subject", "tenant")),
    "api_key.created": Event("The application has made an API key.", ("key", "subject", "tenant")),
    "api_key.dropped": Event("An API key is no more, since it or its owner was revoked.", ("key", "revocation")),
    "ban.begun": Event(
        "Somebody may not come back for a while, for what the connection did.",
        ("session", "subject", "issuer", "address", "code", "seconds"),
    ),
    **{
        f"channel.{measure}": Event(what, _CHANNEL)
        for measure, what in {
            "mute": "Somebody may not speak in a channel.",
            "unmute": "Somebody may speak there again.",
            "ban": "Somebody may not be in a channel.",
            "unban": "Somebody may be there again.",
            "slow": "A channel has slow mode, or has no more.",
            "kick": "Somebody was put out of a channel.",
        }.items()
    },
    "egress.measured": Event(
        "What an identity was sent, and has said, in a minute; of most, or of so many `others` together.",
        (*_WHOM, "others", "bytes", "messages"),
    ),
    "alert.raised": Event("Something is not as usual; `value` is beyond `band`.", _ALERT),
    "alert.ended": Event("It is as usual again; `value` was the most.", _ALERT),
    "alert.acted": Event(
        "Something was done about an alert, as the application has asked.",
        ("alert", "kind", "act", "connections", *_WHOM),
    ),
    "fault.began": Event(
        "Something that the server leans on fails: `store_silent`, `store_lost`, `key_file`, `clock`, `event_loop`,"
        " `memory` or `audit`.",
        ("what",),
    ),
    "fault.ended": Event("It is over, after so many seconds.", ("what", "seconds")),
    "hook.failed": Event("A hook of the application does not answer.", ("hook", "fault")),
    "hook.answers": Event("It answers again.", ("hook",)),
    "operator.acted": Event(
        "Somebody has used a command that changes something or gives out a credential.",
        ("command", "outcome", "user", "about"),
    ),
    "operations.acted": Event(
        "Somebody has done something on the operations page, or has tried to.",
        (
            *("action", "outcome", "operator", "operator_issuer", "operator_session", "operator_address"),
            *("session", "token", "subject", "issuer", "channel", "seconds", "reason"),
        ),
    ),
    "drain.began": Event(
        "The server stops: so many connections are told to go elsewhere, over so many seconds.",
        ("connections", "seconds"),
    ),
    "drain.ended": Event(
        "All have been told; `early` of them before their turn, or before a handler of theirs was done.",
        ("connections", "early"),
    ),
    "log.sampled": Event("So many lines of a kind were counted and not told one by one.", ("what", "count")),
    "audit.began": Event("A chain begins.", ("pid",)),
    "audit.saw": Event("How far another chain in the folder had come when this one began.", _HEAD),
    "audit.removed": Event("A file was removed to make room; `other_seq` is its last line.", (*_HEAD, "piece")),
    "audit.dropped": Event("So many lines were lost, since the disk did not take them.", ("count",)),
    "audit.recovered": Event("The file before ends in a torn line.", ("torn_bytes", "torn_hash")),
    "audit.ended": Event("The chain has come to its end.", ()),
}
"""By their names. What a command was about stands in `operator.acted` under the names of its parameters."""
