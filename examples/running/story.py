"""What an example is, for `python3 examples NAME`: a folder with these files.

    __init__.py   its docstring's first line is what `python3 examples --help` says of it
    app.py        the server: `python -m examples.NAME.app`, see below
    story.py      the names of `Story`, below: who there is, what to try, and what is told
    page/         the page, if it has one
    README.md     what it shows, how to run it, what to try, and which attacks are stopped

A server takes its settings from the environment: `WSSEC_*`, as every server of this library; `PORT`, where it listens
on loopback; `EXAMPLE_DATA`, a folder that all its processes share and that goes with them; `EXAMPLE_SIGN_IN=1`, without
which nobody signs in by a mere name. Its first line on standard output contains `listening on http://127.0.0.1:PORT`;
`examples.pages.serve` does all that. SIGTERM ends it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .stage import Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table: what was tried, what must happen, what did."""

    tried: str
    expected: str
    happened: str

    @property
    def is_right(self) -> bool:
        """Whether what happened is what must happen."""
        return self.happened == self.expected


@dataclass(frozen=True, slots=True)
class Scene:
    """One table: a title, and its rows."""

    title: str
    outcomes: Sequence[Outcome]


class Story(Protocol):
    """The module `examples.NAME.story`.

    Args:
        PEOPLE: who can sign in, and what they may do; by name, in few words. Empty where nobody does.
        TRY: what to try, a line each; two will do. `{url}` is where the page is, `{wssec}` begins a command on this
            deployment that can be pasted into another terminal, as in `{wssec} revoke subject ann`.
    """

    PEOPLE: Mapping[str, str]
    TRY: Sequence[str]

    def tell(self, stage: Stage) -> AsyncIterator[Scene]:
        """Let people use and misuse the system; each scene is printed once it is over."""
        ...


def print_scene(title: str, outcomes: Sequence[Outcome]) -> None:
    """Print one table; a row that went wrong says what was expected."""
    width = max(len(outcome.tried) for outcome in outcomes)
    print(f"\n{title}")
    for outcome in outcomes:
        mark, wrong = ("ok ", "") if outcome.is_right else ("NO ", f"   expected: {outcome.expected}")
        print(f"  {mark} {outcome.tried:<{width}}  {outcome.happened}{wrong}", flush=True)
