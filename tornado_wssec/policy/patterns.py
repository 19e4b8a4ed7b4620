"""Whether a regular expression matches to the end of a text, and whether its matches are bounded.

`re` tells neither in public and its parser is private, so this reads the pattern itself, which `re`
has compiled already and which is therefore well-formed. Where this reader is in doubt, as
over conditions and inline verbose mode, it says no.

Source: "Regular Expression Syntax" of the `re` module, Python 3.11 to 3.14.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_TOKENS: Final = re.compile(
    r"""
      (?P<end>       \\[Zz] )
    | (?P<edge>      \\[AbB] | [\^$] | \(\?[aiLmsux]+\) )
    | (?P<blank>     \(\?\#[^)]*\) )
    | (?P<doubtful>  \(\?\( | \(\?[aiLmsu]*x[aiLmsux]*[:-] | \(\?[aiLmsu]*-[ims]*x[imsx]*: )
    | (?P<look>      \(\?<?[=!] )
    | (?P<group>     \( (?: \?P<\w+> | \?> | \?[aiLmsu]*(?:-[ims]+)?: )? (?!\?) )
    | (?P<close>     \) )
    | (?P<branch>    \| )
    | (?P<endless>   (?: [*+] | \{[0-9]*,\} ) [?+]? )
    | (?P<counted>   (?: \? | \{[0-9]*,?[0-9]+\} ) [?+]? )
    | (?P<atom>      \\. | \[\^?\]?(?:[^\]\\]|\\.)*\] | \(\?P=\w+\) | . )
    """,
    re.DOTALL | re.VERBOSE,
)
_BLANK: Final = re.compile(r"(?:\s|#[^\n]*)+")
_BACK_REFERENCES: Final = re.compile(r"\\[1-9]|\(\?P=")


@dataclass(slots=True)
class _Part:
    """An item of a branch, by the name of its token. Only `group` and `look` have branches."""

    kind: str
    branches: "list[list[_Part]]" = field(default_factory=lambda: [[]])
    is_repeated: bool = False
    is_endless: bool = False


@dataclass(frozen=True, slots=True)
class PatternFacts:
    """What can be said of a regular expression without running it.

    Args:
        reaches_end: whether every match ends where the text ends. `$` does not do, since it also
            stands before a newline at the end.
        is_bounded: whether there is a longest match.
        mended: the pattern with an end that cannot be missed; itself where it reaches the end.
    """

    reaches_end: bool
    is_bounded: bool
    mended: str


def read_pattern(expression: re.Pattern[str]) -> PatternFacts:
    """Read a regular expression that `re` has compiled."""
    text = expression.pattern
    is_verbose = bool(expression.flags & re.VERBOSE)
    root = _parsed(text, is_verbose)
    reaches_end = root is not None and _reaches_end(root)
    # What a look-ahead captured may be repeated outside of it: then its length counts as well.
    is_bounded = root is not None and not _is_endless(root, into_looks=bool(_BACK_REFERENCES.search(text)))
    return PatternFacts(reaches_end, is_bounded, text if reaches_end else _mended(text, is_verbose))


def _parsed(text: str, is_verbose: bool) -> _Part | None:
    """The pattern as one group; None where it cannot be read for certain."""
    stack = [_Part("group")]
    at = 0
    while at < len(text):
        if is_verbose and (blank := _BLANK.match(text, at)):
            at = blank.end()
            continue
        token = _TOKENS.match(text, at)
        kind = token.lastgroup if token else None
        if token is None or kind is None or kind == "doubtful" or not _take(kind, stack):
            return None
        at = token.end()
    return stack[0] if len(stack) == 1 else None


def _take(kind: str, stack: list[_Part]) -> bool:
    """Add one token to the innermost open group; False where it does not fit."""
    branch = stack[-1].branches[-1]
    if kind in ("group", "look"):
        branch.append(_Part(kind))
        stack.append(branch[-1])
    elif kind == "close":
        stack.pop()
    elif kind == "branch":
        stack[-1].branches.append([])
    elif kind in ("endless", "counted"):
        if not branch:
            return False
        branch[-1].is_repeated = True
        branch[-1].is_endless |= kind == "endless"
    elif kind != "blank":
        branch.append(_Part(kind))
    return bool(stack)


def _reaches_end(group: _Part) -> bool:
    r"""Whether each branch ends in `\Z`, or in a group that does; what has no width may follow."""
    return all([_branch_reaches_end(branch) for branch in group.branches])


def _branch_reaches_end(branch: list[_Part]) -> bool:
    for part in reversed(branch):
        if part.is_repeated:
            return False
        if part.kind == "end":
            return True
        if part.kind not in ("edge", "look"):
            return _reaches_end(part)
    return False


def _is_endless(group: _Part, *, into_looks: bool) -> bool:
    for branch in group.branches:
        for part in branch:
            if part.kind == "look" and not into_looks:
                continue
            if part.is_endless or _is_endless(part, into_looks=into_looks):
                return True
    return False


def _mended(text: str, is_verbose: bool) -> str:
    r"""The pattern with `\Z` behind it, around its branches where it has several."""
    for tail in (r"\Z", r"\z", "$"):
        if text.endswith(tail) and not text.endswith("\\" + tail):
            text = text.removesuffix(tail)
            break
    root = _parsed(text, is_verbose)
    return rf"{text}\Z" if root and len(root.branches) == 1 else rf"(?:{text})\Z"
