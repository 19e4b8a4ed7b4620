"""`wssec store clock` shows how far the clock had come, and takes it back where somebody says so."""

import asyncio
import time

from tests.cli.conftest import Terminal
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.url import open_store
from tornado_wssec.timekeeping import keep_mark, machine_name


def kept(wssec: Terminal, ahead: float) -> None:
    """A mark as a server of this machine keeps it, so many seconds ahead of now."""

    async def keep() -> None:
        store = open_store(wssec.environment["WSSEC_STORE"], timeouts=Timeouts(store_call=30.0))
        await store.open()
        await keep_mark(store, machine_name(), time.time() + ahead)
        await store.close()

    asyncio.run(keep())


def test_store_clock_without_a_mark(wssec: Terminal) -> None:
    """There is none before a server has run for a while; that is no fault."""
    outcome = wssec("store", "clock", "--json")

    assert (0, {"now", "mark", "behind", "accepted"}) == (outcome.code, set(outcome.json))
    assert (None, 0.0, False) == (outcome.json["mark"], outcome.json["behind"], outcome.json["accepted"])


def test_store_clock_that_is_behind_is_a_fault(wssec: Terminal) -> None:
    """Exit 1, and by how much."""
    kept(wssec, ahead=3_600)
    outcome = wssec("store", "clock", "--json")

    assert 1 == outcome.code
    assert 3_590 < outcome.json["behind"] <= 3_600


def test_store_clock_is_accepted(wssec: Terminal) -> None:
    """What was later than now is forgotten; it asks first."""
    kept(wssec, ahead=3_600)
    assert 0 != wssec("store", "clock", "--accept").code
    assert "accepted" in wssec.done("store", "clock", "--accept", "--yes")

    outcome = wssec("store", "clock", "--json")
    assert (0, None) == (outcome.code, outcome.json["mark"])


def test_store_clock_keeps_what_is_earlier(wssec: Terminal) -> None:
    """A mark that the clock has passed is no obstacle, and stays."""
    kept(wssec, ahead=-10)
    wssec.done("store", "clock", "--accept", "--yes")
    outcome = wssec("store", "clock", "--json")

    assert (0, 0.0) == (outcome.code, outcome.json["behind"])
    assert None is not outcome.json["mark"]
