"""How a guard is put together: from its arguments, group by group, each knowing only those before it.

`arguments` completes and judges what is given; `groups` makes what every connection shares, from the audit to the
keys; `door` what a newcomer passes; `whole` joins them, with what starts and stops them.
"""

from .arguments import Arguments
from .whole import Parts, compose

__all__ = ["Arguments", "Parts", "compose"]
