"""Regular expressions in the words of ECMA-262 match what they matched in Python, or are not written."""

import json
import re
import subprocess

import pytest

from bench.environments import Missing, node_with
from tests.left_out import leave_out
from tornado_wssec.exports.expressions import as_ecma, as_python

WRITTEN = {
    r"[a-z0-9-]{1,64}\Z": "^[a-z0-9-]{1,64}$",
    r"\A[a-z]+\Z": "^[a-z]+$",
    r"a|b\Z": "^(?:a|b$)",
    r"(?:a|b)\Z": "^(?:a|b)$",
    r"(a|(?P<n>b.))\Z": r"^(a|(?:b[^\n]))$",
    r"[^\]a[/]{,3}\Z": r"^[^\]a\[\/]{0,3}$",
    r"\x41\u0042\.\-\@\\\Z": r"^\x41\u0042\.-@\\$",
    r"(?=a)(?!b)(?<=^)[abc]\Z": "^(?=a)(?!b)(?<=^)[abc]$",
    "[\U0001f600-\U0001f64f]{1,2}\\Z": "^[\U0001f600-\U0001f64f]{1,2}$",
    r"a/b*?c??\Z": r"^a\/b*?c??$",
}
ASCII = {r"\d\D\w\s\Z": r"^[0-9][^0-9][A-Za-z0-9_][\t\n\v\f\r ]$", r"[\d_\-]\Z": r"^[0-9_\-]$"}
INEXPRESSIBLE = [
    *(r"\d\Z", r"\w\Z", r"\s\Z", r"[\d]\Z", r"[\W]\Z", r"\bx\Z", r"(a)\1\Z", r"(?P<n>a)(?P=n)\Z"),
    *(r"a*+\Z", r"(?>a)\Z", r"(?i:a)\Z", r"(a)?(?(1)a|b)\Z", r"\N{BULLET}\Z", r"\07\Z", r"a$", "a{\\Z", r"(?#x)a\Z"),
]
TEXTS = [
    *("", "a", "b", "ab", "abc", "a\n", "A", "AB.-@\\", "x" * 65, "a-1", "b\n", "bx", "b\r", "b\u2028", "]", "[", "/"),
    *("\U0001f600", "\U0001f600\U0001f601", "\ud83d", "a/bc", "a/", "1x_ ", "é", "_", "-", "5", "1 a\x0b", "\xe9"),
]


@pytest.mark.parametrize(("python", "ecma"), WRITTEN.items())
def test_expression_is_written(python: str, ecma: str) -> None:
    """Ends, classes, escapes and groups in the words of the other language."""

    assert ecma == as_ecma(re.compile(python))


@pytest.mark.parametrize(("python", "ecma"), ASCII.items())
def test_expression_over_ascii_is_written(python: str, ecma: str) -> None:
    """Where the flag says so, a digit is one of ten."""

    assert ecma == as_ecma(re.compile(python, re.ASCII))


def test_expression_dot_may_match_everything() -> None:
    """With DOTALL; without, it stops at a newline alone, and not where ECMA-262 would stop."""

    assert [r"^[\s\S]$", r"^[^\n]$"] == [as_ecma(re.compile(r".\Z", flags)) for flags in (re.DOTALL, 0)]


@pytest.mark.parametrize("python", INEXPRESSIBLE)
def test_expression_that_means_something_else_is_not_written(python: str) -> None:
    """Sets of Unicode, back-references, atomic groups, flags inside."""

    assert as_ecma(re.compile(python)) is None


@pytest.mark.parametrize("flags", [re.IGNORECASE, re.MULTILINE, re.VERBOSE])
def test_expression_with_flags_is_not_written(flags: int) -> None:
    """They change what nearly every token means."""

    assert as_ecma(re.compile(r"a\Z", flags)) is None


def test_expression_reads_back_in_python() -> None:
    """What we have written ends in Python, too, where the text ends; a dollar in a class stays one."""

    assert [r"^a\Z", r"^\$[$]\Z"] == [as_python(pattern) for pattern in ("^a$", r"^\$[$]$")]


def test_expressions_match_the_same_texts_in_node() -> None:
    """Each of them over each of these texts, by Python's `match` and by `RegExp` with the flag `u`."""
    try:
        node, _ = node_with("typescript", ("typescript@5.9.3",))
    except Missing as error:
        leave_out(f"Node: {error}", "install Node with npm, and let it reach registry.npmjs.org")
    compiled = [*map(re.compile, WRITTEN), *[re.compile(one, re.ASCII) for one in ASCII], re.compile(r".\Z", re.DOTALL)]
    ecma = [as_ecma(one) for one in compiled]
    script = (
        "const [patterns, texts] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(patterns.map((p) => texts.map((t) => new RegExp(p, 'u').test(t)))))"
    )
    ran = subprocess.run(
        [node, "-e", script], input=json.dumps([ecma, TEXTS]), capture_output=True, text=True, timeout=60, check=True
    )

    assert [[one.match(text) is not None for text in TEXTS] for one in compiled] == json.loads(ran.stdout)
