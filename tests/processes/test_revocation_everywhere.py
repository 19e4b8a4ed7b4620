"""`wssec revoke`, with four servers of one store and hundreds of sockets: exactly what matches is closed, everywhere.

The one second of the contract is the only time that is asserted here. It is counted from the end of the command to the
close frame at the client, where `make bench` counts from the entry's own time: a busy machine has room for what it does
in between. How fast it really is stands in docs/performance.md.
"""

from pathlib import Path
from typing import Final

from bench.revocation.load import TALKERS
from bench.revocation.scene import SERVERS, Scene

KINDS: Final = ("token", "session", "subject", "tenant", "key")
TOKENS: Final = 10
TALKING: Final = 200
PROMISED_SECONDS: Final = 1.0


def test_revocation_closes_what_matches_on_every_process(environment: dict[str, str], tmp_path: Path) -> None:
    """4403 for each socket of a token, session, subject, tenant and key, within a second; nobody else notices."""
    with Scene(tmp_path, environment["WSSEC_STORE"]) as scene:
        groups = [scene.issuer.group(kind, f"the-{kind}", TOKENS) for kind in KINDS]
        clients = scene.connect(groups, scene.issuer.others(TALKING), pace=2.0)
        for number, group in enumerate(groups):
            revoked = scene.revoke(clients, group)
            closed = clients.ask("closed")

            assert {each.name: TOKENS * SERVERS for each in groups[: number + 1]} == {
                name: len(ends) for name, ends in closed.items()
            }
            assert revoked.after_the_command < PROMISED_SECONDS
        before = clients.ask("answers")
        while clients.ask("answers") < before + TALKING:
            assert TALKERS not in clients.ask("closed")
