"""What operators do is recorded in the audit, where WSSEC_AUDIT names one.

Rules of this file:
1. A command that changes something, or gives out a credential, is in the table; whoever adds one decides.
2. Recorded is who, which command, what about, and how it ended; never a secret, a message or a file's content.
3. A command is not undone for want of a record: that is said aloud instead.
"""

import os
import pwd
import time
from collections.abc import Mapping
from typing import Any, Final

import click

from ..errors import WssecError
from ..settings import Limits, Settings
from ..telemetry.audit import record_of
from ..telemetry.audit_file import made_folder
from ..telemetry.audit_shared import append_shared
from ..telemetry.pseudonyms import Pseudonyms
from .output import SECRETS, warn

_WHOM: Final = ("session", "subject", "tenant", "issuer")

RECORDED: Final[Mapping[str, tuple[str, ...]]] = {
    "init": ("directory",),
    "keys generate": ("alg",),
    "keys rotate": (),
    "keys promote": ("kid",),
    "keys retire": ("kid", "compromised"),
    "keys import": (),
    "token issue": ("subject", "tenant"),
    "ticket issue": ("subject", "tenant", "path"),
    "revoke token": ("jti", "reason"),
    "revoke session": ("sid", "reason"),
    "revoke subject": ("subject", "issuer", "before", "reason"),
    "revoke tenant": ("tenant", "issuer", "before", "reason"),
    "revoke key": ("kid", "reason"),
    "revocations undo": ("ids",),
    "revocations prune": (),
    "revocations import": (),
    "sessions kick": (*_WHOM, "reason"),
    "sessions refresh": (*_WHOM, "role", "resource"),
    "apikeys create": ("subject", "tenant"),
    "apikeys revoke": ("id", "reason"),
    "channels mute": ("channel", "subject", "address", "reason"),
    "channels unmute": ("channel", "subject", "address"),
    "channels ban": ("channel", "subject", "address", "reason"),
    "channels unban": ("channel", "subject", "address"),
    "channels kick": ("channel", "subject", "address", "reason"),
    "channels slow": ("channel",),
    "publish": ("channel", "type"),
    "store migrate": (),
    "store clock": ("accept",),
}
"""The command → which of its parameters are recorded."""


READ: Final = ("WSSEC_AUDIT", "WSSEC_AUDIT_PSEUDONYMS", "WSSEC_AUDIT_PSEUDONYMS_FILE", "WSSEC_ISSUER")
"""The variables that say where a record goes, and how it names people."""


def record(ctx: click.Context, outcome: str) -> None:
    """Add a line about a command to the audit, where there is one.

    Args:
        ctx: of the command that has ended.
        outcome: `done`, `failed` or `stopped`.
    """
    command = ctx.command_path.partition(" ")[2]
    if command not in RECORDED:
        return
    try:
        settings = Settings.from_env({name: os.environ[name] for name in READ if name in os.environ})
        if settings.audit:
            at = time.time()
            facts = _facts(ctx.params, command, outcome)
            if settings.audit_pseudonyms is not None:
                facts = Pseudonyms(settings.audit_pseudonyms, settings.issuer).applied(facts)
            line = record_of("operator.acted", at, facts)
            append_shared(made_folder(settings.audit), [line], at, Limits().audit_piece_bytes)
    except WssecError as error:
        warn(f"this is not in the audit: {error}")


def _facts(params: Mapping[str, Any], command: str, outcome: str) -> dict[str, object]:
    named = {name: params.get(name) for name in RECORDED[command]}
    about = {name: _text(value) for name, value in named.items() if value not in (None, "", (), False)}
    return {"command": command, "outcome": outcome, "user": _user(), **about}


def _text(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return SECRETS.sub("[redacted]", text)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
