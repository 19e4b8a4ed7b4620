"""Text that is safe to show, to log and to follow."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields, validate

from tornado_wssec.errors import InvalidMessage, OutboundInvalid
from tornado_wssec.policy.reasons import UNPRINTABLE
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.text_fields import Identifier, PlainText, SafeUrl

from .samples import TYPE, message, said
from .test_fields import dumps, is_refused, is_unwritable, loads

EVERY = {
    "PlainText": PlainText(max_length=8),
    "Identifier": Identifier(max_length=8),
    "SafeUrl": SafeUrl(max_length=32),
}


@pytest.mark.parametrize("name", EVERY)
def test_text_fields_start_in_strict_mode(name: str) -> None:
    """Each has a maximum of its own."""

    assert "" == said(message(x=EVERY[name]))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("value", [1, True, ["a"], {}, b"a", 1.5])
def test_text_fields_take_text_alone(name: str, value: object) -> None:
    """Nothing else is made into a text, neither when reading nor when sending."""
    spec = Registry(message(x=EVERY[name])).resolve(TYPE)

    assert is_refused(EVERY[name], value)
    with pytest.raises(InvalidMessage):
        spec.load({"x": value})
    with pytest.raises(OutboundInvalid):
        spec.dump({"x": value})


@pytest.mark.parametrize("field", [PlainText(max_length=8, allow_none=True), SafeUrl(allow_none=True)])
def test_text_fields_take_null_where_it_is_allowed(field: fields.Field[Any]) -> None:
    """As marshmallow's own do."""

    assert (None, None) == (loads(field, None), dumps(field, None))


@pytest.mark.parametrize("kind", [PlainText, Identifier, SafeUrl])
def test_text_fields_ask_further_validators(kind: Any) -> None:
    """One, or several, beside their own."""
    never = validate.Equal("never")

    for given_ones in (never, [never], (never,)):
        assert is_refused(kind(max_length=40, validate=given_ones), "https://a.example")


# --- plain text ---


def test_plain_text_is_normalised() -> None:
    """Both ways: what is read and what is written is NFC, and is counted so."""
    field = PlainText(max_length=1)

    assert ("é", "é") == (loads(field, "e\u0301"), dumps(field, "e\u0301"))
    assert is_refused(field, "ee")


def test_plain_text_counts_code_points() -> None:
    """An emoji is one, however many bytes or UTF-16 units it has."""
    field = PlainText(max_length=2, min_length=2)

    assert "😀é" == loads(field, "😀e\u0301")
    assert [True, True] == [is_refused(field, text) for text in ("😀", "😀😀😀")]


def test_plain_text_that_is_far_too_long_is_not_looked_at() -> None:
    """It is refused for its length alone: normalising it could take a second."""
    spec = Registry(message(x=PlainText(max_length=8, required=True))).resolve(TYPE)

    with pytest.raises(InvalidMessage) as caught:
        spec.load({"x": "\u0301\u0316" * 30_000})
    assert {"x": ["Longer than maximum length 8."]} == caught.value.fields


@pytest.mark.parametrize("text", ["a\nb", "a\u202eb", "a\0b", "\ue000", "e" + "\u0301" * 31])
def test_plain_text_refuses_what_it_may_not_hold(text: str) -> None:
    """In fixed words, reading and writing."""
    spec = Registry(message(x=PlainText(max_length=80))).resolve(TYPE)

    with pytest.raises(InvalidMessage) as caught:
        spec.load({"x": text})
    assert {"x": [UNPRINTABLE]} == caught.value.fields
    with pytest.raises(OutboundInvalid):
        spec.dump({"x": text})


def test_plain_text_lets_pass_what_is_asked_for() -> None:
    """Each option by its name."""

    assert "a\nb" == loads(PlainText(max_length=8, allow="\n"), "a\nb")
    assert "\ue000" == loads(PlainText(max_length=8, private_use=True), "\ue000")
    assert "\u0378" == loads(PlainText(max_length=8, unassigned=True), "\u0378")
    assert is_refused(PlainText(max_length=8), "\u0378")


@given(st.text(max_size=40))
def test_plain_text_is_read_again_as_it_was_written(text: str) -> None:
    """What it accepts once it accepts again, and changes no more."""
    field = PlainText(max_length=20, allow="\n\t")
    try:
        read = loads(field, text)
    except ValidationError:
        assert is_unwritable(field, text) or len(text) > 20
    else:
        assert read == loads(field, read) == dumps(field, read)


# --- identifiers ---


@pytest.mark.parametrize("text", ["a", "A1", "ann.example", "u-42_x", "9"])
def test_identifier_takes_names(text: str) -> None:
    """ASCII letters, digits, and what joins them."""

    assert text == loads(Identifier(), text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-rf", ".ssh", "..", "a b", "a\n", "a\r\nb", "a\x1b[31m", "a=b", 'a"', "é", "а", "a" * 65, "a/b", "$(x)"],
    ids=ascii,
)
def test_identifier_refuses_what_a_log_or_a_command_would_read_otherwise(text: str) -> None:
    """Spaces, line ends, escapes, quotes, look-alikes, options, hidden files."""

    assert is_refused(Identifier(), text)


def test_identifier_takes_further_punctuation() -> None:
    """What is asked for, and of that only what is harmless."""
    field = Identifier(also="^-:@~:")

    assert ["a:b@c", "a^b", "a-b~"] == [loads(field, text) for text in ("a:b@c", "a^b", "a-b~")]
    assert is_refused(field, "a+b")
    for character in "\"'/ =;\n\x7fé":
        with pytest.raises(ValueError, match="ends or begins"):
            Identifier(also=character)


# --- URLs ---


@pytest.mark.parametrize(
    "url",
    [
        *("https://a.example", "https://a.example/", "https://a.example/b?c=d&e[]=f|g#h", "https://a.example?b"),
        *("https://xn--bcher-kva.example:8443/%C3%A9", "https://192.0.2.1/x", "https://[2001:db8::1]:1/", "https://a"),
        *("https://a.example:65535/", "https://a-b.example/~x/(y)'z", "https://a.example#x", "https://1.example/@x"),
    ],
)
def test_url_takes_links(url: str) -> None:
    """As a browser writes them."""

    assert url == loads(SafeUrl(), url) == dumps(SafeUrl(), url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "a",
            "//a.example",
            "/x",
            "http://a.example",
            "javascript:alert(1)",
            "JavaScript://a.example/%0aalert(1)",
        ),
        *(
            "data:text/html,x",
            "https:a.example",
            "https:/a.example",
            "https:///x",
            "https://",
            "https://?x",
            "HTTPS://a",
        ),
        *("https://ann@a.example", "https://ann:pw@a.example", "https://a.example@b.example", "https://@a.example"),
        *(
            "https://a.example\\@b.example",
            "https://a.example\n",
            " https://a.example",
            "https://a.example/\t",
            "https://a\0",
        ),
        *(
            "https://a.example/\u202e",
            "https://é.example",
            "https://а.example",
            "https://a.example/<x>",
            'https://a.example/"',
        ),
        *(
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:",
            "https://a.example:x",
            "https://a..b",
        ),
        *(
            "https://-a.example",
            "https://a-.example",
            "https://2130706433",
            "https://0x7f.1",
            "https://127.1",
            "https://1.2.3.256",
        ),
        *(
            "https://a.example/%",
            "https://a.example/%4",
            "https://a.example/#a#b",
            "https://[::1",
            "https://[x]",
            "https://[1:2]",
            "https://[12345::1]",
            "https://[::12345]",
        ),
        *(
            "https://a_b.example",
            "https://A.example",
            "https://a.example.",
            f"https://{'a.' * 130}example",
            "https://a.0x",
        ),
    ],
    ids=ascii,
)
def test_url_refuses_what_two_readers_take_otherwise(url: str) -> None:
    """Other schemes, credentials, hosts that are numbers in disguise, and whatever no URL may hold."""

    assert is_refused(SafeUrl(), url)
    assert is_unwritable(SafeUrl(), url)


def test_url_that_is_too_long() -> None:
    """It is refused for its length, whatever it is."""

    assert is_refused(SafeUrl(max_length=20), "https://a.example/" + "x" * 3)
    assert not is_refused(SafeUrl(max_length=20), "https://a.example/" + "x" * 2)


def test_url_of_other_schemes() -> None:
    """Those that are asked for and no others; one may be written without a list."""

    assert "wss://a.example" == loads(SafeUrl(schemes=["wss", "https"]), "wss://a.example")
    assert "http://a.example" == loads(SafeUrl(schemes="http"), "http://a.example")
    assert is_refused(SafeUrl(schemes=["wss"]), "https://a.example")


@pytest.mark.parametrize("schemes", [[], ["javascript"], ["https", "data"], ["HTTPS"], ["https:"], [""]])
def test_url_of_schemes_that_cannot_be_allowed(schemes: list[str]) -> None:
    """None at all, what runs code, and what is no scheme."""

    with pytest.raises(ValueError, match="cannot be allowed"):
        SafeUrl(schemes=schemes)


# --- what JSON Schema says of them ---


def test_text_fields_tell_their_json_schema() -> None:
    """As much as it can express."""

    assert {"type": "string", "minLength": 1, "maxLength": 8} == PlainText(max_length=8, min_length=1).json_schema()
    assert {"type": "string", "maxLength": 4, "pattern": "^[A-Za-z0-9][A-Za-z0-9_:.-]{0,3}$"} == Identifier(
        max_length=4, also=":"
    ).json_schema()
    told = SafeUrl(schemes=["wss", "https"]).json_schema()
    assert ("uri", 2_048, True) == (told["format"], told["maxLength"], told["pattern"].startswith("^(https|wss)://"))


def test_plain_text_at_the_most_that_is_looked_at() -> None:
    """A character of four code points is one, as often as there may be characters."""
    field = PlainText(max_length=2)

    assert "\u1f82\u1f82" == loads(field, unicodedata.normalize("NFD", "\u1f82\u1f82"))


def test_url_at_its_longest() -> None:
    """One that is wrong is refused for that; a host has 253 characters at most."""
    labels = ".".join(["a" * 61] * 4)
    longest = f"https://{labels}.{'b' * 5}"

    assert is_refused(SafeUrl(max_length=20), "http://a.example/xxx")
    assert [False, True] == [is_refused(SafeUrl(), url) for url in (longest, longest + "b")]
    assert 253 == len(longest.removeprefix("https://"))
