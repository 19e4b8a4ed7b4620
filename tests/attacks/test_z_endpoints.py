"""What an endpoint says of who may come in is taken at its word, or it does not start."""

from typing import Any

import pytest

from tests.kits import CHAT, ChatSocket, in_loop
from tornado_wssec import ConfigurationError
from tornado_wssec.testing import GuardKit


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requires", ""),
        ("requires", ()),
        ("requires", False),
        ("anonymous", "false"),
        ("anonymous", 0),
        ("anonymous", None),
        ("allow_missing_origin", "no"),
        ("newest_wins", "0"),
    ],
)
@in_loop
async def test_r028_switch_that_is_none(name: str, value: Any) -> None:
    """An empty permission is not none at all, and a word out of an environment is no yes."""
    handler = type("Endpoint", (ChatSocket,), {name: value})
    kit = GuardKit([("/ws", handler)], registry=CHAT)
    with pytest.raises(ConfigurationError, match=rf"Endpoint\.{name}"):
        kit.guard.check(kit.app)


@in_loop
async def test_r028_switch_that_is_none_within_another_server() -> None:
    """Nobody comes in where the check is made at the first handshake."""
    handler = type("Endpoint", (ChatSocket,), {"requires": "", "anonymous": True})
    async with GuardKit([("/sound", ChatSocket)], registry=CHAT) as kit:
        kit.app.add_handlers(r".*", [("/ws", handler)])
        await kit.assert_handshake_refused(503, "/ws")
