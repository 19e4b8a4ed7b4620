"""What may stand on the command line. Each function reads one kind of value, as `int` reads a number.

Rules of this file:
1. A value is taken as it stands or refused; nothing is a pattern and nothing is trimmed.
2. A refusal does not repeat what may be a secret.
"""

import re
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import click

from ..policy.api_keys import is_key_id, looks_like_key
from ..policy.revocation_entries import ensure_name

WHOLE_KEY: Final = "a whole API key is a secret; give its id, the part that begins with ak, or - to read it from a pipe"

UNITS: Final = (86_400, 3_600, 60, 1)
DURATION: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s?)?", re.ASCII)
UNIX_SECONDS: Final = re.compile(r"\d{1,11}(?:\.\d{1,9})?", re.ASCII)
DATE: Final = re.compile(r"[12]\d{3}(?:0\d|1[0-2])[0-3]\d", re.ASCII)
"""Eight digits such as 20300131; as seconds they would mean a day in 1970."""

JWS: Final = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_=-]*")
"""A token in compact form; its header begins with `{"`."""


def duration(text: str) -> float:
    """Seconds of a span such as 30s, 10m, 24h, 7d or 1h30m; a bare number is seconds."""
    found = DURATION.fullmatch(text)
    if not text or found is None:
        raise click.BadParameter(f"{text!r} is no duration; write 30s, 10m, 24h, 7d or 1h30m")
    return float(sum(int(part or 0) * unit for part, unit in zip(found.groups(), UNITS, strict=True)))


def moment(text: str) -> float:
    """Wall seconds of ISO 8601 (UTC where it names no offset), of Unix seconds, or of "now"."""
    if text == "now":
        return time.time()
    fault = f"{text!r} is no time; write 2030-01-31T12:00:00Z, Unix seconds or now"
    if DATE.fullmatch(text):
        raise click.BadParameter(fault)
    if UNIX_SECONDS.fullmatch(text):
        return float(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(fault) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def name(text: str) -> str:
    """A jti, sid, sub, tenant, kid or entry id: printable ASCII without spaces, taken literally."""
    if JWS.fullmatch(text):
        raise click.BadParameter("a whole token is a secret; give its jti, which `wssec token inspect` shows")
    if looks_like_key(text):
        raise click.BadParameter(WHOLE_KEY)
    try:
        return ensure_name("value", text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def api_key_id(text: str) -> str:
    """The public id of an API key, or "-"."""
    if looks_like_key(text):
        raise click.BadParameter(WHOLE_KEY)
    if text != "-" and not is_key_id(text):
        raise click.BadParameter("this is no id of an API key; `wssec apikeys list` shows those that there are")
    return text


def claim(text: str) -> tuple[str, str]:
    """A claim as name=value; the value is text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is not name=value")
    return key, value


def store_url(text: str) -> str:
    """A store URL without a password: every user of the machine can read arguments."""
    if _may_hold_password(text):
        raise click.BadParameter(
            "it may hold a password, which others see in the list of processes; use WSSEC_STORE_FILE"
        )
    return text


def _may_hold_password(url: str) -> bool:
    """Whether anything in it may be one; a URL that cannot be read counts."""
    try:
        parts = urlsplit(url)
        queried = [key for key, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return True
    return parts.password is not None or any("pass" in key.lower() for key in queried)
