"""The budgets of one connection, and the ladder from told to dropped to ended."""

from dataclasses import replace
from typing import Any

import pytest

from schemas import chat
from tornado_wssec import PUBLIC, Message
from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.errors import Disconnect, FrameDropped, RateLimited, ReauthRequired, Unavailable
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.rates import parse_rates
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.session import REPLACED_MOST, Account, Session
from tornado_wssec.settings import Limits

LIMITS = Limits(
    frames_per_second=1,
    frames_burst=2,
    bytes_per_second=100,
    bytes_burst=1_000,
    identity_messages_per_second=1,
    identity_messages_burst=3,
    error_budget=2,
    error_refill_seconds=6,
    rate_window_seconds=10,
    rate_refusals_until_silence=2,
    rate_refusals_until_close=4,
)
ANN = Identity(subject="ann")


class Everybodys(Message):
    """What everybody may say."""

    class Meta:
        type = "everybodys"
        permission = PUBLIC


def session(account: Account | None = None) -> Session:
    """A session that opened at 0."""
    return Session("s1", ANN, LIMITS, account or Account(LIMITS, 0.0), 0.0)


def spec(rate: str | None = None, cost: float = 1) -> MessageSpec:
    """The chat's message with a rate of its own."""
    declared = Registry(chat.Send).resolve("chat.send")
    return replace(declared, rates=parse_rates(rate) if rate else (), cost=cost)


def outcome(what: object, *arguments: object) -> str:
    """What a payment comes to, by the name of its error."""
    try:
        what(*arguments)  # type: ignore[operator]
    except (RateLimited, FrameDropped, Disconnect) as error:
        return type(error).__name__
    return "paid"


def test_session_is_open_until_a_close_is_decided() -> None:
    """A session without a close admits."""
    open_session = session()
    open_session.ensure_open()

    assert not open_session.is_closing


def test_session_drops_what_arrives_after_the_close() -> None:
    """Frames that arrive after close() are dropped without an answer."""
    closing = session()
    closing.close = Close(CloseCode.REVOKED)

    assert closing.is_closing
    with pytest.raises(FrameDropped):
        closing.ensure_open()


def test_r01_frames_are_paid_before_they_are_parsed() -> None:
    """The burst passes, the next frame is refused and told when it would pass."""
    spent = session()
    spent.spend_frame(10, 0.0)
    spent.spend_frame(10, 0.0)

    with pytest.raises(RateLimited) as refused:
        spent.spend_frame(10, 0.0)
    assert pytest.approx(1.0) == refused.value.retry_after


def test_r02_few_but_huge_frames_pay_by_the_byte() -> None:
    """The byte budget refuses what the frame budget lets pass."""
    spent = session()
    spent.spend_frame(1_000, 0.0)

    assert "RateLimited" == outcome(spent.spend_frame, 100, 0.0)


@pytest.mark.requirement("R071")
def test_session_tells_then_drops_then_ends() -> None:
    """Excess is told twice, dropped twice, and then ended, with this ladder."""
    spent = session()
    spent.spend_frame(1, 0.0)
    spent.spend_frame(1, 0.0)

    expected = ["RateLimited", "RateLimited", "FrameDropped", "FrameDropped", "Disconnect"]
    assert expected == [outcome(spent.spend_frame, 1, 0.0) for _ in range(5)]


@pytest.mark.requirement("R071")
def test_session_ends_sustained_excess_with_4429() -> None:
    """The close of the ladder is RATE_LIMITED."""
    spent = session()
    spent.spend_frame(1, 0.0)
    spent.spend_frame(1, 0.0)
    for _ in range(4):
        outcome(spent.spend_frame, 1, 0.0)

    with pytest.raises(Disconnect) as ended:
        spent.spend_frame(1, 0.0)
    assert CloseCode.RATE_LIMITED == ended.value.close.code


def test_session_forgets_refusals_after_the_window() -> None:
    """Who calms down for the window starts at the foot of the ladder again."""
    spent = session()
    for _ in range(2 + 3):
        outcome(spent.spend_frame, 1, 0.0)
    spent.spend_frame(1, 11.0)
    spent.spend_frame(1, 11.0)

    assert "RateLimited" == outcome(spent.spend_frame, 1, 11.0)


def test_session_is_told_as_often_again_after_the_window() -> None:
    """The whole ladder begins anew, and not before the window is over."""
    ladders = []
    for calm in (10.0, 10.5):
        spent = session()
        for _ in range(2 + 2):
            outcome(spent.spend_frame, 1, 0.0)
        spent.spend_frame(1, calm)
        spent.spend_frame(1, calm)
        ladders.append([outcome(spent.spend_frame, 1, calm) for _ in range(3)])

    told, dropped = "RateLimited", "FrameDropped"
    assert [[dropped, dropped, "Disconnect"], [told, told, dropped]] == ladders


@pytest.mark.requirement("R070")
def test_session_pays_the_rate_of_a_type() -> None:
    """A type's own rate refuses although every other budget would pay, and answers the id."""
    spent = session()
    once = spec("1/minute")
    spent.spend(once, "a1", 0.0)

    with pytest.raises(RateLimited) as refused:
        spent.spend(once, "a2", 0.0)
    assert "a2" == refused.value.message_id
    assert pytest.approx(60.0) == refused.value.retry_after


def test_session_shares_the_rate_of_a_type_with_the_identitys_other_connections() -> None:
    """Two connections of one identity draw on one budget for each type."""
    account = Account(LIMITS, 0.0)
    session(account).spend(spec("1/minute"), None, 0.0)

    assert "RateLimited" == outcome(session(account).spend, spec("1/minute"), None, 0.0)


def test_session_keeps_apart_two_types_of_one_name() -> None:
    """What one endpoint declares has its own rate, however often another one lets a message of that name pass."""
    elsewhere = type("Everybodys", (Everybodys,), {})
    account, often = Account(LIMITS, 0.0), replace(MessageSpec.of(Everybodys), rates=parse_rates("100/second"))
    seldom = replace(often, message=elsewhere, rates=parse_rates("1/minute"))
    for one in (often, seldom):
        session(account).spend(one, None, 0.0)

    assert "RateLimited" == outcome(session(account).spend, seldom, None, 1.0)


@pytest.mark.requirement("R070")
def test_session_shares_the_messages_of_an_identity() -> None:
    """The identity budget counts over all its connections, whatever the type."""
    account = Account(LIMITS, 0.0)
    for _ in range(3):
        session(account).spend(spec(), None, 0.0)

    assert "RateLimited" == outcome(session(account).spend, spec(), None, 0.0)


def test_session_charges_the_cost_of_a_type() -> None:
    """A type that costs three messages uses up what three messages would."""
    account = Account(LIMITS, 0.0)
    session(account).spend(spec(cost=3), None, 0.0)

    assert "RateLimited" == outcome(session(account).spend, spec(), None, 0.0)


def test_session_ends_who_makes_too_many_mistakes() -> None:
    """When the error budget is used up the connection ends with 4400."""
    spent = session()
    spent.spend_error(0.0)
    spent.spend_error(0.0)

    with pytest.raises(Disconnect) as ended:
        spent.spend_error(0.0)
    assert CloseCode.BAD_MESSAGES == ended.value.close.code


def test_session_gives_mistakes_back_with_time() -> None:
    """One error of the budget comes back every six seconds."""
    spent = session()
    spent.spend_error(0.0)
    spent.spend_error(0.0)

    assert "Disconnect" == outcome(spent.spend_error, 5.9)
    assert "paid" == outcome(spent.spend_error, 6.0)
    assert "Disconnect" == outcome(spent.spend_error, 11.9)


def test_session_knows_whether_another_mistake_is_answered() -> None:
    """As many as the error budget holds, up to its last one."""
    spent = session()
    answered = [spent.may_err(0.0)]
    for _ in range(2):
        spent.spend_error(0.0)
        answered.append(spent.may_err(0.0))

    assert [True, True, False] == answered


def test_account_throttled_gives_back_its_share_alone() -> None:
    """At a quarter, the message that comes back in a second takes four; at 1.0 a second again."""
    account = Account(LIMITS, 0.0)
    account.throttle(0.25)
    at_a_quarter = [account.take(chat.Send, (), 1, 0.0) for _ in range(2)]
    account.throttle(1.0)
    at_all = [account.take(chat.Send, (), 1, 100.0) for _ in range(4)]

    assert ([0.0, 4.0], [0.0, 0.0, 0.0, 1.0]) == (at_a_quarter, at_all)


def test_account_is_idle_once_everything_has_refilled() -> None:
    """An account is forgotten only when that gives no budget away."""
    account = Account(LIMITS, 0.0)
    account.take(chat.Send, parse_rates("1/minute"), 1, 0.0)

    assert [False, False, True] == [account.is_idle(0.0), account.is_idle(59.0), account.is_idle(60.0)]


def test_account_pays_for_what_it_sends_to_many() -> None:
    """Up to the burst at once; a larger audience is reached from a full budget, and paid off afterwards."""
    account = Account(replace(LIMITS, identity_sends_per_second=10, identity_sends_burst=20), 0.0)
    assert 0.0 == account.deliveries_wait(1_000, 0.0)
    account.charge_deliveries(20, 0.0)
    assert [0.1, 2.0] == pytest.approx([account.deliveries_wait(1, 0.0), account.deliveries_wait(1_000, 0.0)])
    account.charge_deliveries(50, 2.0)

    assert [3.1, 0.0] == pytest.approx([account.deliveries_wait(1, 2.0), account.deliveries_wait(20, 7.0)])
    assert [False, True] == [account.is_idle(6.9), account.is_idle(7.0)]


def test_account_with_connections_is_not_idle() -> None:
    """An account in use is never forgotten."""
    account = Account(LIMITS, 0.0)
    account.connections = 1

    assert not account.is_idle(1_000.0)


HELD = Identity(subject="ann", issuer="us", tenant="acme", token_id="t1", session_id="s1", expires_at=100.0)


def holding(held: Identity = HELD) -> Session:
    """A session of somebody who showed a token."""
    return Session("s1", held, LIMITS, Account(LIMITS, 0.0), 0.0)


@pytest.mark.requirement("R038")
@pytest.mark.parametrize(
    ("differs", "evidence"),
    [
        ({"subject": "bob"}, "another subject"),
        ({"issuer": "them"}, "another subject"),
        ({"issuer": None}, "another subject"),
        ({"tenant": "evil"}, "another subject"),
        ({"tenant": None}, "another subject"),
        ({"session_id": "s2"}, "another session"),
        ({"claims": {"cnf": {"jkt": "k"}}}, "bound to another key"),
    ],
)
def test_session_takes_no_credential_of_another(differs: dict[str, Any], evidence: str) -> None:
    """Person, session and key stay as they were; the refusal ends the connection with 4401."""
    with pytest.raises(Disconnect, match=evidence) as refused:
        holding().ensure_takes(replace(HELD, token_id="t2", **differs), 1.0)

    assert CloseCode.UNAUTHENTICATED == refused.value.close.code


def test_session_keeps_the_key_that_it_is_bound_to() -> None:
    """The same key goes on; a token without one does not."""
    bound = replace(HELD, claims={"cnf": {"jkt": "k"}})
    holding(bound).ensure_takes(replace(bound, token_id="t2"), 1.0)

    with pytest.raises(Disconnect, match="bound to another key"):
        holding(bound).ensure_takes(replace(HELD, token_id="t2"), 1.0)


def test_session_never_takes_back_what_was_replaced() -> None:
    """The token in force may be shown again, an older one not, until it has expired and is refused anyway."""
    held = holding()
    fresh = replace(HELD, token_id="t2", expires_at=200.0)
    held.ensure_takes(fresh, 1.0)
    held.take_over(fresh)
    held.ensure_takes(fresh, 1.0)
    held.take_over(fresh)

    with pytest.raises(Disconnect, match="another has replaced"):
        held.ensure_takes(HELD, 99.0)
    held.ensure_takes(fresh, 100.0)
    held.ensure_takes(HELD, 100.0)


def test_session_never_takes_back_what_has_no_end() -> None:
    """A key without an end stays dead for the session that has left it; what has no name cannot be told apart."""
    held = holding(replace(HELD, expires_at=None))
    held.take_over(replace(HELD, token_id=None))
    held.take_over(replace(HELD, token_id="t3"))

    with pytest.raises(Disconnect, match="another has replaced"):
        held.ensure_takes(HELD, 1e9)


def test_session_remembers_a_bounded_number_of_replaced_tokens() -> None:
    """Nobody fills the memory with tokens of his own: the next one has to wait."""
    held = holding()
    for number in range(REPLACED_MOST):
        fresh = replace(HELD, token_id=f"n{number}")
        held.ensure_takes(fresh, 1.0)
        held.take_over(fresh)

    with pytest.raises(RateLimited):
        held.ensure_takes(replace(HELD, token_id="one more"), 1.0)
    held.ensure_takes(replace(HELD, token_id="one more"), 100.0)


@pytest.mark.parametrize(
    ("age", "is_recent"), [(0.0, True), (300.0, True), (300.1, False), (-60.0, True), (-61, False)]
)
def test_session_asks_for_a_recent_authentication(age: float, is_recent: bool) -> None:
    """Older than the type allows is refused; so is what claims to come from the future."""
    step_up, held = replace(spec(), max_auth_age=300.0), session()
    held.authenticated_at = 1_000.0
    held.ensure_recent(spec(), 1e9)

    if is_recent:
        held.ensure_recent(step_up, 1_000.0 + age)
    else:
        with pytest.raises(ReauthRequired):
            held.ensure_recent(step_up, 1_000.0 + age)


def test_session_without_an_authentication_is_never_recent() -> None:
    """Until somebody says when it was, it was never."""
    with pytest.raises(ReauthRequired):
        session().ensure_recent(replace(spec(), max_auth_age=1e300), 0.0)


def test_session_in_doubt_does_what_everybody_may() -> None:
    """What needs a right is unavailable, what is public is not."""
    doubtful = session()
    doubtful.ensure_certain(spec())
    doubtful.is_in_doubt = True
    public = MessageSpec.of(Everybodys)

    doubtful.ensure_certain(public)
    with pytest.raises(Unavailable):
        doubtful.ensure_certain(spec())
    with pytest.raises(Unavailable):
        doubtful.ensure_certain(replace(spec(), permission=None))
