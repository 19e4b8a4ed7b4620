"""What can be said of a regular expression without running it."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tornado_wssec.policy.patterns import PatternFacts, read_pattern


def facts(pattern: str, flags: int = 0) -> PatternFacts:
    """What is said of a pattern."""
    return read_pattern(re.compile(pattern, flags))


@pytest.mark.parametrize(
    "pattern",
    [
        r"a\Z",
        r"\Z",
        r"^[a-z]{1,64}\Z",
        r"(?:a|b)\Z",
        r"(a\Z|b\Z)",
        r"a\Z|b\Z",
        r"(?P<x>a\Z)",
        r"(?i:a\Z)",
        r"(?s-i:a)\Z",
        r"(?>a\Z)",
        r"(?i)a\Z",
        r"a\Z(?<!-)",
        r"a\Z(?#the end)",
        r"a\Z$",
        r"(?=.*b)a\Z",
        r"[]\]]\Z",
        r"[^]]\Z",
        r"\\\Z",
        r"\(\Z",
        r"a #\Z",
        r" # \Z",
    ],
)
def test_pattern_reaches_the_end(pattern: str) -> None:
    r"""Each branch ends in `\Z`, if need be inside a group; what has no width may follow."""

    assert facts(pattern).reaches_end
    assert pattern == facts(pattern).mended


@pytest.mark.parametrize(
    ("pattern", "mended"),
    [
        ("^[a-z]+$", r"^[a-z]+\Z"),
        ("[a-z]+", r"[a-z]+\Z"),
        ("", r"\Z"),
        (r"a|b\Z", r"(?:a|b)\Z"),
        (r"\Za|b$", r"(?:\Za|b)\Z"),
        (r"(a\Z|b)", r"(a\Z|b)\Z"),
        (r"(?:a\Z)?", r"(?:a\Z)?\Z"),
        (r"(?:a\Z)*", r"(?:a\Z)*\Z"),
        (r"a\$", r"a\$\Z"),
        (r"a\\Z", r"a\\Z\Z"),
        (r"[Z]", r"[Z]\Z"),
        (r"(?=a\Z)", r"(?=a\Z)\Z"),
        (r"a\b", r"a\b\Z"),
        (r"a(?#\Z)", r"a(?#\Z)\Z"),
    ],
)
def test_pattern_is_mended(pattern: str, mended: str) -> None:
    """What may end earlier gets an end, around its branches where it has several."""

    assert (False, mended) == (facts(pattern).reaches_end, facts(pattern).mended)
    assert facts(mended).reaches_end


@pytest.mark.parametrize(
    "pattern",
    [r"(?x: a \Z )", r"(?i-x:a\Z)", r"(a)?(?(1)b\Z)", r"(?P<q>a)?(?(q)b\Z|c\Z)"],
)
def test_pattern_in_doubt_is_refused(pattern: str) -> None:
    """Inline verbose mode and conditions are not read; nothing good is said of them."""

    assert (False, False) == (facts(pattern).reaches_end, facts(pattern).is_bounded)


def test_pattern_of_another_engine_is_refused() -> None:
    """What `re` would not compile is not read either."""
    for text in ("a)", "(a", "*", "(?<name>a)"):
        other: Any = SimpleNamespace(pattern=text, flags=0)

        assert (False, False) == (read_pattern(other).reaches_end, read_pattern(other).is_bounded)


def test_pattern_in_verbose_mode() -> None:
    """Blanks and comments are no items, unless they are escaped or in a set."""
    text = "a {1,3} # any number of a+\n [ #+] \\# \\Z # the end"

    assert PatternFacts(reaches_end=True, is_bounded=True, mended=text) == facts(text, re.VERBOSE)
    assert not facts("a # \\Z", re.VERBOSE).reaches_end


@pytest.mark.parametrize(
    "pattern",
    [
        *("a", "a?", "a??", "a?+", "a{3}", "a{,3}", "a{1,3}", "a{1,3}+", "a{}", "a{x}", "a{,b}"),
        *("[*+]", r"\*\+", "(?=.*)a", "(?<!a)b", "(a|bc){2}", "(?P<x>a)(?P=x)", "(?#a+)b"),
    ],
)
def test_pattern_is_bounded(pattern: str) -> None:
    """Counted repetitions have a longest match; so has what only looks ahead, however far."""

    assert facts(pattern).is_bounded


@pytest.mark.parametrize(
    "pattern",
    [
        "a*",
        "a+",
        "a*?",
        "a++",
        "a{3,}",
        "a{,}",
        "(a+)",
        "(?:a|(b*))",
        "(?>a*)",
        r"(?=(.*))\1",
        "(?=(?P<x>.+))(?P=x)",
        "(a+){2}",
    ],
)
def test_pattern_is_endless(pattern: str) -> None:
    """One unbounded repetition suffices, also one that is captured in a look-ahead and repeated outside."""

    assert not facts(pattern).is_bounded


PIECES = st.sampled_from(
    [
        *("a", "b", r"\w", ".", "[ab]", r"[^a\]]", r"\.", r"\\", "{", "}", r"\Z", "$", "^", r"\b", "(?#x)"),
        *("|", "(", ")", "(?:", "(?=", "(?<!", "(?P<n>", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "++"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.text("ab.\n", max_size=5))
def test_pattern_is_never_called_safe_wrongly(pattern: str, text: str) -> None:
    """What is said to reach the end never matches a part of a text; what is bounded is so for `re` as well."""
    try:
        expression = re.compile(pattern)
    except (re.error, OverflowError):
        assume(False)
    found = read_pattern(expression)
    match = expression.match(text)

    assert not found.reaches_end or match is None or match.end() == len(text)
    assert not found.is_bounded or widest(pattern) < 2**31
    assert read_pattern(re.compile(found.mended)).reaches_end


def widest(pattern: str) -> int:
    """The greatest width that the parser of `re` computes; private, so for tests alone."""
    parser: Any = __import__("re._parser", fromlist=["parse"])
    return int(parser.parse(pattern).getwidth()[1])
