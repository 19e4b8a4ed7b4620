"""A conversation of which every message has a span; only where a tracer provider is given."""

import asyncio
from collections.abc import Callable
from typing import Any

from .conversation import Conversation
from .errors import FrameError
from .handling import told_as
from .policy.pipeline import Permitted
from .telemetry.otel import Outcome, Tracing


class TracedConversation(Conversation):
    """Handles messages as any other, each by itself, and has spans tell of it; see `trace`."""

    __slots__ = ("_handshake", "_tracing")

    _tracing: Tracing
    _handshake: Any
    """Of a library that need not be there; compiled, its own type would be taken for a plain tuple."""

    def trace(self, tracing: Tracing, request: object) -> None:
        """Begin; before the first message.

        Args:
            tracing: makes the spans.
            request: whose handshake they are linked to.
        """
        context_of: Callable[[object], Any] = tracing.context_of
        self._tracing, self._handshake = tracing, context_of(request)

    def receive_all(self, frames: list[str]) -> int:
        """None at once: each goes the way that a span can be laid around."""
        self.saw_frame()
        return 0

    def _handle(self, permitted: Permitted) -> "asyncio.Future[None] | None":
        tracing = self._tracing
        span, outcome = self._span_of(permitted), Outcome()
        running: asyncio.Future[None] | None = None
        try:
            with tracing.handling(span, outcome):
                running = super()._handle(permitted)
        finally:
            if running is None:
                tracing.end_message(span, outcome)
        if running is not None:
            running.add_done_callback(lambda _: tracing.end_message(span, outcome))
        return running

    def _span_of(self, permitted: Permitted) -> Any:
        identity, pseudonyms = permitted.identity, self._audit.pseudonyms
        who = None if pseudonyms is None else pseudonyms.of(identity.subject, identity.issuer)
        return self._tracing.begin_message(permitted.spec.type, self._endpoint.name, self._handshake, who)

    def _refuse(self, permitted: Permitted, error: BaseException) -> None:
        self._tracing.take(told_as(error))
        super()._refuse(permitted, error)

    def _answer(self, error: FrameError, frame: str | bytes | None) -> None:
        if frame is not None:
            self._tracing.refused(error, self._endpoint.name, self._handshake)
        super()._answer(error, frame)
