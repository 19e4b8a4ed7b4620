"""What is known of the rights of one connection, while the application is asked about them."""

import asyncio
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from .policy.identity import Identity


@dataclass(slots=True, eq=False)
class Standing:
    """The rights of one connection, as far as they are known.

    Args:
        proven: who it is as the credential in force says it; what the hooks are asked about.
        changes: how many changes were announced that concern it.
        is_announced: whether a change was announced that nothing is known of yet.
        unknown_since: monotonic seconds; since when no answer has come. None: the last question was answered.
        asking: what asks at the moment.
        context: of its handshake, in which questions are asked; whoever causes one may be anybody's handler.
    """

    proven: Identity
    changes: int = 0
    is_announced: bool = False
    unknown_since: float | None = None
    asking: "asyncio.Task[None] | None" = None
    context: Context = field(default_factory=copy_context)

    @property
    def awaited(self) -> "asyncio.Task[None] | None":
        """What to wait for before anything is done that needs a right; None: nothing."""
        return self.asking if self.is_announced else None
