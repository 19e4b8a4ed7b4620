"""What happens when something fails is printed at the start, and by `wssec check`: from one place."""

from pathlib import Path

from tests.faults.node import environment_of, make_store, running
from tests.kits import chat_kit
from tests.stores.kit import in_loop
from tornado_wssec import Limits, Timeouts
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.cli.audit_lines import Level
from tornado_wssec.modes import modes_in_force

REPORTED = 6
"""Lines of the report on what a guard starts with, which come first."""


@in_loop
async def test_modes_are_logged_at_the_start(tmp_path: Path) -> None:
    """One line for each dependency, in plain words, with the numbers in force."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    timeouts = {"mirror_for_new": 7.0, "mirror_for_live": 9.0}
    async with running(environment, tmp_path, timeouts=timeouts) as node:
        told = [line.partition("in force: ")[2] for line in node.log().splitlines() if "in force: " in line]

    expected = modes_in_force(Limits(), Timeouts(**timeouts), has_issuers=False)
    assert [f"{mode.fault}: {mode.what}" for mode in expected] == told[REPORTED:]
    assert "store out of reach: new handshakes get 503 after 7 s, live connections close with 1013 after 9 s" in told


def test_modes_are_what_check_lists() -> None:
    """Word for word."""
    kit = chat_kit(timeouts=Timeouts.strict(), limits=Limits(memory_bytes=2**30))
    listed = [(line.where, line.what) for line in audit(kit.app, kit.guard) if line.level is Level.IN_FORCE]

    told = [line for line in listed if line[0] != "alerts"]  # these depend on nothing
    assert list(kit.guard.modes) == told[REPORTED:]
    assert "each asks the store itself" in dict(listed)["store out of reach"]
    assert "from 922 MiB on" in dict(listed)["memory short"]
