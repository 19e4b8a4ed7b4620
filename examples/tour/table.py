"""What was tried and what happened, for people."""

from collections.abc import Sequence

from .attacks import Outcome


def print_outcomes(title: str, outcomes: Sequence[Outcome]) -> None:
    """Print one table; a row that went wrong says what was expected."""
    width = max(len(outcome.tried) for outcome in outcomes)
    print(f"\n{title}")
    for outcome in outcomes:
        mark, wrong = ("ok ", "") if outcome.is_right else ("NO ", f"   expected: {outcome.expected}")
        print(f"  {mark} {outcome.tried:<{width}}  {outcome.happened}{wrong}", flush=True)
