"""Ways to show who one is, one small file each."""

from .api_key import ApiKey
from .base import Authenticator, Credential, Desk, RequestView
from .bearer import BearerToken
from .first_message import FirstMessage
from .proxy_header import ProxyHeader
from .session_cookie import SessionCookie
from .signed_cookie import SignedCookie
from .ticket import Ticket

__all__ = [
    "ApiKey",
    "Authenticator",
    "BearerToken",
    "Credential",
    "Desk",
    "FirstMessage",
    "ProxyHeader",
    "RequestView",
    "SessionCookie",
    "SignedCookie",
    "Ticket",
]
