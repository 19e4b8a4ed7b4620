"""The reference of the `wssec` command, made from the command itself: the `commands` directive.

What a person reads here is what `--help` says, so that the two cannot differ.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tornado_wssec.cli import main
from tornado_wssec.cli.commands import PROGRAM

JSON: Final = "JSON: "
NAMES: Final = re.compile(r"(?<![`\w-])(--[a-z][a-z-]*|WSSEC_[A-Z_]+)(?![`\w])")
"""What a person types, and so is set as code."""

SHAPES: Final = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*\}|\[\w+\]")
"""`{a, b: {c}}` or `[a]`, in what a command says of its JSON."""


class Commands(SphinxDirective):
    """A section for each noun and each verb."""

    def run(self) -> list[nodes.Node]:
        """Make the sections, also where only the command has changed."""
        self.env.note_reread()
        return self.parse_text_to_nodes("\n".join(reference()), allow_section_headings=True)


def reference() -> Iterator[str]:
    """Yield the lines of the whole reference, as Markdown."""
    for name, command in main.commands.items():
        yield from _section(command, (name,))


def _section(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    words = " ".join((PROGRAM, *path))
    with click.Context(command, info_name=words) as context:
        yield f"\n({words.replace(' ', '-')})="
        yield f"{'#' * (len(path) + 1)} {words}\n"
        yield from _paragraphs(command)
        if isinstance(command, click.Group):
            for name, below in command.commands.items():
                yield from _section(below, (*path, name))
            return
        yield from _fenced("text", " ".join([words, *command.collect_usage_pieces(context)]))
        yield from _options(command, context)
        yield from _fenced("console", *(f"$ {line.strip()}" for line in _example(command).splitlines()))


def _paragraphs(command: click.Command) -> Iterator[str]:
    """Yield what the command says of itself; the shape of its JSON set off."""
    for paragraph in (command.help or "").split("\n\n"):
        text = " ".join(paragraph.split())
        if text.startswith(JSON):
            yield f"JSON: {SHAPES.sub(_as_code, text.removeprefix(JSON))}\n"
        else:
            yield f"{NAMES.sub(_as_code, text)}\n"


def _as_code(match: re.Match[str]) -> str:
    return f"`{match[0]}`"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [param.get_help_record(context) for param in command.get_params(context) if "--help" not in param.opts]
    shown = [(option, what) for option, what in filter(None, records) if what]
    if shown:
        yield from ("| Option | What it does |", "| --- | --- |")
        yield from (f"| `{_cell(option)}` | {NAMES.sub(_as_code, _cell(what))} |" for option, what in shown)
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _example(command: click.Command) -> str:
    example: str = vars(command)["example"].strip()  # a command without one cannot be declared
    return example


def _fenced(language: str, *lines: str) -> Iterator[str]:
    yield from (f"```{language}", *lines, "```\n")


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Make the directive known."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
