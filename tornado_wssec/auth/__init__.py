"""Ways to show who one is, one small file each."""

from .base import Authenticator, Credential, Desk, RequestView
from .bearer import BearerToken
from .ticket import Ticket

__all__ = ["Authenticator", "BearerToken", "Credential", "Desk", "RequestView", "Ticket"]
