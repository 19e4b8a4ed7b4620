"""The whiteboard of the examples as it stands, with tokens that were signed in advance in the place of a login.

Caps on connections are raised, since all people come from one address; every limit on what one of them says holds.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Final
from unittest.mock import patch

from examples.whiteboard import app
from examples.whiteboard.members import Members
from tornado_wssec import BearerToken, Limits
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.memory import MemoryStore

from ..peers.control import answer, raise_descriptors
from ..visitors import AUDIENCE, ISSUER, ORIGIN

MANY: Final = 1_000_000
LIMITS: Final = Limits(
    connections=16_000,
    connections_per_address=MANY,
    pending_requests_per_address=MANY,
    attempts_per_second=MANY,
    attempts_burst=MANY,
)


def shared(boards: int, people: int) -> dict[str, dict[str, str]]:
    """Each board with its people: the first two draw, the others look on."""
    roles = ["editor" if place < 2 else "viewer" for place in range(people)]
    return {
        f"b{board}": {f"u{board * people + place}": role for place, role in enumerate(roles)} for board in range(boards)
    }


async def main(keys: str, folder: str, boards: str, people: str) -> None:
    """Serve."""
    raise_descriptors()
    store = MemoryStore()
    await store.migrate(1_000_000.0)
    application = app.make_app(
        Members(Path(folder), shared(int(boards), int(people))),
        environ={},
        issuer=ISSUER,
        audience=AUDIENCE,
        origins=(ORIGIN,),
        store=store,
        keys=KeyFile(keys),
        limits=LIMITS,
        authenticators=[BearerToken()],
    )
    by_token = patch.object(app.BoardSocket, "authenticators", (BearerToken(),))
    with by_token:
        async with application.settings["wssec"] as guard:
            answer(guard.listen(application, 0, address="127.0.0.1"))
            await asyncio.Event().wait()


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tornado_wssec.audit").setLevel(logging.INFO)
    logging.getLogger("tornado_wssec.audit").addHandler(logging.NullHandler())
    asyncio.run(main(*sys.argv[1:]))
