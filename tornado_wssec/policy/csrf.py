"""The value that a page of ours knows and no cookie carries: a browser adds cookies for every page (R008).

Rules of this file:
1. It is made of the cookie, so nothing need be kept; who knows it alone learns nothing of the cookie.
2. One that is shown must be right, also where none is asked for.
3. Comparing takes as long wherever the difference is.

The standard library's HMAC does: it is one call, and works without any state.

Source: OWASP CSRF prevention cheat sheet, tokens bound to the session by HMAC.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from ..errors import CsrfRefused
from . import base64url

_PURPOSE: Final = b"wssec csrf v1"
"""What else may ever be made of a cookie gets another one."""


def csrf_value(cookie: str) -> str:
    """The value that goes with a cookie: 43 characters, fit for a subprotocol, a query and a header.

    Args:
        cookie: its whole value, without quotes; it must be unguessable.
    """
    return base64url.encode(hmac.digest(_bytes(cookie), _PURPOSE, "sha256"))


def ensure_meant(cookie: str, shown: Sequence[str], *, is_required: bool) -> None:
    """Refuse a request that shows a cookie, and not what goes with it.

    Args:
        cookie: its value, verified already: else the answer would tell about the cookie.
        shown: every value that stands in the request.
        is_required: whether there must be one.

    Raises:
        CsrfRefused: it is missing, wrong, or there are several.
    """
    if not shown:
        if is_required:
            raise CsrfRefused("a cookie without its CSRF value", remedy=_REMEDY)
        return
    if len(shown) > 1:
        raise CsrfRefused("several CSRF values")
    if not hmac.compare_digest(_bytes(shown[0]), _bytes(csrf_value(cookie))):
        raise CsrfRefused("a CSRF value of another cookie", remedy=_REMEDY)


_REMEDY: Final = "the page gets it from its login, from GET /wssec/csrf or from guard.csrf_value()"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
