"""A running starter, and questions asked of it as a page would."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.starter.running import Chat, served


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, its headers in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    chat: Chat,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str | None = None,
    origin: str | None = None,
    content_type: str = "application/json",
) -> Answer:
    """Send one request; with a token, and as the page of an origin, where given."""
    optional = {"Authorization": token and f"Bearer {token}", "Origin": origin, "Content-Type": content_type}
    connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=10)
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {name: value for name, value in optional.items() if value is not None}
    connection.request(method, path, None if body is None else text, headers)
    response = connection.getresponse()
    answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    connection.close()
    return answer


def sign_in(chat: Chat, name: str) -> str:
    """A token for somebody."""
    answer = ask(chat, "POST", "/login", {"name": name})
    assert 200 == answer.status, answer
    token: str = answer.json["token"]
    return token


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """The starter, as it was written."""
    with served(Path(tmp_path_factory.mktemp("starter")) / "demo") as running:
        yield running
