"""The whiteboard: what becomes of rights while they change."""

from pathlib import Path
from typing import Any

import pytest

from examples.whiteboard.app import BoardSocket
from examples.whiteboard.members import Members
from examples.whiteboard.story import stroke
from tests.kits import in_loop
from tornado_wssec import BearerToken, Identity, Registry, StoreUnavailable
from tornado_wssec.testing import GuardKit

BY_TOKEN = type("BoardSocket", (BoardSocket,), {"authenticators": (BearerToken(),)})
"""The same socket, for whoever shows a token."""


@in_loop
async def test_role_that_was_taken_away_is_gone_though_the_store_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner is told to try again, and meanwhile nobody draws on this server who may not any more."""
    members = Members(tmp_path)

    async def rights(identity: Identity) -> list[str]:
        return members.grants_of(identity.subject)

    async def fail(body: Any) -> None:
        raise StoreUnavailable("it is gone")

    settings: dict[str, Any] = {"members": members}
    registry = Registry.scan("schemas.whiteboard")
    async with GuardKit(
        [("/ws/(?P<board>.+)", BY_TOKEN)], registry=registry, permissions=rights, app_settings=settings
    ) as kit:
        ann, bob = [await kit.connect("/ws/roadmap", subject=name) for name in ("ann", "bob")]
        await bob.request("board.draw", stroke())
        monkeypatch.setattr(kit.store, "append", fail)

        share = {"board": "roadmap", "person": "bob", "role": "nobody"}
        await ann.assert_refused("unavailable", "board.share", share)
        await bob.assert_closed(4403)
