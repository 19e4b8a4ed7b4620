"""A whiteboard: boards that people share, and what each of them may do there.

Read `schemas/whiteboard.py` first: what may be said, by whom, how often. This is the server around it.
`python3 examples whiteboard --serve` makes keys and a store for it, and runs it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tornado.web import Application

from examples.pages import Api, page_routes, serve, sign_in_routes
from schemas import whiteboard
from tornado_wssec import (
    Guard,
    Identity,
    PermissionDenied,
    Present,
    Registry,
    SecureWebSocketHandler,
    SessionCookie,
    Ticket,
    on,
)

from .members import Members

PEOPLE: Final[Mapping[str, Mapping[str, str]]] = {
    "ann": {"may": "owns the roadmap, draws on the retro"},
    "bob": {"may": "draws on the roadmap, owns the retro"},
    "cleo": {"may": "views the roadmap, owns the moodboard"},
    "dan": {"may": "a stranger: nothing, until somebody shares a board"},
}


class BoardSocket(SecureWebSocketHandler):
    """One board. Whatever arrives in a method is authenticated, validated, authorised and within its rate."""

    authenticators = (Ticket(),)  # the cookie buys it; by itself it opens no socket
    requires = "board:{board}:view"  # of the URL: a stranger's handshake gets 403

    @property
    def members(self) -> Members:
        members: Members = self.settings["members"]
        return members

    @on(whiteboard.Draw)
    async def draw_stroke(self, data: dict[str, Any]) -> None:
        await self.tell(whiteboard.Drawn, data)

    @on(whiteboard.Undo)
    async def undo_stroke(self, data: dict[str, Any]) -> None:
        await self.tell(whiteboard.Undone, data)

    @on(whiteboard.Clear)
    async def wipe(self, data: dict[str, Any]) -> None:
        await self.tell(whiteboard.Cleared, data)

    @on(whiteboard.Look)
    async def look_around(self, data: dict[str, Any]) -> dict[str, Any]:
        """Who is here, and what everybody may do; to who shares the board also whom it may be shared with."""
        board = data["board"]
        others = PEOPLE if self.identity.permissions.allows(f"board:{board}:manage") else ()
        here = await self.present(f"board:{board}:live")
        return {"people": names(here), "roles": {**dict.fromkeys(others, "nobody"), **self.members.people_of(board)}}

    @on(whiteboard.Share)
    async def change_role(self, data: dict[str, Any]) -> None:
        """Change what somebody may do. His open sockets are held to it before anything else of his is looked at."""
        guard, board, person = self.settings["wssec"], data["board"], data["person"]
        if person not in PEOPLE or self.members.people_of(board).get(person) == "owner":
            raise PermissionDenied(f"{person} is the owner of {board}, or nobody")
        self.members.set(board, person, data["role"])
        try:
            if data["role"] == "nobody":
                await guard.moderation.kick(f"board:{board}", subject=person)  # so that his page is told
        finally:  # on this server it holds, whatever the store says
            await guard.permissions_changed(subject=person)
        await self.publish(f"board:{board}:live", whiteboard.Shared, data)

    async def tell(self, message: Any, data: dict[str, Any]) -> None:
        """Tell everybody at the board; who did it is taken from the credential, whatever the client wrote."""
        await self.publish(f"board:{data['board']}", message, {**data, "author": self.identity.subject})


class Boards(Api):
    """`GET /boards`: who one is, and the boards that one may open. It is a courtesy: the server decides again."""

    async def get(self) -> None:
        name = (await self.guard.authenticate(self.request)).subject
        boards = self.settings["members"].boards_of(name)
        self.write({"name": name, "boards": [{"name": board, "role": role} for board, role in boards.items()]})


def names(here: Sequence[Present]) -> list[str]:
    """The first hundred who are here, by name."""
    return sorted(one.subject for one in here)[:100]


def make_app(given: Members | None = None, **options: Any) -> Application:
    """The application and its guard; options are the guard's."""
    members = given or Members(Path(os.environ.get("EXAMPLE_DATA", ".")))

    async def rights(identity: Identity) -> Sequence[str]:
        """The snapshot of permissions that a connection is held to, until `permissions_changed` says otherwise."""
        return members.grants_of(identity.subject)

    async def told(channel: str, who: Present, is_here: bool) -> None:
        """Somebody has come to a board, or left it."""
        people = names(await guard.present(channel))
        await guard.publish(channel, whiteboard.People, {"board": channel.split(":")[1], "people": people})

    guard = Guard.from_env(
        registry=Registry.scan("schemas.whiteboard"),
        **{"authenticators": [SessionCookie()], "permissions": rights, "presence": told, **options},
    )
    routes = [
        (r"/ws/boards/(?P<board>[a-z0-9-]{1,64})", BoardSocket),
        (r"/boards", Boards),
        *sign_in_routes(PEOPLE),
        *guard.routes(client=True),
        *page_routes(Path(__file__).parent / "page"),
    ]
    return Application(routes, wssec=guard, members=members)


if __name__ == "__main__":
    serve(make_app)
