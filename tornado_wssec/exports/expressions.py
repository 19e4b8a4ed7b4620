r"""Regular expressions of Python, written as ECMA-262 has them.

JSON Schema matches by `RegExp` with the `u` flag and anywhere in a text, marshmallow by `re.match`, from its start.

Rules of this file:
1. What is written matches exactly what it is made from, or nothing is written.
2. Where the two languages differ in what a token means, as over `\d`, `\w` and `\b` of Unicode, nothing is written.

Source: ECMA-262 §22.2.1 (`RegExp`, with the Unicode flag); "Regular Expression Syntax" of the `re` module.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

_TOKENS: Final = re.compile(
    r"""
      (?P<end>       \\[Zz] )
    | (?P<start>     \\A | \^ )
    | (?P<group>     \((?!\?) | \(\?: | \(\?P<\w+> )
    | (?P<look>      \(\?<?[=!] )
    | (?P<close>     \) )
    | (?P<branch>    \| )
    | (?P<quantity>  (?: [*+?] | \{[0-9]+(?:,[0-9]*)?\} | \{,[0-9]+\} ) \?? (?![+]) )
    | (?P<dot>       \. )
    | (?P<class>     \[\^?\]?(?:[^\]\\]|\\.)*\] )
    | (?P<escape>    \\(?: x[0-9a-fA-F]{2} | u[0-9a-fA-F]{4} | . ) )
    | (?P<plain>     [^\\(){}\[\]^$.|?*+] )
    """,
    re.VERBOSE,
)
_SYNTAX: Final = frozenset(r"^$\.*+?()[]{}|/")
_CONTROLS: Final = frozenset("nrtfv")
_ASCII_SETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "d": "0-9",
        "w": "A-Za-z0-9_",
        "s": r"\t\n\v\f\r ",
    }
)
_MEMBER: Final = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|.", re.DOTALL)
_READ: Final = re.UNICODE | re.ASCII | re.DOTALL
"""Flags that can be written out; any other changes what nearly every token means."""


class _Inexpressible(Exception):
    """ECMA-262 has no such token, or another meaning for it."""


def as_ecma(expression: re.Pattern[str]) -> str | None:
    """What matches the same texts in ECMA-262; None where that cannot be said for certain."""
    text, flags = expression.pattern, expression.flags
    if flags & ~_READ:
        return None
    try:
        written, branches = _translated(text, is_ascii=bool(flags & re.ASCII), is_dotall=bool(flags & re.DOTALL))
    except _Inexpressible:
        return None
    if branches > 1:
        return f"^(?:{written})"
    return written if written.startswith("^") else f"^{written}"


def _translated(text: str, *, is_ascii: bool, is_dotall: bool) -> tuple[str, int]:
    """The pattern token by token, and how many branches it has outside of groups."""
    parts, at, depth, branches = list[str](), 0, 0, 1
    write: Mapping[str, Callable[[str], str]] = {
        "end": lambda token: "$",
        "start": lambda token: "^",
        "group": lambda token: "(?:" if token.startswith("(?P") else token,
        "quantity": lambda token: token.replace("{,", "{0,"),
        "dot": lambda token: r"[\s\S]" if is_dotall else r"[^\n]",
        "class": lambda token: _class(token, is_ascii=is_ascii),
        "escape": lambda token: _escape(token, is_ascii=is_ascii),
        "plain": lambda token: r"\/" if token == "/" else token,
    }
    while at < len(text):
        token = _TOKENS.match(text, at)
        if token is None or token.lastgroup is None:
            raise _Inexpressible
        depth += (token.lastgroup in ("group", "look")) - (token.lastgroup == "close")
        branches += token.lastgroup == "branch" and depth == 0
        parts.append(write.get(token.lastgroup, str)(token[0]))
        at = token.end()
    return "".join(parts), branches


def _escape(token: str, *, is_ascii: bool) -> str:
    """An escape outside of a class."""
    letter = token[1]
    if letter in _SYNTAX or letter in _CONTROLS or letter in "xu":
        return token
    if letter.lower() in _ASCII_SETS and is_ascii:
        return f"[{'^' if letter.isupper() else ''}{_ASCII_SETS[letter.lower()]}]"
    if letter.isalnum():
        raise _Inexpressible  # a back-reference, a Unicode set, `\b`, an octal number
    return letter


def _class(token: str, *, is_ascii: bool) -> str:
    inner = token[1:-1]
    negation = "^" if inner.startswith("^") else ""
    members = [_member(found[0], is_ascii=is_ascii) for found in _MEMBER.finditer(inner.removeprefix("^"))]
    return f"[{negation}{''.join(members)}]"


def _member(token: str, *, is_ascii: bool) -> str:
    if not token.startswith("\\"):
        return f"\\{token}" if token in "[]^/" else token
    letter = token[1]
    if letter in _SYNTAX or letter in _CONTROLS or letter in "xu-":
        return token
    if letter in _ASCII_SETS and is_ascii:
        return _ASCII_SETS[letter]
    if letter.isalnum():
        raise _Inexpressible
    return letter


def as_python(pattern: Any) -> str:
    """An ECMA pattern of ours as Python reads it: `$` stands at the end and nowhere before it."""
    return re.sub(r"(\\.)|\$(?![^\[]*\])", lambda found: found[1] or r"\Z", str(pattern), flags=re.DOTALL)
