"""Ours as it is in `ours`, from this tree and so not compiled.

Usage: python -m bench.peers.ours_python KEYS [CERTIFICATE KEY]
"""

import asyncio

from .ours import main, quieten

if __name__ == "__main__":
    quieten()
    asyncio.run(main())
