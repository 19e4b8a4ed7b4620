"""The pages on API keys and on authenticating proxies: what they show happens, against a server of its own process."""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk
from tests.kits import chat_kit
from tornado_wssec import ApiKey, Assertion, Guard, ProxyHeader, Registry, Ticket

API_KEYS, PROXY_HEADER = DOCS / "api-keys.md", DOCS / "proxy-header.md"
SETTINGS = "set -a && . demo/wssec.env && set +a"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The README's catalogue, the programs of the page, and a deployment for them."""
    with Desk(tmp_path) as desk:
        desk.write("schemas/__init__.py", "")
        for page in (README, API_KEYS):
            for block in blocks(page):
                if block.file_name and (page == API_KEYS or block.file_name == "schemas/chat.py"):
                    desk.write(block.file_name, block.text)
        desk.terminal("the server").run("wssec init demo")
        desk.terminal("the server").run(SETTINGS)
        desk.terminal("the server").run("python app.py")
        yield desk


def test_api_keys_page_does_what_it_shows(desk: Desk) -> None:
    """A key is made, used, exchanged and ended; its connection closes while the server runs."""
    for name in ("An operator", "The importer", "A back end"):
        desk.terminal(name).run(SETTINGS)
    for block in blocks(API_KEYS):
        if block.language == "console":
            desk.follow(block)


def snippets(page: Path) -> list[str]:
    """The blocks of Python that are no program."""
    return [block.text for block in blocks(page) if block.language == "python" and not block.file_name]


def test_api_keys_page_tells_applications_the_truth() -> None:
    """The calls of the guard, and the lookup of an application's own keys."""
    in_application, of_customers = snippets(API_KEYS)
    handed: list[str] = []
    row = SimpleNamespace(id=7, name="customer", tenant="acme", made_at=1.0)

    class Database:
        async def find(self, _: str, digest: str) -> SimpleNamespace | None:
            return row if digest == "known" else None

    async def play() -> tuple[Any, Any]:
        async with chat_kit() as kit:
            names: dict[str, Any] = {"guard": kit.guard, "hand_over": handed.append}
            code = compile(in_application, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            await eval(code, names)  # noqa: S307 -- the page is ours
        names = {"Assertion": Assertion, "ApiKey": ApiKey, "Ticket": Ticket, "database": Database()}
        exec(of_customers, names)  # noqa: S102 -- the page is ours
        return await names["customer_of"]("known"), await names["customer_of"]("unknown")

    known, unknown = asyncio.run(play())

    assert handed[0].startswith("wssec_ak")
    assert (("customer-7", 1.0), None) == ((known.token_id, known.issued_at), unknown)


def test_proxy_header_page_makes_a_guard() -> None:
    """As it stands, with the settings that any server needs."""
    (code,) = snippets(PROXY_HEADER)
    environment = {"WSSEC_STORE": "memory://", "WSSEC_KEYS": "/nowhere", "WSSEC_ISSUER": "i", "WSSEC_AUDIENCE": "a"}
    made = code.replace("Guard.from_env(", f"Guard.from_env({environment!r},")
    names: dict[str, Any] = {"Guard": Guard, "Registry": Registry, "ProxyHeader": ProxyHeader, "Ticket": Ticket}
    exec(made, names)  # noqa: S102 -- the page is ours

    assert isinstance(names["guard"], Guard)


def test_proxy_header_page_quotes_the_log() -> None:
    """The words that an operator looks for; `tests/attacks/test_r_proxy_header.py` sees them in the log."""
    text = " ".join(PROXY_HEADER.read_text(encoding="utf-8").split())

    assert "`the header X-Forwarded-User came from a peer that is no trusted proxy`" in text
    assert "`no credential`" in text
