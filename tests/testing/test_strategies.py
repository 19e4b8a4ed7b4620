"""Messages for Hypothesis: the valid ones are admitted, the near misses are refused, and nothing else comes out."""

import builtins
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from schemas import chat
from tests.exports.variety import VARIETY, Choice, Even, Everything, Odd, Picture
from tornado_wssec import ConfigurationError, Grants, Identity, InvalidMessage, Limits, Registry
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.permitted import Permitted
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.testing import Spoken, messages, near_misses

CATALOGUES = Registry.scan("schemas")
UNSIGNED = [s.message for s in CATALOGUES.messages.values() if s.direction == "in" and not s.signed]
SIGNED = [s.message for s in CATALOGUES.messages.values() if s.signed]
LIMITS = Limits()
QUICK = settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
VALUES: Any = {Odd: st.just(3), Even: st.just(4), (Everything, "page"): st.just("https://example.com/")}
DATED: Any = {(Everything, name): st.just(value) for name, value in (("dated", "31.01.2026"), ("vowel", "a"))}


def admit(spoken: Spoken) -> Permitted:
    """Send it through the whole pipeline, as somebody who may do everything and whom the fields name."""
    spec = CATALOGUES.resolve(spoken.type)
    claims = dict.fromkeys(["device"], "pump-1")
    everybody = Identity(subject="pump-1", tenant="acme", permissions=Grants(["**"]), claims=claims)
    session = Session("s1", everybody, LIMITS, Account(LIMITS, 0.0), 0.0)
    pipeline = Pipeline({spec.type: spec}, Envelope(), LIMITS)
    return pipeline.admit(json.dumps({"type": spoken.type, "data": spoken.data}), session, 0.0)


@pytest.mark.parametrize("message", UNSIGNED, ids=lambda message: message.opts.type)
def test_strategies_make_messages_that_are_admitted(message: Any) -> None:
    """Whatever comes out passes the pipeline, in which rates, sizes and permissions are asked as well."""

    @QUICK
    @given(messages(CATALOGUES, message))
    def check(spoken: Spoken) -> None:
        assert message.opts.type == admit(spoken).spec.type

    check()


@pytest.mark.requirement("R052")
@pytest.mark.parametrize("message", UNSIGNED, ids=lambda message: message.opts.type)
def test_strategies_make_near_misses_that_are_refused(message: Any) -> None:
    """Whatever comes out is refused, and is no other type."""

    @QUICK
    @given(near_misses(CATALOGUES, message))
    def check(spoken: Spoken) -> None:
        assert message.opts.type == spoken.type
        with pytest.raises(InvalidMessage):
            CATALOGUES.resolve(spoken.type).load({**filled(message, spoken), **spoken.data})

    check()


def filled(message: Any, spoken: Spoken) -> dict[str, Any]:
    """What the server would fill in."""
    return {name: "pump-1" if name == "device" else "acme" for name in message.opts.bind or {}}


def test_strategies_make_signed_messages() -> None:
    """For whoever signs them; they are valid inside."""

    @QUICK
    @given(messages(CATALOGUES, *SIGNED))
    def check(spoken: Spoken) -> None:
        CATALOGUES.resolve(spoken.type).load(spoken.data)

    check()


def test_strategies_know_every_kind_of_field() -> None:
    """And are told of those that say nothing of what they take."""

    @QUICK
    @given(messages(VARIETY, Everything, Choice, values={**VALUES, **DATED}))
    def check(spoken: Spoken) -> None:
        VARIETY.resolve(spoken.type).load(spoken.data)

    check()


def test_strategies_choose_among_all_that_clients_may_send() -> None:
    """Without a class, each inbound type comes; what only the server sends does not."""
    seen: set[str] = set()

    @settings(QUICK, max_examples=600)
    @given(messages(CATALOGUES))
    def check(spoken: Spoken) -> None:
        seen.add(spoken.type)

    check()
    inbound = {spec.type for spec in CATALOGUES.messages.values() if spec.direction != "out"}

    assert inbound == seen


def test_strategies_take_values_for_one_field() -> None:
    """So that a message names a room in which somebody may write."""
    line = find(messages(CATALOGUES, chat.Send, values={(chat.Send, "room"): st.just("lobby")}), lambda one: True)

    assert ("chat.send", "lobby") == (line.type, line.data["room"])


def test_strategies_say_what_they_do_not_know() -> None:
    """A field of a class that says nothing: which, and what to hand in."""
    with pytest.raises(ConfigurationError, match=r"every.thing.odd: is Odd.*values=\{Odd: …\}"):
        messages(VARIETY, Everything, values={**DATED}).validate()


@pytest.mark.parametrize("declared", [[chat.Posted], [Choice], [Picture]])
def test_strategies_refuse_what_no_client_may_send(declared: list[Any]) -> None:
    """Neither what the server sends, nor what another registry declares, nor what carries bytes."""
    registry = VARIETY if declared == [Picture] else CATALOGUES
    with pytest.raises(ConfigurationError, match="names what no client may send as text"):
        messages(registry, *declared)


def test_strategies_say_how_to_get_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional: the kit can be imported without it."""
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("hypothesis"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigurationError, match=r"pip install 'tornado-wssec\[testing\]'"):
        messages(CATALOGUES)
