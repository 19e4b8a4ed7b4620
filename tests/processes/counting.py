"""A chat in a process of its own, in which an identity has few places, and a lease is short.

`python -m tests.processes.counting` serves as `tests.processes.sharing` does.
"""

import asyncio
from dataclasses import replace
from typing import Final

from tests.kits import GENEROUS
from tornado_wssec import Timeouts

from .sharing import serve

CAP: Final = 4
LEASE_SECONDS: Final = 6.0
TIMEOUTS: Final = Timeouts(store_call=3.0, store_sync=30.0, node_lease=LEASE_SECONDS, node_renewal=0.25, node_alone=1.0)

if __name__ == "__main__":
    asyncio.run(serve(replace(GENEROUS, connections_per_subject=CAP), TIMEOUTS))
