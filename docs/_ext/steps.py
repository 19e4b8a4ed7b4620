"""What each step of `examples/hardening` changes, made from the programs themselves: the `step` directive."""

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER: Final = Path(__file__).resolve().parents[2] / "examples" / "hardening"


class Step(SphinxDirective):
    """`{step} 3`: the difference that the third step makes."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Show it, also where only a program has changed."""
        self.env.note_reread()
        return self.parse_text_to_nodes(f"```diff\n{difference(int(self.arguments[0]))}```\n")


def difference(step: int) -> str:
    """How the program of a step differs from the one before."""
    old, new = f"step{step - 1}.py", f"step{step}.py"
    before, after = [(FOLDER / name).read_text(encoding="utf-8").splitlines(keepends=True) for name in (old, new)]
    return "".join(unified_diff(before, after, old, new))


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Make the directive known."""
    app.add_directive("step", Step)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
