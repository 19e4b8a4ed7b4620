"""Every token of the attack corpus, lines J01 to J21, made for a ring of keys and the rules of a verifier.

The signatures are real wherever the attack allows it, so that a token is refused for the fault it
carries and for nothing else. The same list is judged by the verifier alone and over real sockets.
"""

from typing import NamedTuple

from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import TokenRules

from .forgery import Forger
from .hostile_claims import HostileClaims
from .hostile_headers import HostileHeaders
from .hostile_signatures import HostileSignatures


class HostileToken(NamedTuple):
    """A token that must be refused: its line in the corpus, what is wrong with it, and the token."""

    line: str
    what: str
    token: str


def hostile_tokens(ring: KeyRing, rules: TokenRules, now: float) -> list[HostileToken]:
    """Every hostile token.

    Args:
        ring: the verifier's; its private halves are here, for EdDSA, ES256, RS256 and HS256 at least.
        rules: the verifier's.
        now: wall seconds at which they are judged.
    """
    kinds = (HostileSignatures, HostileHeaders, HostileClaims)
    return [HostileToken(*made) for kind in kinds for made in kind(ring, rules, now).make()]


def good_token(ring: KeyRing, rules: TokenRules, now: float) -> str:
    """The token that all of the hostile ones are variations of. It is accepted."""
    return Forger(ring, rules, now).good
