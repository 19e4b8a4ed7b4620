"""The application's own knowledge of people, as tests change it: what `permissions=` and `revalidate=` ask."""

import asyncio
from typing import Any

from tornado_wssec import Identity


class Authority:
    """Answers both hooks.

    Args:
        rights: subject → what `permissions=` answers. Whoever is not there may do what the credential says.
    """

    def __init__(self, **rights: Any) -> None:
        self.rights: dict[str, Any] = rights
        self.verdicts: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.failure: BaseException | None = None
        self.hang = False
        self.at_once = self.most_at_once = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def permissions(self, identity: Identity) -> Any:
        """What somebody may do."""
        return await self._answer("permissions", identity, self.rights, identity.permissions)

    async def revalidate(self, identity: Identity) -> Any:
        """Whether somebody may stay."""
        return await self._answer("revalidate", identity, self.verdicts, True)

    async def _answer(self, hook: str, identity: Identity, answers: dict[str, Any], otherwise: Any) -> Any:
        self.asked.append((hook, identity.subject))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        answer = answers.get(identity.subject, otherwise)  # as of now, however long it then takes
        try:
            await self.go_on.wait()
            if self.hang:
                await asyncio.Event().wait()
            if self.failure is not None:
                raise self.failure
            return answer(identity) if callable(answer) else answer
        finally:
            self.at_once -= 1
