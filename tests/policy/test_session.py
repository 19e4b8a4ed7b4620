"""The budgets of one connection, and the ladder from told to dropped to ended."""

from dataclasses import replace

import pytest

from schemas import chat
from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.errors import Disconnect, FrameDropped, RateLimited
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.rates import parse_rates
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.session import Account, Session
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


def test_session_tells_then_drops_then_ends() -> None:
    """Excess is told twice, dropped twice, and then ended, with this ladder."""
    spent = session()
    spent.spend_frame(1, 0.0)
    spent.spend_frame(1, 0.0)

    expected = ["RateLimited", "RateLimited", "FrameDropped", "FrameDropped", "Disconnect"]
    assert expected == [outcome(spent.spend_frame, 1, 0.0) for _ in range(5)]


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

    assert "paid" == outcome(spent.spend_error, 6.0)


def test_account_is_idle_once_everything_has_refilled() -> None:
    """An account is forgotten only when that gives no budget away."""
    account = Account(LIMITS, 0.0)
    account.take("chat.send", parse_rates("1/minute"), 1, 0.0)

    assert [False, False, True] == [account.is_idle(0.0), account.is_idle(59.0), account.is_idle(60.0)]


def test_account_with_connections_is_not_idle() -> None:
    """An account in use is never forgotten."""
    account = Account(LIMITS, 0.0)
    account.connections = 1

    assert not account.is_idle(1_000.0)
