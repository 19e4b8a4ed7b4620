"""P13: what a message costs over TLS, against bare Tornado over TLS."""

from typing import Final

from tests.certificates import certify

from ..arena import Arena
from ..bars import ENCRYPTED
from ..contest import Standing, take_turns
from ..results import Outcome
from ..roster import BARE, OURS
from .talk import DISCIPLINES, MEDIUM_W1, W1, W16, contender

COMPARED: Final = {"P13.small": W1, "P13.pipelined": W16, "P13.medium": MEDIUM_W1}


def measure(rounds: int) -> Outcome:
    """Let the two take turns."""
    with Arena() as arena:
        certified = certify(arena.folder)
        running = arena.serve_all((OURS, BARE), str(certified.certificate), str(certified.key))
        contenders = [
            contender(arena, peer, server, discipline, is_tls=True)
            for peer, server in running.items()
            for discipline in DISCIPLINES
        ]
        take_turns(contenders, rounds)
    standing = Standing.of(contenders, arena.missing)
    figures = [standing.figure(bar, COMPARED[bar.id].name, OURS.name, BARE.name) for bar in ENCRYPTED]
    return Outcome(figures, {"encrypted": standing.costs})
