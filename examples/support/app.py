"""The server of the support desk. Read `schemas/support.py` first: what may be said, by whom, how often.

python -m examples.support.app
"""

import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import tornado.web

from schemas import support
from tornado_wssec import Guard, Identity, Registry, SessionCookie, on

from ..pages import Page, page_routes, serve, sign_in_routes
from .cases import Cases
from .moderating import ModeratedSocket

HERE: Final = Path(__file__).parent
CASES_MOST: Final = 50
"""Of one customer: each is a grant more for every connection of his."""

AGENT: Final = ("support:use", "support:desk", "chat:read:*", "chat:answer:*")
STAFF: Final[Mapping[str, Sequence[str]]] = {"ann": AGENT, "sue": (*AGENT, "chat:moderate:*")}
PEOPLE: Final[Mapping[str, Mapping[str, str]]] = {
    "cleo": {"may": "Customer: opens cases, and reads and writes her own"},
    "mallory": {"may": "Customer, and up to no good"},
    "ann": {"may": "Agent: reads every case, and answers"},
    "sue": {"may": "Supervisor: an agent who also moderates"},
}


class SupportSocket(ModeratedSocket):
    """What arrives in a method is authenticated, validated, sanitised, authorised and within its rate."""

    requires = "support:use"

    @on(support.List)
    def list_cases(self, data: dict[str, Any]) -> dict[str, Any]:
        """Give the newest cases that this person may read."""
        rights, name = self.identity.permissions, self.identity.subject
        cases = self.cases.newest(100) if rights.allows("support:desk") else self.cases.of(name)
        me = {"name": name, "answers": rights.allows("support:desk"), "moderates": rights.allows("chat:moderate:any")}
        return {"me": me, "cases": [{**case.fields, "at": case.at.isoformat()} for case in cases]}

    @on(support.Open)
    async def open_case(self, data: dict[str, Any]) -> dict[str, Any]:
        """Open a case; from now on its customer may read and write it."""
        case = self.cases.open(self.identity.subject, data["subject"])
        await self.guard.permissions_changed(subject=case.customer)
        await self.tell_desk(case)
        return {"room": case.room}

    @on(support.Say)
    async def say(self, data: dict[str, Any]) -> None:
        """Pass a customer's line on: text, as it was written."""
        await self.publish(f"case:{data['room']}", support.Said, {**data, **self.signature()})
        await self.tell_desk(self.cases.mark(data["room"], "waiting"))

    @on(support.Answer)
    async def answer(self, data: dict[str, Any]) -> None:
        """Pass an agent's answer on: HTML, which its field has cleaned."""
        await self.publish(f"case:{data['room']}", support.Answered, {**data, **self.signature()})
        await self.tell_desk(self.cases.mark(data["room"], "answered"))

    @on(support.Resolve)
    async def resolve(self, data: dict[str, Any]) -> None:
        """Put a case aside."""
        await self.tell_desk(self.cases.mark(data["room"], "resolved"))

    def signature(self) -> dict[str, Any]:
        """Who writes, and when: the server's word, and nobody else's."""
        return {"line": uuid.uuid4(), "author": self.identity.subject, "at": datetime.now(UTC)}


def grants_of(name: str, cases: Cases) -> Sequence[str]:
    """What somebody may do now: the staff in every case, a customer in his own. Asked again when that changes."""
    if name in STAFF or name not in PEOPLE:
        return STAFF.get(name, ())
    own = cases.of(name)
    may_open = ["support:open"] if len(own) < CASES_MOST else []
    return ["support:use", *may_open, *(f"chat:{do}:{case.room}" for case in own for do in ("read", "write"))]


class AnswersPage(Page):
    """The page: of agents' answers it may make markup, by the one policy in `markup.js`."""

    trusted_types = "answers"


def make_app() -> tornado.web.Application:
    """The application and its guard, for `wssec check examples.support.app:make_app`."""
    cases = Cases(Path(os.environ.get("EXAMPLE_DATA", ".")) / "cases.db")

    async def rights(identity: Identity) -> Sequence[str]:
        return grants_of(identity.subject, cases)

    guard = Guard.from_env(
        registry=Registry.scan("schemas.support", "schemas.moderation"),
        authenticators=[SessionCookie()],
        permissions=rights,
    )
    routes = [("/ws", SupportSocket), *guard.routes(client=True), *sign_in_routes(PEOPLE)]
    page = ("/(|index.html)", AnswersPage, {"path": HERE / "page", "default_filename": "index.html"})
    return tornado.web.Application([*routes, page, *page_routes(HERE / "page")], wssec=guard, cases=cases)


if __name__ == "__main__":
    serve(make_app)
