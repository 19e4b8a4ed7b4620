"""`wssec completion`: the script that lets a shell complete the command."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from .commands import PROGRAM, Command

VARIABLE: Final = "_WSSEC_COMPLETE"
"""Where click looks for a shell's question; made from the program's name."""


@click.command(cls=Command, as_root=True, example='eval "$(wssec completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a shell's completion script.

    Let the shell run it when it starts: eval "$(wssec completion bash)" in ~/.bashrc, the same with zsh in
    ~/.zshrc, wssec completion fish | source in fish's config.fish.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
