"""`python3 examples --serve` keeps the chat up, says what to try, and leaves nothing behind."""

import signal
import time
from pathlib import Path
from typing import Final

from tests.starter.conftest import ask, sign_in
from tests.starter.running import kept_up

LOOK_SECONDS: Final = 0.03
"""It looks at its store four times a second, and an address may ask fifty times, however quick the machine is."""


def test_serve_keeps_the_chat_up_until_it_is_interrupted(tmp_path: Path) -> None:
    """The page answers, the line to try works as it is printed, and Ctrl-C removes everything."""
    with kept_up(tmp_path) as serving:
        ann, bob = sign_in(serving.chat, "ann"), sign_in(serving.chat, "bob")
        assert 200 == ask(serving.chat, "GET", "/me", token=ann).status

        serving.revoke_ann()
        while (status := ask(serving.chat, "GET", "/me", token=ann).status) == 200:
            time.sleep(LOOK_SECONDS)
        assert 401 == status
        assert 200 == ask(serving.chat, "GET", "/me", token=bob).status

        serving.program.send_signal(signal.SIGINT)
        assert 0 == serving.program.wait(timeout=30)
    assert [] == list(tmp_path.iterdir())
