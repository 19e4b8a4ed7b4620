"""The deadlines of one connection, with the clock in the hand."""

import pytest

from tornado_wssec.closing import Advice, Close, CloseCode
from tornado_wssec.policy.lifetime import Lifetime, Nudge
from tornado_wssec.settings import Timeouts

TIMEOUTS = Timeouts(ping_interval=25, pong=10, idle=900, age=10_000, token_warning=60, token_grace=25)


def life(expires_in: float | None = None, **options: float) -> Lifetime:
    """A connection that opened at 0."""
    return Lifetime(TIMEOUTS, 0.0, expires_in=expires_in, **options)


def due(lifetime: Lifetime, now: float, **options: bool) -> list[Nudge | Close]:
    """What is due at a moment."""
    return list(lifetime.due(now, **options))


def test_lifetime_asks_for_nothing_at_first() -> None:
    """A fresh connection is not pinged at once."""

    assert [] == due(life(), 0.0)


def test_lifetime_says_when_it_wants_to_be_looked_at_next() -> None:
    """After a look, the next one is due when the first deadline is."""
    lifetime = life()
    due(lifetime, 0.0)

    assert 25.0 == lifetime.next_at


def test_lifetime_pings_who_was_silent_for_the_interval() -> None:
    """A ping is due one interval after the last sign of life."""

    assert [Nudge.PING] == due(life(), 25.0)


def test_lifetime_does_not_ping_who_has_just_spoken() -> None:
    """Any inbound byte is life, so a talking peer is not pinged."""
    lifetime = life()
    lifetime.saw_life(20.0)

    assert [] == due(lifetime, 25.0)


def test_lifetime_pings_once_and_waits() -> None:
    """An unanswered ping is not followed by another."""
    lifetime = life()
    due(lifetime, 25.0)

    assert [] == due(lifetime, 30.0)


def test_lifetime_ends_who_does_not_answer_a_ping() -> None:
    """No byte within the pong deadline after a ping ends the connection with 4408."""
    lifetime = life()
    due(lifetime, 25.0)
    due(lifetime, 34.9)

    assert [Close(CloseCode.TIMED_OUT, "no sign of life")] == due(lifetime, 35.0)


def test_lifetime_looks_again_when_the_pong_is_due() -> None:
    """While a pong is awaited, its deadline is the next thing to look at."""
    lifetime = life()
    due(lifetime, 25.0)

    assert 35.0 == lifetime.next_at


def test_lifetime_forgives_silence_while_nobody_listens() -> None:
    """A connection whose reading is paused cannot prove life and is not ended for it."""
    lifetime = life()
    due(lifetime, 25.0)

    assert [] == due(lifetime, 40.0, listening=False)


def test_lifetime_pings_again_after_an_answer() -> None:
    """An answered ping starts a new interval."""
    lifetime = life()
    due(lifetime, 25.0)
    lifetime.saw_life(26.0)

    assert [Nudge.PING] == due(lifetime, 51.0)


def test_lifetime_ends_the_idle() -> None:
    """Without data either way for the idle time the connection ends with 4408, pongs or not."""
    lifetime = life()
    lifetime.saw_life(899.0)

    assert [Close(CloseCode.TIMED_OUT, "idle")] == due(lifetime, 900.0)


def test_lifetime_counts_data_as_not_idle() -> None:
    """A message moves the idle deadline."""
    lifetime = life()
    lifetime.saw_data(500.0)
    lifetime.saw_life(899.0)

    assert [] == due(lifetime, 900.0)


def test_lifetime_ends_the_old() -> None:
    """However lively, a connection ends at its age."""
    lifetime = life()
    lifetime.saw_data(9_999.0)
    lifetime.saw_life(9_999.0)

    assert [Close(CloseCode.TIMED_OUT, "connection reached its age")] == due(lifetime, 10_000.0)


@pytest.mark.parametrize(("jitter", "age"), [(-1.0, 9_000.0), (1.0, 11_000.0)])
def test_lifetime_spreads_the_age(jitter: float, age: float) -> None:
    """The age varies by a tenth either way, so that connections of one moment do not end in one."""
    lifetime = life(jitter=jitter)
    lifetime.saw_data(age)
    lifetime.saw_life(age)

    assert ([], 1) == (due(lifetime, age - 0.1), len(due(lifetime, age)))


def test_lifetime_warns_before_the_token_ends() -> None:
    """A warning is due a minute before expiry."""
    lifetime = life(expires_in=600)
    lifetime.saw_life(540.0)

    assert ([], [Nudge.EXPIRING]) == (due(lifetime, 539.9), due(lifetime, 540.0))


def test_lifetime_warns_once() -> None:
    """The warning is not repeated."""
    lifetime = life(expires_in=600)
    lifetime.saw_life(541.0)
    due(lifetime, 541.0)

    assert [] == due(lifetime, 542.0)


def test_lifetime_warns_of_a_short_token_at_half_time() -> None:
    """A token shorter than the warning is not warned of at once."""
    lifetime = life(expires_in=10)

    assert ([], [Nudge.EXPIRING]) == (due(lifetime, 4.9), due(lifetime, 5.0))


def test_lifetime_leaves_the_grace_after_expiry() -> None:
    """Until the grace is over an expired token keeps its connection, for a refresh on its way."""
    lifetime = life(expires_in=600)
    lifetime.saw_life(600.0)
    due(lifetime, 600.0)

    assert ([], 625.0) == (due(lifetime, 624.9), lifetime.next_at)


def test_j24_expired_token_closes_without_traffic() -> None:
    """At expiry plus grace the connection ends with 4001, which means: new token."""
    lifetime = life(expires_in=600)

    assert [Close(CloseCode.TOKEN_EXPIRED)] == due(lifetime, 625.0)
    assert Advice.NEW_TOKEN == CloseCode.TOKEN_EXPIRED.advice


def test_lifetime_asks_for_nothing_once_ended() -> None:
    """A connection that has been told to end is not looked at again."""
    lifetime = life(expires_in=600)
    due(lifetime, 625.0)

    assert float("inf") == lifetime.next_at


def test_lifetime_takes_over_a_fresh_token() -> None:
    """A refresh moves expiry and warns again before the new end."""
    lifetime = life(expires_in=600)
    due(lifetime, 590.0)
    lifetime.renew(590.0, 600.0)
    lifetime.saw_data(1_130.0)
    lifetime.saw_life(1_130.0)

    assert (10.0, [Nudge.EXPIRING]) == (lifetime.expires_in(1_180.0), due(lifetime, 1_130.0))


def test_lifetime_without_an_end_never_expires() -> None:
    """A credential without an end has no expiry."""

    assert life().expires_in(5.0) is None


def test_lifetime_extends_after_a_stall() -> None:
    """A stalled loop heard nobody; its lag is added to what silence would end."""
    lifetime = life()
    due(lifetime, 25.0)
    lifetime.extend(5.0)

    assert ([], 1) == (due(lifetime, 39.9), len(due(lifetime, 40.0)))


def test_lifetime_looks_again_when_a_credential_ends() -> None:
    """At its warning, and then at the end of its grace."""
    fresh, ended = life(expires_in=20.0), life(expires_in=-5.0)
    due(fresh, 0.0)
    due(ended, 0.0)

    assert (10.0, 20.0) == (fresh.next_at, ended.next_at)


def test_lifetime_takes_a_byte_for_life_that_comes_with_the_ping() -> None:
    """Clocks tick in steps: at the same moment is not before."""
    lifetime = life()
    due(lifetime, 25.0)
    lifetime.saw_life(25.0)

    assert [] == due(lifetime, 35.0)


def test_lifetime_extends_what_idleness_would_end() -> None:
    """A loop that stalled has heard no message either."""
    lifetime = life()
    lifetime.extend(5.0)
    lifetime.saw_life(904.9)

    assert [] == due(lifetime, 904.9)
    assert [Close(CloseCode.TIMED_OUT, "idle")] == due(lifetime, 905.0)


def test_lifetime_warns_at_once_of_what_has_ended() -> None:
    """In its grace, a credential has nothing left to wait for."""

    assert [Nudge.EXPIRING] == due(life(expires_in=-1.0), 0.0)
    assert ([], [Nudge.EXPIRING]) == (due(life(expires_in=0.2), 0.05), due(life(expires_in=0.2), 0.1))


def test_lifetime_extends_before_any_ping() -> None:
    """The lag also moves the interval until the first ping."""
    lifetime = life()
    lifetime.extend(5.0)

    assert ([], [Nudge.PING]) == (due(lifetime, 29.9), due(lifetime, 30.0))


def test_lifetime_asks_for_rights_once() -> None:
    """At the moment that was set, and not again until another is."""
    lifetime = life()
    due(lifetime, 0.0)
    lifetime.ask_rights_at(10.0)
    assert 10.0 == lifetime.next_at

    assert [[], [Nudge.RIGHTS], []] == [due(lifetime, now) for now in (9.9, 10.0, 20.0)]
    lifetime.ask_rights_at(21.0)
    assert [Nudge.RIGHTS] == due(lifetime, 22.0)


def test_lifetime_does_not_forget_an_earlier_deadline_for_rights() -> None:
    """Rights that are due later than the next ping do not put it off."""
    lifetime = life()
    due(lifetime, 0.0)
    lifetime.ask_rights_at(500.0)

    assert 25.0 == lifetime.next_at
