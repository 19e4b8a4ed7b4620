"""The browser's table of close codes is ours."""

import re

from tornado_wssec import Advice, CloseCode
from tornado_wssec.starter import FOLDER

IN_THE_BROWSER = {
    Advice.STOP: "stop",
    Advice.RECONNECT: "reconnect",
    Advice.RECONNECT_SPREAD: "spread out",
    Advice.BACK_OFF: "back off",
    Advice.NEW_TOKEN: "new credential",
    Advice.NEW_CREDENTIAL: "new credential",
    Advice.LOG_IN_AGAIN: "stop",
}


def test_client_obeys_every_close_code() -> None:
    """Each code that the package sends has its advice in wssec.js, and no other code has one."""
    table = re.findall(r'^  \[(\d{4}), "([a-z ]+)"\]', (FOLDER / "static" / "wssec.js").read_text(), re.MULTILINE)

    assert {int(code): IN_THE_BROWSER[code.advice] for code in CloseCode} == {int(code): text for code, text in table}
