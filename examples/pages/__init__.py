"""What the pages of the examples share: how they look, how they sign in, and what they may load."""

from .handlers import Api, DemoSignIn, Page, SignOut, page_routes, sign_in_routes
from .serving import serve

__all__ = ["Api", "DemoSignIn", "Page", "SignOut", "page_routes", "serve", "sign_in_routes"]
