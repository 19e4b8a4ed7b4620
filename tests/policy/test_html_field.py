"""HTML that may be put into a page as it is."""

import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from tornado_wssec.errors import ConfigurationError, InvalidMessage
from tornado_wssec.policy.html_field import ATTRIBUTES, ELEMENTS_MOST, TAGS, SafeHtml
from tornado_wssec.policy.registry import Registry

from .samples import TYPE, message, said
from .test_fields import dumps, is_refused, loads

FIELD = SafeHtml(max_length=2_000)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a & b", "a &amp; b"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("<script>alert(1)</script>x", "x"),
        ("<style>*{}</style>x", "x"),
        ("<b onclick=alert(1)>x</b>", "<b>x</b>"),
        ("<img src=x onerror=alert(1)>x", "x"),
        ("<div>x</div>", "x"),
        ("<a href='javascript:alert(1)'>x</a>", '<a rel="noopener noreferrer nofollow">x</a>'),
        ("<a href='java&#x0a;script:alert(1)'>x</a>", '<a rel="noopener noreferrer nofollow">x</a>'),
        ("<a href='/logout'>x</a>", '<a rel="noopener noreferrer nofollow">x</a>'),
        ("<a href='//evil.example'>x</a>", '<a rel="noopener noreferrer nofollow">x</a>'),
        (
            "<a href='https://a.example' target=_top id=x>x</a>",
            '<a href="https://a.example" rel="noopener noreferrer nofollow">x</a>',
        ),
        ("<!-- x -->y<![CDATA[z]]>", "y"),
        ("<b>x", "<b>x</b>"),
        ("<svg><p><style><img src=x onerror=alert(1)>", ""),
        ("e\u0301", "é"),
    ],
)
def test_html_is_cleaned(dirty: str, clean: str) -> None:
    """Both ways: what comes in and what goes out."""

    assert clean == loads(FIELD, dirty).replace("<p></p>", "")
    assert clean == dumps(FIELD, dirty).replace("<p></p>", "")


def test_html_starts_in_strict_mode() -> None:
    """It has a maximum of its own."""

    assert "" == said(message(x=FIELD))


@pytest.mark.parametrize("text", ["a\0", "a\u202eb", "&#x202e;b", "<a title='&#8238;'>x</a>", "&#x1b;[31m", "a\x07"])
def test_html_holds_no_character_that_nobody_sees(text: str) -> None:
    """Neither as it comes nor in disguise."""

    assert is_refused(FIELD, text)


def test_html_lets_lines_and_tabs_pass() -> None:
    """They mean nothing in HTML."""

    assert "a\n\tb" == loads(FIELD, "a\n\tb")


def test_html_is_counted_before_and_behind() -> None:
    """What is too long is not parsed, and what cleaning makes too long does not pass either."""
    field = SafeHtml(max_length=5)
    spec = Registry(message(x=field)).resolve(TYPE)

    assert ["&amp;", "abcde"] == [loads(field, "&"), loads(field, "abcde")]
    for text in ("<!---->", "&&"):
        with pytest.raises(InvalidMessage) as caught:
            spec.load({"x": text})
        assert {"x": ["Longer than maximum length 5."]} == caught.value.fields


def test_html_of_many_elements_is_not_parsed() -> None:
    """The parser's time grows with the square of their depth."""
    field = SafeHtml(max_length=100_000)

    assert is_refused(field, "<p>" * (ELEMENTS_MOST + 1))
    assert not is_refused(field, "<i>" * ELEMENTS_MOST)


def test_html_normalised_before_it_is_cleaned() -> None:
    """`>` and a stroke would become one character, and an element lose its end."""

    assert "≯" not in loads(FIELD, "<b>&#x338;x</b>")
    assert "<b>" in loads(FIELD, "<b>&#x338;x</b>")


@pytest.mark.parametrize("value", [1, None, ["<b>"], b"<b>"])
def test_html_takes_text_alone(value: object) -> None:
    """Nothing else is made into a text."""

    assert is_refused(FIELD, value)


def test_html_takes_null_where_it_is_allowed() -> None:
    """As marshmallow's own fields do."""
    field = SafeHtml(max_length=5, allow_none=True)

    assert (None, None) == (loads(field, None), dumps(field, None))


def test_html_of_other_elements() -> None:
    """What is asked for stays, and nothing else does."""
    field = SafeHtml(max_length=200, tags={"img", "b"}, attributes={"img": {"src"}, "a": {"href"}}, schemes=["https"])

    assert '<img src="https://a.example/x.png">y' == loads(field, '<img src="https://a.example/x.png" alt=z><i>y</i>')


@pytest.mark.parametrize(
    ("tags", "attributes"),
    [
        ({"script"}, {}),
        ({"b", "iframe"}, {}),
        ({"form"}, {}),
        ({"b"}, {"b": {"onclick"}}),
        ({"b"}, {"b": {"style"}}),
        ({"a"}, {"a": {"target"}}),
    ],
)
def test_html_that_could_not_be_safe(tags: set[str], attributes: dict[str, set[str]]) -> None:
    """What runs code, or poses as the page around it, cannot be asked for."""

    with pytest.raises(ConfigurationError, match=r"is to keep .*; drop it"):
        SafeHtml(max_length=9, tags=tags, attributes=attributes)


def test_html_without_its_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that could not clean is none; the remedy is named."""
    monkeypatch.setitem(sys.modules, "nh3", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'tornado-wssec\[html\]'"):
        SafeHtml(max_length=9)


def test_html_tells_its_json_schema() -> None:
    """Its length is all that can be told."""

    assert {"type": "string", "contentMediaType": "text/html", "maxLength": 2_000} == FIELD.json_schema()


class Read(HTMLParser):
    """Keeps which elements and attributes a text has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag}.{name}" for name, _ in attrs)}


PIECES = [
    "<",
    ">",
    "</",
    "<b",
    "<a href=",
    "javascript:",
    "https://a.example",
    '"',
    "'",
    " ",
    "onclick=",
    "<svg>",
    "<p>",
]
PIECES += ["<math>", "<style>", "<!--", "-->", "]]>", "<![CDATA[", "&lt;", "&#60;", "x", "<template>", "<table>", "/>"]


@pytest.mark.standard("WebSocket cheat sheet output")
@pytest.mark.requirement("R059")
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_html_holds_what_is_allowed_and_nothing_else(dirty: str) -> None:
    """Another parser agrees; and cleaning what is clean changes nothing."""
    try:
        clean = loads(FIELD, dirty)
    except ValidationError:
        return
    reader = Read()
    reader.feed(clean)
    allowed = {*TAGS, "a.rel", *(f"{tag}.{name}" for tag, names in ATTRIBUTES.items() for name in names)}

    assert set() == reader.found - allowed
    assert clean == loads(FIELD, clean)
