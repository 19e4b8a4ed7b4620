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
        ("concurrency", 10**6),
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
async def test_r028_endpoint_that_is_added_behind_the_check() -> None:
    """What has not been checked lets in nobody whom it does not name."""
    empty = type("Empty", (ChatSocket,), {"requires": "", "anonymous": True})
    words = type("Words", (ChatSocket,), {"anonymous": "no", "allow_missing_origin": "no"})
    async with GuardKit([("/sound", ChatSocket)], registry=CHAT) as kit:
        kit.app.add_handlers(r".*", [("/empty", empty), ("/words", words)])
        await kit.assert_handshake_refused(503, "/empty")
        await kit.assert_handshake_refused(401, "/words")
        await kit.assert_handshake_refused(403, "/words", origin=None, token=kit.token())
        await kit.connect("/words")
