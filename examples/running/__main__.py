"""Tell the story of one example, or keep it up: `python -m examples.running NAME [--serve] [--nodes N --redis]`."""

import argparse
import asyncio
import shlex
import signal
import sys
from importlib import import_module
from typing import Final, cast

from .deployment import WSSEC, deployed
from .processes import CannotRun, Ended, end_on_signals
from .stage import Stage
from .story import Outcome, Story, print_scene

PATIENCE_SECONDS: Final = 60.0
"""For a whole story."""
LAST_CHARACTERS: Final = 2_000


def main() -> int:
    """Run it; 0 when everything went as it must, 1 when not, or when it cannot run."""
    asked = _asked()
    story = cast(Story, import_module(f"examples.{asked.name}.story"))
    end_on_signals()
    try:
        with deployed(asked.name, port=asked.port, nodes=asked.nodes, on_redis=asked.redis) as stage:
            if asked.serve:
                return serve(story, stage)
            return 0 if asyncio.run(tell(story, stage)) else 1
    except Ended:
        return 0 if asked.serve else 130
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 1


async def tell(story: Story, stage: Stage) -> bool:
    """Print what happens, scene by scene; True when everything went as it must."""
    nodes = f"{len(stage.logs)} servers behind nginx, at" if len(stage.logs) > 1 else "at"
    print(f"It runs {nodes} {stage.url}, with keys made by `wssec init`.")
    outcomes: list[Outcome] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for scene in story.tell(stage):
                print_scene(scene.title, scene.outcomes)
                outcomes += scene.outcomes
    except TimeoutError:
        raise CannotRun(f"the story stands still; the server says:\n{said_last(stage)}") from None
    failed = sum(not outcome.is_right for outcome in outcomes)
    print(f"\n{len(outcomes) - failed} as they must be, {failed} not.")
    return not failed


def serve(story: Story, stage: Stage) -> int:
    """Say where it is and what to try, and wait until somebody ends it."""
    width = max(map(len, story.PEOPLE), default=0)
    folder = stage.env["EXAMPLE_DATA"]
    inside = f"set -a && . {shlex.quote(f'{folder}/wssec.env')} && cd {shlex.quote(stage.env['PYTHONPATH'])}"
    command = f"({inside} && {shlex.join(WSSEC)}"
    print(f"It is at {stage.url}")
    if stage.certificate:
        print("Its certificate was made for this run: your browser will ask whether you trust it.")
        print(f"{len(stage.logs)} servers stand behind nginx; their logs: {stage.logs[0].parent}/server-*.log")
    if story.PEOPLE:
        print("Who can sign in, by name alone:\n")
        print("\n".join(f"  {name:<{width}}  {may}" for name, may in story.PEOPLE.items()))
    print("\nTo try:\n")
    for line in story.TRY:
        before, begins, after = line.partition("{wssec}")
        shown = f"{before}\n    {command}{after})" if begins else line
        print(f"  {shown.replace('{url}', stage.url)}")
    print("\nCtrl-C ends it, and leaves nothing.", flush=True)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # or its end would not wake us
    signal.pause()
    print(f"A server has ended by itself; it said:\n{said_last(stage)}", file=sys.stderr)
    return 1


def said_last(stage: Stage) -> str:
    """The end of what each server has said."""
    return "\n".join(f"{log.name}: …{log.read_text()[-LAST_CHARACTERS:]}" for log in stage.logs)


def _asked() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python3 examples")
    reader.add_argument("name")
    reader.add_argument("--serve", action="store_true")
    reader.add_argument("--port", type=int)
    reader.add_argument("--nodes", type=int, default=1)
    reader.add_argument("--redis", action="store_true")
    return reader.parse_args()


if __name__ == "__main__":
    sys.exit(main())
