"""Two customers, an agent and a supervisor: a case is answered, hostile text arrives, somebody is put out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final

from tornado_wssec.client import Client, Event, Refused, Shown, Stopped

from ..running.stage import Stage, Visitor, refusal
from ..running.story import Outcome, Scene
from .app import PEOPLE as STAFF_AND_CUSTOMERS

PEOPLE: Final = {name: person["may"] for name, person in STAFF_AND_CUSTOMERS.items()}
TRY: Final = (
    "Open {url} in two windows: sign in as cleo in one and open a case, as sue in the other.",
    "Write <img src=x onerror=alert(1)> as cleo, and paste it as sue. It is read, and does nothing.",
    "As sue mute cleo, or slow her case down.",
    "From a terminal, in every case: {wssec} channels mute 'case:*' cleo --for 1m",
    "To end everything that cleo has open: {wssec} revoke subject cleo",
)
HOSTILE_ANSWER: Final = (
    "<p onclick=alert(1)>Dear <b>Cleo</b>,<script>alert(1)</script><img src=x onerror=alert(1)> "
    '<a href="javascript:alert(1)">here</a></p><style>*{display:none}</style>'
)
CLEANED: Final = '<p>Dear <b>Cleo</b>, <a rel="noopener noreferrer nofollow">here</a></p>'
PATIENCE_SECONDS: Final = 30.0


class Person:
    """Somebody with a page open."""

    def __init__(self, client: Client, visitor: Visitor) -> None:
        self.client = client
        self.visitor = visitor
        self._events = client.events()

    async def heard(self, type: str) -> Event:
        """The next event of this type; what comes before it is passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for event in self._events:
                if event.type == type:
                    return event
        raise Stopped(self.client.state)

    async def says(self, room: str, text: str) -> None:
        """Write a line."""
        await self.client.request("support.say", {"room": room, "text": text})

    async def opens(self, subject: str) -> str:
        """Open a case, and listen to it."""
        room = str((await self.client.request("support.open", {"subject": subject}))["room"])
        await self.client.subscribe(f"case:{room}")
        return room


async def arrives(stage: Stage, stack: AsyncExitStack, name: str) -> Person:
    """Sign in and connect as the page does: by the cookie, and the CSRF value that goes with it."""
    visitor = await stage.sign_in(name)
    csrf = (await visitor.ask("GET", "/wssec/csrf"))["csrf"]

    async def shown() -> Shown:
        return Shown(headers={"Cookie": visitor.cookie}, subprotocol=f"wssec.csrf.{csrf}")

    return Person(await stack.enter_async_context(stage.client("/ws", shown)), visitor)


async def tell(stage: Stage) -> AsyncIterator[Scene]:
    """Let them talk; then misuse it."""
    async with AsyncExitStack() as stack:
        cleo, mallory, ann, sue = [await arrives(stage, stack, name) for name in ("cleo", "mallory", "ann", "sue")]
        await ann.client.subscribe("desk")
        room = await cleo.opens("Where is my parcel?")
        case = await ann.heard("support.changed")
        await ann.client.subscribe(f"case:{room}")
        yield Scene("A case is opened and answered", await talk(room, case, cleo, ann))
        yield Scene("Hostile text is shown, and does nothing", await hostile(room, cleo, ann))
        yield Scene("Mallory tries the cases of others", await foreign(room, mallory))
        yield Scene("The supervisor moderates, from the page and from a terminal", await moderated(stage, mallory, sue))
        yield Scene("A cookie alone opens nothing", await cookies(stage, cleo))


async def talk(room: str, case: Event, cleo: Person, ann: Person) -> list[Outcome]:
    """A question, and an answer with marks."""
    await cleo.says(room, "It should have been here on Monday.")
    line = (await ann.heard("support.said")).data
    html = '<p>It is <b>on its way</b>: <a href="https://parcels.example/7">see here</a></p>'
    await ann.client.request("support.answer", {"room": room, "html": html})
    answer = (await cleo.heard("support.answered")).data
    return [
        Outcome(
            "the staff see a new case", "cleo: Where is my parcel?", f"{case.data['customer']}: {case.data['subject']}"
        ),
        Outcome("ann hears what cleo writes", "It should have been here on Monday.", line["text"]),
        Outcome(
            "cleo hears ann's answer", "ann: It is <b>on its way</b>", f"{answer['author']}: {answer['html'][3:26]}"
        ),
    ]


async def hostile(room: str, cleo: Person, ann: Person) -> list[Outcome]:
    """What looks like a program, to be run by whoever reads it, now or later."""
    script = "<script>alert(document.cookie)</script>"
    await cleo.says(room, script)
    line = (await ann.heard("support.said")).data["text"]
    await ann.client.request("support.answer", {"room": room, "html": HOSTILE_ANSWER})
    answer = (await cleo.heard("support.answered")).data["html"]
    turned = await refusal(cleo.says(room, "invoice\u202efdp.exe"))
    await cleo.client.unsubscribe(f"case:{room}")
    await cleo.client.subscribe(f"case:{room}", since=0)
    again = [
        await cleo.heard(type) for type in ("support.said", "support.answered", "support.said", "support.answered")
    ]
    forged = refusal(cleo.client.request("support.say", {"room": room, "text": "x", "author": "ann"}))
    return [
        Outcome("a script in a customer's line stays text", script, line),
        Outcome("a taken-over agent's script, handlers, style and link", CLEANED, answer),
        Outcome("a text that is turned around, exe.pdf for fdp.exe", "error invalid", turned),
        Outcome(
            "the same lines, from the history",
            f"{script} {CLEANED}",
            f"{again[2].data['text']} {again[3].data['html']}",
        ),
        Outcome("cleo writes in ann's name", "error invalid", await forged),
    ]


async def foreign(room: str, mallory: Person) -> list[Outcome]:
    """A customer who knows the name of another's case, and one who guesses."""
    ask = mallory.client.request
    cases = (await ask("support.list"))["cases"]
    exists, invented = await told(mallory, f"case:{room}"), await told(mallory, "case:00000000000000000000")
    return [
        Outcome("asks for the list of cases", "0 cases", f"{len(cases)} cases"),
        Outcome("listens to cleo's case, whose name she knows", "permission_denied", exists.partition(":")[0]),
        Outcome("is told the same of a case that does not exist", exists, invented),
        Outcome("listens to all of them", "error permission_denied", await refusal(mallory.client.subscribe("case:*"))),
        Outcome("listens to the desk", "error permission_denied", await refusal(mallory.client.subscribe("desk"))),
        Outcome("writes in cleo's case", "error permission_denied", await refusal(mallory.says(room, "hello"))),
        Outcome(
            "answers as if she were an agent",
            "error permission_denied",
            await refusal(ask("support.answer", {"room": room, "html": "<b>Pay here</b>"})),
        ),
        Outcome(
            "mutes cleo",
            "error permission_denied",
            await refusal(ask("moderation.act", {"room": room, "subject": "cleo", "measure": "mute"})),
        ),
    ]


async def moderated(stage: Stage, mallory: Person, sue: Person) -> list[Outcome]:
    """Mallory in a case of her own."""
    room = await mallory.opens("BUY NOW")
    who = {"room": room, "subject": "mallory"}
    await sue.client.request("moderation.slow", {"room": room, "seconds": 60})
    await mallory.says(room, "first")
    slowed = await refusal(mallory.says(room, "second"))
    await sue.client.request("moderation.slow", {"room": room, "seconds": 0})
    await sue.client.request("moderation.act", {**who, "measure": "mute", "seconds": 600, "reason": "spam"})
    acted = await mallory.heard("moderation.acted")
    muted = await refusal(mallory.says(room, "BUY NOW"))
    await asyncio.gather(
        stage.wssec("channels", "ban", f"case:{room}", "mallory", "--for", "1h", "--reason", "spam"),
        mallory.heard("wssec.unsubscribed"),
    )
    look = await sue.client.request("moderation.look", {"room": room})
    back = await refusal(mallory.client.subscribe(f"case:{room}"))
    await sue.client.request("moderation.pardon", {**who, "measure": "ban"})
    returned = await refusal(mallory.client.subscribe(f"case:{room}"))
    return [
        Outcome("slow mode: her second line", "error rate_limited", slowed),
        Outcome("mute: what she writes", "error permission_denied", muted),
        Outcome("mute: what she is told, without the reason", "mute mallory", _told(acted.data)),
        Outcome("`wssec channels ban`: she is put out, and comes back", "error permission_denied", back),
        Outcome(
            "the page shows what the terminal did",
            "ban, mute",
            ", ".join(sorted(one["measure"] for one in look["measures"])),
        ),
        Outcome("pardoned on the page, she comes back", "nothing refused", returned),
    ]


async def cookies(stage: Stage, cleo: Person) -> list[Outcome]:
    """A page elsewhere makes cleo's browser connect; the browser brings the cookie along."""
    cookie = [("Cookie", cleo.visitor.cookie)]
    v1 = {"subprotocols": ["wssec.v1"]}
    guessed = {"subprotocols": ["wssec.v1", f"wssec.csrf.{'A' * 43}"]}
    bare = await stage.handshake("/ws", extra=cookie, **v1)
    wrong = await stage.handshake("/ws", extra=cookie, **guessed)
    elsewhere = await stage.handshake("/ws", extra=cookie, origin="https://evil.example", **v1)
    await cleo.visitor.ask("POST", "/sign-out")
    ended = "open"
    try:
        await cleo.heard("nothing")
    except Stopped as stopped:
        ended = f"{stopped.state.reason} {stopped.state.code}"
    return [
        Outcome("from a page of another site", "HTTP 403", elsewhere),
        Outcome("without the CSRF value", "HTTP 403", bare),
        Outcome("with a guess of it", "HTTP 403", wrong),
        Outcome("signing out ends what is open", "revoked 4403", ended),
        Outcome("the old cookie", "HTTP 401", await stage.handshake("/ws", extra=cookie, **guessed)),
    ]


async def told(person: Person, channel: str) -> str:
    """The whole refusal, as text."""
    try:
        await person.client.subscribe(channel)
    except Refused as refused:
        return f"{refused}"
    return "nothing refused"


def _told(data: Any) -> str:
    return f"{data['measure']} {data['subject']}{' ' + data['reason'] if 'reason' in data else ''}"
