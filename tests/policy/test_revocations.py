"""How a revocation is made, what it matches, how it is written down."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.revocation_entries import dump_body, ensure_storable, load_body
from tornado_wssec.policy.revocations import (
    SKEW_SECONDS,
    Kind,
    Revocation,
    Undo,
    make_revocation,
    make_undo,
    outlasting,
)
from tornado_wssec.settings import Timeouts, TokenRules

NOW = 1_700_000_000.0
HOUR = 3600.0
RULES = TokenRules(max_lifetime=HOUR, ttl=60.0, leeway=30.0)
KINDS = list(Kind)
DATED = [Kind.SUBJECT, Kind.TENANT]
UNDATED = [Kind.TOKEN, Kind.SESSION, Kind.KEY]

IDENTITY = Identity(
    subject="u1",
    issuer="us",
    tenant="acme",
    token_id="t1",
    session_id="s1",
    key_id="k1",
    issued_at=NOW,
    expires_at=NOW + 60,
)
NAMES = {Kind.TOKEN: "t1", Kind.SESSION: "s1", Kind.SUBJECT: "u1", Kind.TENANT: "acme", Kind.KEY: "k1"}


def made(kind: Kind = Kind.TOKEN, value: str = "x", now: float = NOW, **options: Any) -> Revocation:
    """A revocation under RULES."""
    return make_revocation(kind, value, now, **{"rules": RULES, **options})


def test_revocations_have_names_that_nobody_guesses() -> None:
    """Of 128 bits, each its own."""

    assert (32, 32, True) == (len(made().id), len(made().id), made().id != made().id)


# --- what it matches ---


@pytest.mark.parametrize("kind", KINDS)
def test_revocation_matches_what_it_names(kind: Kind) -> None:
    """Each kind looks at its own field, and at no other."""
    hits = [other for other in KINDS if made(kind, NAMES[other]).matches(IDENTITY)]

    assert [kind] == hits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("issuer", "matches"), [(None, True), ("us", True), ("them", False), ("US", False)])
def test_revocation_of_an_issuer_matches_its_own(kind: Kind, issuer: str | None, matches: bool) -> None:
    """Two issuers' `u1` are two people; without an issuer it is everybody's."""

    assert matches is made(kind, NAMES[kind], issuer=issuer).matches(IDENTITY)


@pytest.mark.parametrize("kind", [Kind.TOKEN, Kind.SESSION, Kind.TENANT, Kind.KEY])
def test_revocation_matches_nobody_without_the_field(kind: Kind) -> None:
    """An identity that has no such field is not named by any value."""

    assert not made(kind, "None").matches(Identity(subject="u1"))


@pytest.mark.parametrize("kind", DATED)
@pytest.mark.parametrize(
    ("issued_at", "matches"),
    [
        (NOW - 1, True),
        (NOW, True),
        (NOW + 0.999, True),
        (NOW + 1, False),
        (0.0, True),
        (math.nan, True),
        (math.inf, False),
    ],
)
def test_revocation_before_includes_its_second(kind: Kind, issued_at: float, matches: bool) -> None:
    """`iat` is cut to the second, so the token of the same second may be the older one."""
    identity = replace(IDENTITY, issued_at=issued_at)

    assert matches is made(kind, NAMES[kind], before=NOW, now=NOW + 5).matches(identity)
    assert matches is made(kind, NAMES[kind], now=NOW + 0.5).matches(identity)


@pytest.mark.parametrize("kind", UNDATED)
def test_revocation_of_one_thing_has_no_cutoff(kind: Kind) -> None:
    """A token, session or key is refused whenever it was issued, also when the entry holds a date."""
    entry = replace(made(kind, NAMES[kind]), before=NOW - 1)

    assert entry.matches(replace(IDENTITY, issued_at=NOW + 10**9))


def test_revocation_of_a_subject_without_date_matches_all() -> None:
    """An entry from elsewhere that forgot the date refuses too much, not too little."""
    entry = replace(made(Kind.SUBJECT, "u1"), before=None)

    assert entry.matches(replace(IDENTITY, issued_at=NOW + 10**9))


# --- how it is made ---


def test_revocation_is_told_when_and_why() -> None:
    """It bites at once, unless a margin was given."""
    entry = made(Kind.SUBJECT, "u1", issuer="us", reason="left")
    later = made(margin=30.0)

    assert (Kind.SUBJECT, "u1", "us", "left", NOW, NOW, NOW) == (
        entry.kind,
        entry.value,
        entry.issuer,
        entry.reason,
        entry.at,
        entry.effective_at,
        entry.before,
    )
    assert (NOW, NOW + 30, None) == (later.at, later.effective_at, later.before)


def test_revocations_have_ids_of_their_own() -> None:
    """Two of the same thing are two entries: to undo one leaves the other."""

    assert 100 == len({made().id for _ in range(100)})


def test_revocation_minds_clocks_that_are_apart() -> None:
    """A minute each of issuer, revoker, verifier and pruner, and one more."""
    assert 5 * 60.0 == SKEW_SECONDS


@pytest.mark.parametrize("kind", [Kind.TOKEN, Kind.SUBJECT, Kind.TENANT])
@pytest.mark.parametrize("margin", [0.0, 30.0])
def test_revocation_outlives_every_token_that_it_matches(kind: Kind, margin: float) -> None:
    """The last token it can match was issued when it took effect, by a clock ahead of ours, for the longest time."""
    entry = made(kind, margin=margin)

    assert NOW + margin + HOUR + 30 + SKEW_SECONDS == entry.expires_at


def test_revocation_of_a_session_outlives_its_connections() -> None:
    """A connection may be refreshed up to its last moment, and the token of that moment lives on."""
    timeouts = Timeouts(age=1000.0, age_jitter=0.5)
    entry = made(Kind.SESSION, timeouts=timeouts)
    usual = made(Kind.SESSION)

    assert NOW + 1500 + HOUR + 30 + SKEW_SECONDS == entry.expires_at
    assert NOW + 43_200 * 1.1 + HOUR + 30 + SKEW_SECONDS == pytest.approx(usual.expires_at)


def test_revocation_of_a_key_never_ends() -> None:
    """Whoever holds it can sign a token of any date."""

    assert None is made(Kind.KEY).expires_at
    assert None is make_revocation(Kind("key"), "k", NOW, rules=RULES, margin=30.0).expires_at


def test_revocation_reckons_with_the_longest_issuer() -> None:
    """Where several issuers are accepted, the one whose tokens live longest counts."""
    longer = TokenRules(max_lifetime=48 * HOUR, leeway=10.0)
    entry = made(rules=[RULES, longer, RULES])

    assert NOW + 48 * HOUR + 10 + SKEW_SECONDS == entry.expires_at
    with pytest.raises(ValueError, match="no token rules"):
        made(rules=[])


@pytest.mark.parametrize("kind", DATED)
def test_revocation_of_the_future_must_be_meant(kind: Kind) -> None:
    """It would refuse what is not yet issued; then it lives as long as the last of that."""
    with pytest.raises(ValueError, match=r"`before` is 60 s ahead.*give a time that has passed, or allow the future"):
        made(kind, before=NOW + 60)
    entry = made(kind, before=NOW + 60, allow_future=True)

    assert (NOW + 60, NOW + 60 + HOUR + 30 + SKEW_SECONDS) == (entry.before, entry.expires_at)


@pytest.mark.parametrize("before", [0.0, -1.0, NOW - 1, NOW])
def test_revocation_of_the_past_needs_no_permission(before: float) -> None:
    """It is kept no shorter for that."""
    entry = made(Kind.SUBJECT, before=before)

    assert (before, NOW + HOUR + 30 + SKEW_SECONDS) == (entry.before, entry.expires_at)


@pytest.mark.parametrize("kind", UNDATED)
def test_revocation_of_one_thing_takes_no_date(kind: Kind) -> None:
    """The remedy names what does."""
    with pytest.raises(
        ValueError, match=f"`before` does not go with a {kind}; drop it, or revoke the subject or the tenant"
    ):
        made(kind, before=NOW)


@pytest.mark.parametrize("margin", [-1.0, HOUR + 31])
def test_revocation_margin_is_bounded(margin: float) -> None:
    """Beyond the longest life of a token there is nothing left to refuse."""
    with pytest.raises(ValueError, match="give 0 to 3630, the longest that a token lives"):
        made(margin=margin)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value", ["", " ", "a b", "a\n", "\n", "\0", "é", "ａdmin", "x" * 129, "a\x7f", "\ud800", 7, None]
)
def test_revocation_values_are_printable(kind: Kind, value: Any) -> None:
    """What no token can hold is refused with the remedy, and not echoed."""
    with pytest.raises(ValueError, match=f"this cannot be the {kind} to revoke; give 1–128 printable ASCII characters"):
        made(kind, value)


@pytest.mark.parametrize("value", ["!", "~", "x" * 128, "';DROP-TABLE-revocation_log;--", "*", "%_"])
def test_revocation_values_may_be_odd(value: str) -> None:
    """Anything a token may hold can be revoked, and means itself alone."""

    assert value == made(value=value).value


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"reason": "x" * 1025}, "the reason is 1025 bytes long; shorten it to 1024"),
        ({"issuer": "x" * 1025}, "the issuer is 1025 bytes long"),
        ({"issuer": ""}, "the issuer is empty, so nobody would match; leave it out for every issuer"),
        ({"now": math.nan}, "now is not finite"),
        ({"now": "1"}, "now is no number"),
        ({"margin": math.inf}, "margin is not finite"),
        ({"margin": True}, "margin is no number"),
        ({"kind": Kind.SUBJECT, "before": math.nan}, "before is not finite"),
        ({"kind": "sorcery"}, "sorcery"),
    ],
)
def test_revocation_refuses_what_cannot_be(options: dict[str, Any], fault: str) -> None:
    """Each fault has its remedy."""
    with pytest.raises(ValueError, match=fault):
        made(**options)


def test_undo_stays_as_long_as_its_revocation() -> None:
    """Were it forgotten first, the revocation would be in force again."""
    entry, key = made(), made(Kind.KEY)

    assert Undo(id=entry.id, at=NOW + 1, expires_at=entry.expires_at, reason="mistake") == make_undo(
        entry, NOW + 1, "mistake"
    )
    assert None is make_undo(key, NOW).expires_at
    with pytest.raises(ValueError, match="reason is 1025 bytes"):
        make_undo(entry, NOW, "x" * 1025)


# --- how it is written down ---

SECONDS = st.floats(min_value=-1e12, max_value=1e12)
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)
REVOCATIONS = st.builds(
    Revocation,
    id=IDS,
    kind=st.sampled_from(KINDS),
    value=TEXTS,
    at=SECONDS,
    effective_at=SECONDS,
    issuer=st.none() | TEXTS.filter(bool),
    before=st.none() | SECONDS,
    expires_at=st.none() | SECONDS,
    reason=TEXTS,
)
UNDOS = st.builds(Undo, id=IDS, at=SECONDS, expires_at=st.none() | SECONDS, reason=TEXTS)


@given(REVOCATIONS | UNDOS)
def test_body_comes_back_as_it_was(body: Revocation | Undo) -> None:
    """What can be stored is read back equal, from one line of ASCII."""
    ensure_storable(body)
    text = dump_body(body)

    assert text.isascii()
    assert "\n" not in text
    assert body == load_body(text)


def test_body_of_the_largest_entry_can_be_read() -> None:
    """The bound on reading leaves room for whatever may be written."""
    worst = "\x00" * 1024
    body = Revocation(
        id="x" * 128,
        kind=Kind.SUBJECT,
        value=worst,
        at=-1e308,
        effective_at=-1e308,
        issuer=worst,
        before=-1e308,
        reason=worst,
    )

    assert body == load_body(dump_body(body))


@pytest.mark.parametrize("field", ["at", "effective_at", "before", "expires_at"])
def test_body_of_a_time_that_is_none_is_not_stored(field: str) -> None:
    """Nobody could read it again."""
    never: dict[str, Any] = {field: math.inf}
    with pytest.raises(ValueError, match=f"{field} is not finite"):
        ensure_storable(replace(made(Kind.SUBJECT), **never))


def test_body_with_unknown_fields_is_read() -> None:
    """A newer release may say more; without it the entry refuses more, not less."""
    body = made()

    assert body == load_body(dump_body(body).replace("{", '{"only_on":"tuesdays",', 1))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("revocation", "Revocation"), "none of ours"),
        (('"token"', '"sorcery"'), "the kind of the entry is none of ours"),
        (('"token"', "null"), "kind is no text"),
        (('"at":', '"at":"",'), "the record is no JSON"),
        (('"at":1700000000.0', '"at":NaN'), "at is not finite"),
        (('"at":1700000000.0,', ""), "at is no number"),
        (('"value":"x"', '"value":7'), "value is no text"),
        (('"id":"', '"id":" '), "this cannot be the entry id"),
        (('"value":"x"', '"value":"x","issuer":""'), "issuer is empty"),
        (('"value":"x"', f'"value":"{"x" * 1025}"'), "value is 1025 bytes"),
        (("{", " " * 40_000 + "{"), "the record is .* bytes long"),
    ],
)
def test_body_that_is_none_of_ours_is_refused(change: tuple[str, str], fault: str) -> None:
    """Each fault is a ValueError that names the field and holds nothing of the value."""
    text = dump_body(made()).replace(*change, 1)
    with pytest.raises(ValueError, match=fault) as caught:
        load_body(text)

    assert "sorcery" not in str(caught.value)


JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("token") | st.just(10**400)
)


@given(
    st.sampled_from([made(), made(Kind.KEY), make_undo(made(), NOW)]),
    st.dictionaries(st.sampled_from([item.name for item in fields(Revocation)]), JUNK),
)
def test_body_that_can_be_stored_can_be_read(body: Revocation | Undo, junk: dict[str, Any]) -> None:
    """An entry that got in and cannot be read would stop every node that follows the log."""
    known = {item.name for item in fields(body)}
    odd = replace(body, **{name: value for name, value in junk.items() if name in known})
    try:
        ensure_storable(odd)
    except ValueError:
        return

    assert type(odd) is type(load_body(dump_body(odd)))


@given(st.text(max_size=300) | st.builds(lambda body, cut: dump_body(body)[:cut], REVOCATIONS, st.integers(0, 300)))
def test_body_never_raises_anything_but_value_error(text: str) -> None:
    """Whatever a store hands back, it is an entry or a ValueError."""
    try:
        body = load_body(text)
    except ValueError:
        return

    assert isinstance(body, Revocation | Undo)


def test_entries_have_no_field_that_is_not_written_down() -> None:
    """A field added to the entry and forgotten in the reader would be lost on every node."""
    filled: dict[str, Any] = {"kind": Kind.SUBJECT, "at": 1.0, "effective_at": 2.0, "before": 3.0, "expires_at": 4.0}
    texts: dict[str, Any] = {item.name: item.name for item in fields(Revocation) if item.name not in filled}
    body = Revocation(**texts, **filled)

    assert body == load_body(dump_body(body))


# --- a server with longer tokens than whoever revoked knew of ---


@pytest.mark.requirement("R077")
def test_k19_entry_lasts_as_long_as_the_servers_own_tokens() -> None:
    """A revocation made for tokens of a day is kept for a week by a server that accepts tokens of a week."""
    short = make_revocation(Kind.TOKEN, "t1", NOW, rules=TokenRules())
    week = TokenRules(max_lifetime=7 * 86_400.0)

    assert (
        outlasting(short, week, Timeouts()).expires_at == make_revocation(Kind.TOKEN, "t1", NOW, rules=week).expires_at
    )


def test_outlasting_never_shortens() -> None:
    """A server with shorter tokens keeps the entry as it is; so it does with one that never ends, and with an undo."""
    day = make_revocation(Kind.TENANT, "acme", NOW, rules=TokenRules())
    key = make_revocation(Kind.KEY, "k1", NOW, rules=TokenRules())
    undo = make_undo(day, NOW)
    hour = TokenRules(max_lifetime=3_600.0)

    assert [day, key, undo] == [outlasting(body, hour, Timeouts()) for body in (day, key, undo)]
