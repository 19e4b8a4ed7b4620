"""What standards ask of a WebSocket server, item by item, and what an application answers.

OWASP ASVS 5.0 (chapters V4.4 and V9) and the OWASP WebSocket Security Cheat Sheet, in words of ours.

Rules of this file:
1. An item is met because of what the code does for every application; whatever an application switches off or leaves
   open is found by the lines of its audit, and named.
2. What no program can see is for the reader: it says so, and never counts as met.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .audit_lines import Level, Line

ASVS: Final = "ASVS 5.0"
CHEAT_SHEET: Final = "WebSocket cheat sheet"


class State(StrEnum):
    """How an application stands to an item."""

    MET = "met"
    WEAKENED = "weakened"  # somebody has said so, with a switch that is spelt out
    OPEN = "open"
    READER = "for you"  # no program can see it


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a standard asks for.

    Args:
        standard, number: where it stands there.
        asks: for what.
        because: why it is met, unless a line says otherwise; what to look at where only a reader can tell.
        lines: parts of the places that lines of the audit have which weaken it.
        is_visible: whether a program can tell.
    """

    standard: str
    number: str
    asks: str
    because: str
    lines: tuple[str, ...] = ()
    is_visible: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """How an application stands to an item, and why."""

    item: Item
    state: State
    because: str


_DOOR: Final = ("WebSocketHandler", "who connects", "its application has no guard")
_BARE: Final = ("guard.Bare",)

ITEMS: Final[tuple[Item, ...]] = (
    Item(
        ASVS,
        "4.4.1",
        "WebSocket over TLS for every connection",
        "ws:// is refused with 403 unless the peer is this machine and no proxy stands between",
        ("WSSEC_INSECURE", "WSSEC_TLS_CERT"),
    ),
    Item(
        ASVS,
        "4.4.2",
        "the Origin checked against a list during the handshake",
        "an exact allowlist, before 101; a missing or null Origin is refused",
        ("allow_missing_origin", "origin"),
    ),
    Item(
        ASVS,
        "4.4.3",
        "dedicated tokens where the session management of the application cannot be used",
        "tokens of minutes and tickets for one handshake, revocable on every node; cookies need a CSRF value besides",
        ("(query=True)", "allow_unprefixed", "same_site", "anonymous"),
    ),
    Item(
        ASVS,
        "4.4.4",
        "such tokens obtained through the HTTPS session that was authenticated before",
        "POST /wssec/ticket answers an authenticated request alone; a ticket is bound to the origin and the path",
        ("WSSEC_INSECURE",),
    ),
    Item(
        ASVS,
        "9.1.1",
        "self-contained tokens validated by signature before their content is used",
        "PyJWT verifies with one prepared key before a claim is read",
    ),
    Item(
        ASVS,
        "9.1.2",
        "an allowlist of algorithms, never none",
        "one algorithm for each key, chosen by the key; families are not mixed",
        ("TokenRules.algorithms",),
    ),
    Item(
        ASVS,
        "9.1.3",
        "keys from trusted, pre-configured sources; jku, x5u and jwk not believed",
        "keys of the file and of fixed JWKS URLs; a header beside alg, typ and kid is refused",
        ("ignored_headers",),
    ),
    Item(
        ASVS,
        "9.2.1",
        "tokens accepted within their time span alone",
        "exp, iat and nbf are required or checked on every handshake, refresh and sweep; no leeway on exp",
        ("TokenRules.leeway", "TokenRules.max_lifetime"),
    ),
    Item(
        ASVS,
        "9.2.2",
        "tokens of the right type for their purpose",
        "typ at+jwt for access; tickets, signed messages and CSRF values are of other kinds",
        ("TokenRules.typ",),
    ),
    Item(ASVS, "9.2.3", "tokens meant for this service alone", "aud is required and compared exactly"),
    Item(
        ASVS,
        "9.2.4",
        "an audience that is unique where one key signs for several",
        "give each service an audience of its own (WSSEC_AUDIENCE)",
        is_visible=False,
    ),
    Item(
        CHEAT_SHEET,
        "handshake",
        "who connects is known before the upgrade",
        "every credential is judged before 101",
        ("anonymous", "FirstMessage()", *_DOOR),
    ),
    Item(
        CHEAT_SHEET,
        "cross-site",
        "no connection by another site with the user's cookie",
        "the Origin and, with cookies, a value that is no cookie",
        ("(browsers=True)", "same_site", "allow_unprefixed"),
    ),
    Item(
        CHEAT_SHEET,
        "authorisation",
        "every message authorised, not the connection alone",
        "a type without a permission does not start; rights are asked for each message and each delivery",
        ("everybody who is connected",),
    ),
    Item(
        CHEAT_SHEET,
        "validation",
        "every message validated against a schema of known size",
        "strict marshmallow schemas; unknown and unbounded fields do not start",
        ("Registry(strict=False)", "Registry(warn_only=…)"),
    ),
    Item(
        CHEAT_SHEET,
        "size",
        "messages bounded before they are parsed",
        "caps on frame, message, fragments and type, from the header alone",
        ("Limits.message_bytes", "Limits.frame_bytes", 'framing="stock"'),
    ),
    Item(
        CHEAT_SHEET,
        "rate",
        "messages and connections limited",
        "budgets for each connection, identity, type and address; excess is told, dropped, closed",
        ("Limits.frames_per_second", "Limits.connections_per", "Limits.identity_messages"),
    ),
    Item(
        CHEAT_SHEET,
        "session end",
        "sockets end with the session that opened them",
        "expiry closes with 4001; revocation, sign-out and withdrawn rights with 4403, on every node",
        ("TokenRules.max_lifetime",),
    ),
    Item(
        CHEAT_SHEET,
        "dead peers",
        "silent and idle connections reclaimed",
        "pings of our own, idle and age limits",
        ("Timeouts.ping", "Timeouts.idle", "Timeouts.age"),
    ),
    Item(
        CHEAT_SHEET,
        "slow readers",
        "outbound queues bounded",
        "bytes, messages and age; each type says what becomes of it",
        ("Limits.outbound",),
    ),
    Item(CHEAT_SHEET, "compression", "no compression of secrets", "permessage-deflate is never negotiated"),
    Item(
        CHEAT_SHEET,
        "logging",
        "connections, refusals and operators' acts recorded, without secrets",
        "the audit, hash-chained where WSSEC_AUDIT names a folder; secrets are masked in every sink",
    ),
    Item(
        CHEAT_SHEET,
        "output",
        "what comes from others shown as text in the page",
        "PlainText and SafeHtml declare it; how your page inserts it, only you can see",
        is_visible=False,
    ),
)


def answers(lines: Sequence[Line]) -> list[Answer]:
    """How an application stands to every item.

    Args:
        lines: of its audit.
    """
    return [_answer(item, lines) for item in ITEMS]


def _answer(item: Item, lines: Iterable[Line]) -> Answer:
    if not item.is_visible:
        return Answer(item, State.READER, item.because)
    found = [line for line in lines if any(part in line.where or part in line.what for part in item.lines)]
    for state, levels in (
        (State.OPEN, (Level.PROBLEM, Level.OPEN)),
        (State.WEAKENED, (Level.UNKNOWN, Level.DECLARED, Level.CHANGED)),
    ):
        if told := [line for line in found if line.level in levels]:
            return Answer(item, state, "; ".join(f"{line.where}: {line.what}" for line in told))
    return Answer(item, State.MET, item.because)
