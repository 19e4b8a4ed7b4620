"""`wssec completion` prints what a shell needs, and the shell's questions are answered."""

import pytest
from click.testing import CliRunner

from tests.cli.conftest import Terminal
from tornado_wssec.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script(bare: Terminal, shell: str) -> None:
    """For `wssec`, by the variable that it looks for."""
    script = bare.done("completion", shell)

    assert "_WSSEC_COMPLETE" in script
    assert "wssec" in script


def test_completion_of_another_shell_is_wrong_usage(bare: Terminal) -> None:
    """Those that there are, are named."""
    outcome = bare("completion", "tcsh")

    assert (2, True) == (outcome.code, "'bash', 'zsh', 'fish'" in outcome.err)


@pytest.mark.parametrize(
    ("words", "place", "found"),
    [("wssec key", 1, "keys"), ("wssec keys ro", 2, "rotate"), ("wssec completion z", 2, "zsh")],
)
def test_completion_answers_a_shell(words: str, place: int, found: str) -> None:
    """Nouns, verbs and choices are completed."""
    question = {"_WSSEC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}

    answer = CliRunner().invoke(main, [], env=question).stdout

    assert f"plain,{found}" in answer.splitlines()
