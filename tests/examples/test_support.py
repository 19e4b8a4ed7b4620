"""The support desk: which cases there are, and who may read and write them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from examples.support.app import CASES_MOST, STAFF, SupportSocket, grants_of
from examples.support.cases import Cases
from tests.kits import in_loop
from tornado_wssec import BearerToken, Grants, Registry, StoreUnavailable
from tornado_wssec.testing import GuardKit


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[Cases]:
    """No case yet."""
    with closing(Cases(tmp_path / "cases.db")) as made:
        yield made


def test_customer_reads_and_writes_her_own_cases(cases: Cases) -> None:
    """Nobody else's; and she neither answers nor moderates in them."""
    own, other = cases.open("cleo", "Parcel"), cases.open("mallory", "Spam")
    cleo = Grants(grants_of("cleo", cases))
    asked = [f"chat:{do}:{own.room}" for do in ("read", "write", "answer", "moderate")]

    assert [True, True, False, False] == [cleo.allows(one) for one in asked]
    assert not cleo.allows(f"chat:read:{other.room}")
    assert not cleo.allows("support:desk")


def test_stranger_may_nothing(cases: Cases) -> None:
    """Not even connect."""

    assert () == grants_of("zoe", cases)


def test_customer_opens_only_so_many_cases(cases: Cases) -> None:
    """Each is some grants more for every connection of hers."""
    may_open = [Grants(grants_of("cleo", cases)).allows("support:open")]
    for number in range(CASES_MOST):
        cases.open("cleo", f"Case {number}")
    may_open.append(Grants(grants_of("cleo", cases)).allows("support:open"))

    assert [True, False] == may_open


def test_cases_are_those_of_every_process(cases: Cases, tmp_path: Path) -> None:
    """What one server has opened, another one marks; a case that does not exist is none."""
    case = cases.open("cleo", "Parcel")
    with closing(Cases(tmp_path / "cases.db")) as elsewhere:
        marked = elsewhere.mark(case.room, "answered")
        invented = elsewhere.mark("0" * 20, "answered")

    assert [("Parcel", "answered")] == [(one.subject, one.state) for one in cases.of("cleo")]
    assert [case.room] == [one.room for one in cases.newest(5)]
    assert (case.room, None) == (marked and marked.room, invented)


def test_cases_have_names_that_nobody_guesses(cases: Cases) -> None:
    """Of 80 random bits each."""
    names = {cases.open("cleo", "Parcel").room for _ in range(50)}

    assert 50 == len(names)
    assert {20} == {len(name) for name in names}


@in_loop
async def test_supervisor_is_told_to_try_again_when_the_store_fails(
    cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not hold on every server is `unavailable`; the connection stays."""
    by_token = type("SupportSocket", (SupportSocket,), {"authenticators": (BearerToken(),)})
    registry = Registry.scan("schemas.support", "schemas.moderation")
    room = cases.open("cleo", "Parcel").room

    async def fail(*given: object, **named: object) -> None:
        raise StoreUnavailable("it is gone")

    async with GuardKit([("/ws", by_token)], registry=registry, app_settings={"cases": cases}) as kit:
        sue = await kit.connect("/ws", subject="sue", permissions=STAFF["sue"])
        monkeypatch.setattr(kit.store, "append", fail)

        mute = {"room": room, "subject": "cleo", "measure": "mute", "seconds": 60, "reason": ""}
        await sue.assert_refused("unavailable", "moderation.act", mute)
        assert "sue" == (await sue.request("support.list"))["me"]["name"]
