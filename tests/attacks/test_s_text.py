"""R059 over a real socket: text that is shown, logged, followed or put into a page, on each way through a schema."""

import json
from typing import Any, Final

import pytest

from tests.kits import GENEROUS, in_loop
from tornado_wssec import (
    PUBLIC,
    Identifier,
    Message,
    PlainText,
    Registry,
    SafeHtml,
    SafeUrl,
    SecureWebSocketHandler,
    on,
)
from tornado_wssec.policy.codec import ERROR_BYTES
from tornado_wssec.testing import GuardKit

pytestmark = pytest.mark.usefixtures("way")
CANARY: Final = "c4n4ry"


class Profile(Message):
    """A field of each kind of text."""

    class Meta:
        type = "text.profile"
        permission = PUBLIC

    name = PlainText(max_length=32)
    about = PlainText(max_length=200, allow="\n")
    device = Identifier()
    home = SafeUrl()
    page = SafeHtml(max_length=500)


class Shown(Message):
    """What everybody sees of it."""

    class Meta:
        type = "text.shown"
        direction = "out"
        permission = PUBLIC

    name = PlainText(max_length=32)
    page = SafeHtml(max_length=500)


class TextSocket(SecureWebSocketHandler):
    """Keeps what it was given, and shows it."""

    @on(Profile)
    async def keep(self, data: dict[str, Any]) -> None:
        self.settings["kept"].append(data)
        await self.send(Shown, {name: data[name] for name in ("name", "page") if name in data})


def text_kit() -> GuardKit:
    """Profiles at /ws."""
    registry = Registry(Profile, Shown)
    return GuardKit([("/ws", TextSocket)], registry=registry, limits=GENEROUS, app_settings={"kept": []})


HOSTILE: Final[dict[str, list[Any]]] = {
    "name": [
        *(
            "a\nb",
            "a\x1b[2J",
            "a\u202egnp.exe",
            "a\u2066b\u2069",
            "a\u200bb",
            "\ufeffa",
            "a\u2028b",
            "a\x85b",
            "\ue000",
        ),
        *("\ufffe", "Z" + "\u0301" * 31, "a\x00", "a" * 33, "\U000e0041", "a\x7f", 1, None, ["a"], {"a": "b"}, True),
    ],
    "about": ["a\r\nb", "a\tb", "a\x0bb", "\u0301\u0316" * 5_000],
    "device": ["", "-rf", "a b", "a\nlevel=info user=root", "../a", "a/b", "а", "a" * 65, "a\x1b[31m", "%s", "${x}"],
    "home": [
        *("javascript:alert(1)", "http://a.example", "https://ann:pw@a.example", "https://a.example\\@b.example"),
        *(
            "//a.example",
            "https://a.example/\n",
            "data:text/html,x",
            " https://a.example",
            "https://2130706433",
            "x" * 3_000,
        ),
    ],
    "page": ["a\u202eb", "&#x202e;b", "a\x00b", "x" * 501, "<i>" * 1_001, 1],
}


@pytest.mark.requirement("R056", "R059")
@in_loop
async def test_r059_texts_that_are_refused() -> None:
    """Each is `invalid`, in an answer that repeats nothing of it; none is handled."""
    async with text_kit() as kit:
        client = await kit.connect("/ws")
        for name, values in HOSTILE.items():
            for value in values:
                wrong = CANARY + value if isinstance(value, str) and name in ("name", "about") else value
                await client.send_text(json.dumps({"type": "text.profile", "id": "a", "data": {name: wrong}}))
                answer = await client.receive()

                assert (name, value, "invalid") == (name, value, answer.get("code"))
                assert [name] == list(answer["fields"])
                assert len(json.dumps(answer)) <= ERROR_BYTES
                assert CANARY not in json.dumps(answer)
        assert [] == kit.app.settings["kept"]


@pytest.mark.requirement("R059")
@in_loop
async def test_r059_texts_that_are_made_safe() -> None:
    """What is taken has one form, and what cannot be shown has been taken out, in the handler as in what it sends."""
    data = {
        "name": "Zoe\u0308",
        "about": "a\nb",
        "device": "pi-4.lab",
        "home": "https://a.example/?b=c",
        "page": "<b onclick=x>hi</b><script>alert(1)</script><a href='javascript:x'>y</a>",
    }
    page = '<b>hi</b><a rel="noopener noreferrer nofollow">y</a>'
    async with text_kit() as kit:
        client = await kit.connect("/ws")
        await client.send("text.profile", data)

        assert {"name": "Zo\u00eb", "page": page} == await client.assert_received("text.shown")
        assert [{**data, "name": "Zo\u00eb", "page": page}] == kit.app.settings["kept"]
