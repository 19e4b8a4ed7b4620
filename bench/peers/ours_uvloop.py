"""Ours as it is in `ours`, on uvloop (the extra of that name), on which the fastest of the others run, too.

Usage: python -m bench.peers.ours_uvloop KEYS [CERTIFICATE KEY]
"""

import uvloop

from .ours import main, quieten

if __name__ == "__main__":
    quieten()
    uvloop.run(main())
