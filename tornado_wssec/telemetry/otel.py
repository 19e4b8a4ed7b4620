"""Spans of OpenTelemetry: one for each handshake, and one for each message, linked to its connection's handshake.

Rules of this file:
1. Whatever a tracer does, nothing is raised into the pipeline, not even what is no `Exception`, as the panic of an
   extension in Rust: what fails is told once, and the span is missing.
2. A name or an attribute comes from what the application has declared, or from a fixed set: never from a stranger,
   never from a body. A person is in a span only under a pseudonym.
3. A stranger's `traceparent` is not looked at: it could have everything sampled, or tie our spans to others' traces.

Imported only where a tracer provider is given; needs the extra `otel`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TracerProvider, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..errors import Disconnect, FrameDropped, FrameError, HandlerFailed, HandlerTimedOut, HandshakeRefused, Unavailable
from .redact import where_raised

logger = logging.getLogger(__name__)

NAME: Final = "tornado_wssec"
REFUSED: Final = "wssec.refused"
"""The name of the span of a message that was not admitted: its type is a stranger's word."""
OUR_FAULT: Final = (HandlerFailed, HandlerTimedOut, Unavailable)
"""What counts as an error of the server, as a status from 500 up does; a client's mistake is none."""
SERVER_ERROR: Final = 500
INTERNAL_ERROR: Final = 1011

Attributes = dict[str, str | int]


class Outcome:
    """What became of a message, while its span is open."""

    __slots__ = ("attributes", "is_fault")

    def __init__(self) -> None:
        self.attributes: Attributes = {}
        self.is_fault = False

    def take(self, error: BaseException) -> None:
        """It was not handled, for this."""
        if isinstance(error, FrameError):
            self.attributes["wssec.code"] = error.code
            self.is_fault = isinstance(error, OUR_FAULT)
        elif isinstance(error, Disconnect):
            self.attributes["wssec.close"] = int(error.close.code)
            self.is_fault = int(error.close.code) == INTERNAL_ERROR
        elif isinstance(error, FrameDropped):
            self.attributes["wssec.code"] = "dropped"
        else:
            self.attributes |= {"wssec.code": HandlerFailed.code, "error.type": type(error).__qualname__}
            self.is_fault = True


class Tracing:
    """Makes the spans of one guard.

    Args:
        provider: of tracers.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer(NAME)
        self._propagator = TraceContextTextMapPropagator()
        self._outcome: ContextVar[Outcome | None] = ContextVar("wssec_outcome", default=None)
        self._handshakes: WeakKeyDictionary[object, SpanContext] = WeakKeyDictionary()
        self._is_told = False

    # --- handshakes ---

    @contextmanager
    def handshake(
        self, request: object, endpoint: str, origin: str, headers: Mapping[str, Sequence[str]] | None
    ) -> Iterator[None]:
        """The span of a handshake: what happens inside belongs to it.

        Args:
            request: by which it is found again.
            endpoint, origin: as metrics name them.
            headers: that may say which trace it belongs to; None: they may not.
        """
        told: Attributes = {"wssec.endpoint": endpoint, "wssec.origin": origin}
        span = self._begin(f"handshake {endpoint}", SpanKind.SERVER, told, parent=self._said_by(headers))
        status = 101
        try:
            with self._inside(span):
                yield
        except HandshakeRefused as refusal:
            status = refusal.status
            told["wssec.stage"] = refusal.stage
            raise
        except BaseException:
            status = SERVER_ERROR
            raise
        finally:
            self._end(span, {**told, "http.response.status_code": status}, is_fault=status >= SERVER_ERROR)
            self._remember(request, span)

    def context_of(self, request: object) -> SpanContext | None:
        """That of a request's handshake."""
        return self._handshakes.get(request)

    def _said_by(self, headers: Mapping[str, Sequence[str]] | None) -> Context:
        if headers is None:
            return Context()
        try:
            carrier = {name: values for name in self._propagator.fields if (values := headers.get(name))}
            return self._propagator.extract(carrier, Context())
        except BaseException as error:  # the carrier is a stranger's
            self._tell(error)
            return Context()

    def _remember(self, request: object, span: Span | None) -> None:
        if span is not None:
            try:
                self._handshakes[request] = span.get_span_context()
            except BaseException as error:  # a tracer may be anything
                self._tell(error)

    # --- messages ---

    def begin_message(self, type: str, endpoint: str, handshake: SpanContext | None, who: str | None) -> Span | None:
        """The span of a message that was admitted, to be ended with `end_message`.

        Args:
            type: as it is declared.
            who: a pseudonym of its sender; None: he is not told.
        """
        told: Attributes = {"wssec.type": type, "wssec.endpoint": endpoint}
        if who is not None:
            told["enduser.pseudo.id"] = who
        return self._begin(type, SpanKind.SERVER, told, handshake=handshake)

    @contextmanager
    def handling(self, span: Span | None, outcome: Outcome) -> Iterator[None]:
        """What is begun inside belongs to the span, and tells this outcome."""
        token = self._outcome.set(outcome)
        try:
            with self._inside(span):
                yield
        finally:
            self._outcome.reset(token)

    def take(self, error: BaseException) -> None:
        """The message that is being handled here was not, for this."""
        if (outcome := self._outcome.get()) is not None:
            outcome.take(error)

    def end_message(self, span: Span | None, outcome: Outcome) -> None:
        """It has been handled, or not."""
        self._end(span, outcome.attributes, is_fault=outcome.is_fault)

    def refused(self, error: FrameError, endpoint: str, handshake: SpanContext | None) -> None:
        """A message was not admitted."""
        outcome = Outcome()
        outcome.take(error)
        span = self._begin(REFUSED, SpanKind.SERVER, {"wssec.endpoint": endpoint}, handshake=handshake)
        self.end_message(span, outcome)

    # --- the tracer, which may be anything ---

    def _begin(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        *,
        parent: Context | None = None,
        handshake: SpanContext | None = None,
    ) -> Span | None:
        links = [] if handshake is None else [Link(handshake)]
        try:
            # Never the context that happens to be: frames are read in that of whoever connected first.
            return self._tracer.start_span(
                name, context=parent or Context(), kind=kind, attributes=attributes, links=links
            )
        except BaseException as error:  # a tracer may be anything
            self._tell(error)
            return None

    def _end(self, span: Span | None, attributes: Attributes, *, is_fault: bool) -> None:
        if span is None:
            return
        try:
            span.set_attributes(attributes)
            if is_fault:
                span.set_status(StatusCode.ERROR)
            span.end()
        except BaseException as error:  # a span may be anything
            self._tell(error)

    @contextmanager
    def _inside(self, span: Span | None) -> Iterator[None]:
        if span is None:
            yield
            return
        token = contexts.attach(set_span_in_context(span, Context()))
        try:
            yield
        finally:
            contexts.detach(token)

    def _tell(self, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        if not self._is_told:
            self._is_told = True
            logger.error("a tracer failed, and spans are missing; told once: %s", where_raised(error))
