"""What the supervisor of the desk does while people talk: mute, ban, kick, slow down, and take lines away.

Rules of this file:
1. A measure is in force on every server before anybody is told of it.
2. Why something was done is for the audit, and for supervisors; the case is not told.
"""

from datetime import UTC, datetime
from typing import Any

from schemas import moderation, support
from tornado_wssec import Guard, PermissionDenied, SecureWebSocketHandler, on

from .cases import Case, Cases


class ModeratedSocket(SecureWebSocketHandler):
    """A socket of a case, under the eyes of a supervisor."""

    @property
    def guard(self) -> Guard:
        guard: Guard = self.settings["wssec"]
        return guard

    @property
    def cases(self) -> Cases:
        cases: Cases = self.settings["cases"]
        return cases

    @on(moderation.Report)
    async def report(self, data: dict[str, Any]) -> None:
        """Have the supervisor look at a case."""
        await self.tell_desk(self.cases.mark(data["room"], "reported"))

    @on(moderation.Moderate)
    async def moderate(self, data: dict[str, Any]) -> None:
        """Mute, ban or kick somebody, on every server, before anybody is told."""
        if data["subject"] == self.identity.subject:
            raise PermissionDenied("moderates himself")
        moderator, channel, until = self.guard.moderation, f"case:{data['room']}", None
        who, seconds = {"subject": data["subject"], "reason": data["reason"]}, data.get("seconds")
        match data["measure"]:
            case moderation.Measure.MUTE:
                until = (await moderator.mute(channel, duration=seconds, **who)).until
            case moderation.Measure.BAN:
                until = (await moderator.ban(channel, duration=seconds, **who)).until
            case moderation.Measure.KICK:
                await moderator.kick(channel, **who)
        told = {name: data[name] for name in ("room", "subject", "measure")}
        moment = None if until is None else datetime.fromtimestamp(until, UTC)
        await self.guard.publish(channel, moderation.Moderated, {**told, "until": moment})

    @on(moderation.Pardon)
    async def pardon(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take a mute or a ban back."""
        moderator = self.guard.moderation
        lift = moderator.unmute if data["measure"] is moderation.Measure.MUTE else moderator.unban
        if (lifted := await lift(f"case:{data['room']}", subject=data["subject"])) is not None:
            await self.guard.publish(f"case:{data['room']}", moderation.Pardoned, data)
        return {"lifted": lifted is not None}

    @on(moderation.SlowDown)
    async def slow_down(self, data: dict[str, Any]) -> None:
        """Let everybody write once in so many seconds."""
        await self.guard.moderation.slow(f"case:{data['room']}", data["seconds"])
        await self.guard.publish(f"case:{data['room']}", moderation.Slowed, data)

    @on(moderation.Remove)
    async def remove(self, data: dict[str, Any]) -> None:
        """Take lines from every screen."""
        await self.guard.publish(f"case:{data['room']}", moderation.Removed, data)

    @on(moderation.Look)
    def look(self, data: dict[str, Any]) -> dict[str, Any]:
        """Say what is in force, also what was decided by `wssec channels`."""
        named = ("measure", "subject", "seconds", "until", "reason")
        found = self.guard.moderation.in_force(f"case:{data['room']}")
        return {"measures": [{name: getattr(one, name) for name in named} for one in found]}

    async def tell_desk(self, case: Case | None) -> None:
        """Let the staff know what a case is in."""
        if case is not None:
            await self.guard.publish("desk", support.Changed, case.fields)
