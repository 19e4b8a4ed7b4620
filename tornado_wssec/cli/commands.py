"""What every command of `wssec` has in common: an example, one-line errors, exit codes.

Rules of this file:
1. Nobody sees a traceback; an error is one line on standard error, "wssec: what; remedy".
2. Exit codes are 0 (done), 1 (failed), 2 (wrong usage) and 130 (interrupted).
3. A command without an example cannot be declared.
"""

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from ..errors import ConfigurationError, WssecError
from .output import error, warn
from .recording import record

PROGRAM: Final = "wssec"
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""

INTERRUPTION: Final = "interrupted; no file is torn, and `wssec store doctor` tells what is left to do"

SHORT_HELP: Final = 200
"""Characters that a command may have in the list of commands."""

PACKAGE: Final = Path(__file__).parent.parent


class Refused(click.ClickException):
    """The command did not do what was asked; exit 1."""

    exit_code = FAILED


class WrongUsage(click.ClickException):
    """What was asked cannot be done as it was put; exit 2."""

    exit_code = USAGE


@contextmanager
def told_as(kind: type[Refused | WrongUsage]) -> Iterator[None]:
    """Report a ValueError of the block, which says what cannot be and the remedy, as this kind of failure."""
    try:
        yield
    except ValueError as error:
        raise kind(str(error)) from None


def _write_example(example: str, formatter: click.HelpFormatter) -> None:
    """Last in the help, so that it is what remains on the screen."""
    with formatter.section("Example"):
        for line in example.strip().splitlines():
            formatter.write(f"{'':>{formatter.current_indent}}{line.strip()}\n")


def _refuse_options(ctx: click.Context, value: object) -> None:
    """Refuse `--jsno` and `-y` where an argument may begin with a dash; no kid and no jti looks like them."""
    for word in value if isinstance(value, tuple) else (value,):
        if isinstance(word, str) and (word.startswith("--") or (len(word) == 2 and word.startswith("-"))):
            raise click.NoSuchOption(word, ctx=ctx)


class Command(click.Command):
    """A verb. Its help ends in `example`, which a test executes as it stands.

    Args:
        example: lines for a shell.
        takes_dashes: an argument may begin with a dash, as every 64th kid and jti does.
        as_root: it touches nothing, so that root may run it without a warning.
    """

    def __init__(
        self, *args: Any, example: str, takes_dashes: bool = False, as_root: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.ignore_unknown_options = takes_dashes
        self._as_root = as_root

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; what looks like an option, and is none, is refused unless a `--` stands before it."""
        is_literal = "--" in args
        rest = super().parse_args(ctx, args)
        for param in self.params:
            if isinstance(param, click.Argument) and not is_literal:
                _refuse_options(ctx, ctx.params.get(param.name or ""))
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example."""
        _write_example(self.example, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run; as root with a warning, since what root makes the server may not be able to read."""
        if os.geteuid() == 0 and not self._as_root:
            warn("running as root; what it makes belongs to root, so run it as the server's own user where you can")
        outcome = "failed"
        try:
            result = super().invoke(ctx)
            outcome = "done"
            return result
        except (click.Abort, KeyboardInterrupt):
            outcome = "stopped"
            raise
        finally:
            record(ctx, outcome)

    def get_short_help_str(self, limit: int = SHORT_HELP) -> str:
        """The whole first sentence: the list of commands wraps it."""
        return super().get_short_help_str(SHORT_HELP)


class Group(click.Group):
    """A noun. Its verbs are `Command`s; its help ends in an example too."""

    command_class = Command

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example."""
        _write_example(self.example, formatter)

    def get_short_help_str(self, limit: int = SHORT_HELP) -> str:
        """The whole first sentence: the list of commands wraps it."""
        return super().get_short_help_str(SHORT_HELP)


class Root(Group):
    """`wssec` itself: where errors become lines and exit codes."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit; the program is called `wssec` however it was started."""
        extra = {name: value for name, value in extra.items() if name not in ("prog_name", "standalone_mode")}
        try:
            status = super().main(args, prog_name=PROGRAM, standalone_mode=False, **extra)
        except Exception as exception:
            status = _report(exception)
        sys.exit(status if isinstance(status, int) else 0)


def _report(exception: Exception) -> int:
    """Say what happened in a line or, for a configuration, a line a problem; return the exit code."""
    match exception:
        case click.Abort():
            interrupted = isinstance(exception.__cause__ or exception.__context__, KeyboardInterrupt)
            error(INTERRUPTION if interrupted else "stopped; nothing was changed")
            return INTERRUPTED if interrupted else FAILED
        case click.exceptions.NoArgsIsHelpError():
            click.echo(exception.format_message(), err=True)
            return USAGE
        case click.UsageError():
            error(f"{exception.format_message().rstrip('.')}; see `{_help_of(exception)}`")
            return USAGE
        case click.ClickException():
            error(exception.format_message())
            return exception.exit_code
        case ConfigurationError():
            for problem in exception.problems:
                error(str(problem))
        case WssecError():
            error(str(exception))
        case OSError():
            error(f"{exception.filename or 'the system'}: {exception.strerror or type(exception).__name__}")
        case _:
            error(_where(exception))
    return FAILED


def _help_of(exception: click.UsageError) -> str:
    return f"{exception.ctx.command_path if exception.ctx else PROGRAM} --help"


def _where(exception: Exception) -> str:
    """Name the place of a bug, and not the exception's text: it may hold a secret."""
    frames = [
        frame for frame in traceback.extract_tb(exception.__traceback__) if Path(frame.filename).is_relative_to(PACKAGE)
    ]
    place = f"{Path(frames[-1].filename).relative_to(PACKAGE)}:{frames[-1].lineno}" if frames else "outside the package"
    return f"this is a bug ({type(exception).__name__} at {place}); please report it with the command that you ran"
