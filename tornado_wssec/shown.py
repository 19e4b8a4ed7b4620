"""What a stranger shows of credentials: one at most, in the ways that the endpoint knows, or in his first message.

Rules of this file:
1. Two credentials never fall back to one another.
2. One that is shown where nobody looks is not the same as none: nobody is let in as anonymous with it.
"""

from collections.abc import Sequence
from typing import Final

from .auth.base import CREDENTIAL_PREFIXES, Authenticator, Credential, RequestView
from .auth.cookie import CSRF_PREFIX
from .endpoint import Endpoint
from .errors import CredentialRefused, FrameError
from .policy.codec import Incoming
from .policy.reserved import Authenticate

CREDENTIAL_NAMES: Final = frozenset({"token", "ticket"})
"""Arguments of a query that carry a credential of ours."""


def the_only_credential(
    view: RequestView, authenticators: Sequence[Authenticator]
) -> tuple[Authenticator, Credential] | None:
    """What was shown, and to which authenticator. Two of them are refused (H26)."""
    found = [(one, credential) for one in authenticators if (credential := one.find(view)) is not None]
    if len(found) > 1:
        remedy = "say authenticators = [...] on the handler where a browser sends a cookie as well"
        raise CredentialRefused("several credentials: " + ", ".join(one.name for one, _ in found), remedy=remedy)
    if found and places_shown(view) > (found[0][1].carried_by in ("query", "subprotocol")):
        raise CredentialRefused("a credential, and another where no authenticator of the endpoint looks")
    return found[0] if found else None


def places_shown(view: RequestView) -> int:
    """In how many places of query and subprotocols a credential of ours stands, switched on or not."""
    in_query = sum(len(view.query.get(name, ())) for name in CREDENTIAL_NAMES)
    return in_query + sum(
        item.startswith(CREDENTIAL_PREFIXES) and not item.startswith(CSRF_PREFIX) for item in view.offered
    )


def shows_credential(view: RequestView) -> bool:
    """Whether something of ours was shown, in a place where no authenticator of the endpoint looks."""
    return not CREDENTIAL_NAMES.isdisjoint(view.query) or any(
        item.startswith(CREDENTIAL_PREFIXES) for item in view.offered
    )


def first_message(frame: str | bytes, endpoint: Endpoint) -> Incoming:
    """The first message of a socket that belongs to nobody yet, its data validated.

    Raises:
        CredentialRefused: it is anything but a `wssec.auth`.
    """
    if isinstance(frame, bytes):
        raise CredentialRefused("the first message is binary")
    try:
        first = endpoint.pipeline.envelope.parse(frame, endpoint.limits)
        spec = endpoint.pipeline.resolve(first.type)
        if spec.message is Authenticate:
            return first._replace(data=spec.load(first.data))
    except FrameError as error:
        fault = str(error.code)
    else:
        fault = "of another type"
    raise CredentialRefused(f"the first message is {fault}")
