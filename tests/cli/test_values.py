"""What the command line takes, and what it refuses."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.cli.values import claim, duration, moment, name, store_url


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("24h", 86_400),
        ("7d", 604_800),
        ("1h30m", 5_400),
        ("1d1h1m1s", 90_061),
        ("90", 90),
        ("0s", 0),
    ],
)
def test_duration_reads_what_people_write(text: str, seconds: float) -> None:
    """Days, hours, minutes, seconds, in that order; a bare number is seconds."""
    assert seconds == duration(text)


@pytest.mark.parametrize(
    "text", ["", "s", "-5", "1.5h", "5 m", "10M", "30m1h", "1w", "٣s", "9" * 10, "inf", "nan", "1e3"]
)
def test_duration_refuses_the_rest(text: str) -> None:
    """What could mean two things means nothing."""
    with pytest.raises(click.BadParameter, match="is no duration"):
        duration(text)


@given(st.text())
def test_duration_of_any_text_is_a_number_or_refused(text: str) -> None:
    """Nothing else leaves it."""
    with suppress(click.BadParameter):
        assert duration(text) >= 0


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001 -- Hypothesis wants bounds without an offset
def test_moment_reads_iso_8601_with_any_offset(naive: datetime, hours: int) -> None:
    """The same moment, wherever its clock stands."""
    aware = naive.replace(tzinfo=timezone(timedelta(hours=hours)))

    assert aware.timestamp() == moment(aware.isoformat())


def test_moment_without_an_offset_is_utc() -> None:
    """The operator's own zone is nobody else's."""
    assert datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp() == moment("2030-01-31T12:00")


@pytest.mark.parametrize("text", ["1580472000", "1580472000.5"])
def test_moment_reads_unix_seconds(text: str) -> None:
    """As `date +%s` prints them."""
    assert float(text) == moment(text)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "20300131", "2030-13-01", "-1", "1e9", "nan", "inf", "99999999999999", "٢٠٣٠"]
)
def test_moment_refuses_the_rest(text: str) -> None:
    """A date of eight digits too: as seconds it would be a day in 1970."""
    with pytest.raises(click.BadParameter, match="is no time"):
        moment(text)


@given(st.text())
def test_moment_of_any_text_is_a_number_or_refused(text: str) -> None:
    """Nothing else leaves it."""
    with suppress(click.BadParameter):
        moment(text)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128))
def test_name_is_taken_literally(text: str) -> None:
    """Quotes, per cent signs and asterisks are characters like any other."""
    if not text.startswith("eyJ"):
        assert text == name(text)


@pytest.mark.parametrize("text", ["", "two words", "a\r\nFLUSHALL", "a\x00b", "ü", "x" * 129, "\x1b[2J"])
def test_name_refuses_what_is_in_no_token(text: str) -> None:
    """And does not repeat it."""
    with pytest.raises(click.BadParameter) as refused:
        name(text)

    assert not text or text not in refused.value.message


def test_claim_keeps_what_follows_the_first_equals_sign() -> None:
    """A value may hold anything."""
    assert ("a", "b=c") == claim("a=b=c")
    assert ("a", "") == claim("a=")


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/wssec.db", "redis://db.example.com/0", "redis://app@db", "rediss://db?db=1"]
)
def test_store_url_without_a_password_passes(url: str) -> None:
    """A user's name alone is no secret."""
    assert url == store_url(url)
