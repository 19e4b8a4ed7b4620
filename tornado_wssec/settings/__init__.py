"""Every default of the package, once, with its reason; and the environment it is read from.

Rules of this package:
1. A number that limits anything stands here and nowhere else; docs, help and tests take it from here.
2. Bad settings are reported together, each with its value and its remedy.
3. A secret prints as `[redacted]`; only `reveal()` gives it out.
"""

from .documented import KiB, MiB
from .environment import COOKIE_SECRET_BYTES, STORE_SCHEMES, Settings
from .limits import Limits
from .secret import Secret
from .timeouts import Timeouts
from .token_rules import ASSERTED_SECONDS, LEEWAY_MOST, RSA_BITS_OF_ISSUERS, ClaimPath, TokenRules

__all__ = [
    "ASSERTED_SECONDS",
    "COOKIE_SECRET_BYTES",
    "LEEWAY_MOST",
    "RSA_BITS_OF_ISSUERS",
    "STORE_SCHEMES",
    "ClaimPath",
    "KiB",
    "Limits",
    "MiB",
    "Secret",
    "Settings",
    "Timeouts",
    "TokenRules",
]
