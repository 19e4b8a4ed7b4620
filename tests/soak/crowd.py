"""Ten thousand clients on one process for ten minutes: `python -m tests.soak.crowd`."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from tests.processes.crowd import CLIENTS, MARGIN_BYTES, crowd
from tornado_wssec.settings import MiB

SPELLS: Final = 10
A_SPELL: Final = 60.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Talk, and tell of each minute how long answers took and what memory the server has.

    Raises:
        LoadFailed: one client was cut off, or one message was not answered.
        AssertionError: memory has grown.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.crowd", description=__doc__)
    parser.add_argument("--clients", type=int, default=CLIENTS, help="how many (default: %(default)s)")
    parser.add_argument("--minutes", type=int, default=SPELLS, help="how long (default: %(default)s)")
    asked = parser.parse_args(arguments)
    resident = []
    for spell in crowd(asked.clients, asked.minutes, A_SPELL):
        resident.append(spell.resident_bytes)
        waits = f"p50 {spell.p50 * 1e3:.1f} ms, p99 {spell.p99 * 1e3:.1f} ms, {spell.skipped} late"
        sys.stdout.write(f"{spell.messages:>12,} messages, {waits}, {resident[-1] / MiB:.1f} MiB\n")
        sys.stdout.flush()
    grown = resident[-1] - resident[0]
    assert grown < MARGIN_BYTES, f"{grown:,} bytes more are resident after {asked.minutes} minutes"


if __name__ == "__main__":
    main()
