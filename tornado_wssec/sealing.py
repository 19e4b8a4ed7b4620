"""The methods whose overriding would go around the guard, and the hook to use instead.

A subclass or a mixin that overrides one is a `TypeError` at import: forgetting is impossible.
"""

from collections.abc import Mapping
from typing import Final

from .endpoint import HANDLES

INSTEAD: Final[Mapping[str, str]] = {
    "on_message": "handle each declared message with @on(Message)",
    "open": "override opened()",
    "on_close": "override closed(close)",
    "prepare": "write an Authenticator for authentication, or set requires = for authorisation",
    "get": "override opened(); what the URL may demand is requires =",
    "check_origin": "pass origins= to the Guard, or set WSSEC_ORIGINS",
    "select_subprotocol": "list your own names in subprotocols =",
    "get_compression_options": "nothing: compression stays off, its memory cannot be bounded",
    "get_websocket_protocol": "nothing: the caps hang on the protocol that the guard chooses",
    "write_message": "await self.send(Message, data)",
    "ping": "nothing: the guard keeps the heartbeat",
    "on_connection_close": "override closed(close)",
    "log_exception": "nothing: the guard logs where it was raised, without what was sent",
}


def refuse_overrides(cls: type, secure: type) -> None:
    """Refuse a class in which a sealed method, or a private name of the guard's, is not the guard's own.

    One that handles a message hides nothing at all: Tornado itself calls `clear`, say, in every handler that it makes.

    Raises:
        TypeError: naming every one, where it was overridden, and the hook to use instead.
    """
    faults = [
        f"{base.__name__}.{name} is a name of the guard's own; choose another"
        for base in cls.__mro__[: cls.__mro__.index(secure)]
        for name in vars(base)
        if name.startswith("_") and not name.startswith("__") and name in vars(secure)
    ]
    faults += [
        f"{base.__name__}.{name} handles a message, and hides what every handler has by that name; choose another"
        for base in cls.__mro__[: cls.__mro__.index(secure)]
        for name, value in vars(base).items()
        if hasattr(value, HANDLES) and name not in INSTEAD and hasattr(secure, name)
    ]
    for name, instead in INSTEAD.items():
        owner = next(base for base in cls.__mro__ if name in vars(base))
        if owner is not secure:
            faults.append(f"{owner.__name__}.{name} would go around the guard; instead: {instead}")
    if faults:
        raise TypeError(f"{cls.__name__} cannot be secured: " + "; ".join(faults))
