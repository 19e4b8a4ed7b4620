"""What a revocation does to live connections: exactly those that it names, at once, or when its margin ends."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.kits import GENEROUS, V1, audited, chat_kit, in_loop, settled
from tests.naming import stable
from tornado_wssec.hub import Live
from tornado_wssec.policy.notices import NOTICE_SECONDS, make_notice
from tornado_wssec.policy.revocation_entries import NoticeKind, class_of
from tornado_wssec.policy.revocations import Kind, make_revocation, make_undo
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.kit import ISSUER

WHO: dict[str, dict[str, Any]] = {
    "ann": {"subject": "ann", "tenant": "acme", "token_id": "t-ann", "session_id": "s-ann"},
    "ann again": {"subject": "ann", "tenant": "acme", "token_id": "t-ann2", "session_id": "s-ann2"},
    "bob": {"subject": "bob", "tenant": "acme", "token_id": "t-bob", "session_id": "s-bob"},
    "eve": {"subject": "eve", "tenant": "evil", "token_id": "t-eve", "session_id": "s-eve"},
}


async def everybody(kit: GuardKit) -> dict[str, Client]:
    """A connection of each."""
    return {name: await kit.connect("/ws", token=kit.token(**who), subprotocols=V1) for name, who in WHO.items()}


async def left_by(clients: dict[str, Client]) -> set[str]:
    """Who of them has been closed; the others are open and have been told nothing but `wssec.ready`."""
    left = set()
    for name, client in clients.items():
        await client.send("ping", id="there?")
        messages = []
        async for message in client:
            messages.append(message["type"])
            if message["type"] == "pong":
                break
        assert messages[:1] == ["wssec.ready"]
        if "pong" not in messages:
            assert (4403, "access revoked") == (client.close_code, client.close_reason)
            left.add(name)
    return left


@pytest.mark.requirement("R076")
@pytest.mark.parametrize(
    ("named", "gone"),
    [
        ({"token": "t-ann"}, {"ann"}),
        ({"session": "s-ann2"}, {"ann again"}),
        ({"subject": "ann"}, {"ann", "ann again"}),
        ({"tenant": "acme"}, {"ann", "ann again", "bob"}),
        ({"token": "t-nobody"}, set()),
        ({"subject": "t-ann"}, set()),
        ({"session": "ann"}, set()),
        ({"tenant": "ann"}, set()),
        ({"token": "*"}, set()),
        ({"key": "current"}, set(WHO)),
    ],
    ids=stable,
)
@in_loop
async def test_revocation_closes_whom_it_names(
    named: dict[str, str], gone: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Every kind closes those that match, before `revoke` returns, and nobody else; the audit says who."""
    caplog.set_level(logging.INFO)
    async with chat_kit(limits=GENEROUS) as kit:
        clients = await everybody(kit)
        if "key" in named:
            named = {"key": kit.keys.ring.current.kid}
        revocation = await kit.guard.revoke(**named)  # type: ignore[arg-type]  # by its names

        assert gone == await left_by(clients)
        await settled(kit, len(WHO) - len(gone))
        closed = [line for line in audited(caplog.records, "session.closed") if line.get("code") == 4403]
    assert len(gone) == len(closed)
    assert {f"{revocation.kind} {revocation.id}" for _ in gone} == {line["evidence"] for line in closed}


@pytest.mark.parametrize("named", [{}, {"token": "a", "subject": "b"}, {"tenant": "a", "key": "b"}], ids=str)
@in_loop
async def test_revocation_names_one_thing(named: dict[str, str]) -> None:
    """None and two are a mistake of the caller's, and close nobody."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        with pytest.raises(TypeError, match="revoke\\(\\) takes one of"):
            await kit.guard.revoke(**named)  # type: ignore[arg-type]  # by its names
        await client.assert_nothing_received()


@in_loop
async def test_revocation_by_another_node() -> None:
    """What somebody else has written to the store closes at the next look, and not before it is seen."""
    async with chat_kit() as kit:
        client, other = await kit.connect("/ws"), kit.store.sibling()
        await other.open()
        await other.append(make_revocation(Kind.SUBJECT, "ann", kit.clock.wall, rules=kit.guard.rules))
        await client.assert_nothing_received()
        await kit.advance(1)

        await client.assert_closed(4403)
        await other.close()


@pytest.mark.parametrize(
    ("issuer", "is_closed"), [("https://issuer.example.com", True), (None, True), ("https://else", False)]
)
@in_loop
async def test_revocation_of_an_issuer(issuer: str | None, is_closed: bool) -> None:
    """Two issuers' `ann` are two people; an entry without an issuer means all of them."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        entry = make_revocation(Kind.SUBJECT, "ann", kit.clock.wall, rules=kit.guard.rules, issuer=issuer)
        await kit.store.append(entry)
        await kit.advance(1)

        await (client.assert_closed(4403) if is_closed else client.assert_nothing_received())


@in_loop
async def test_revocation_with_a_margin() -> None:
    """It warns those whom it will close, lets them authenticate anew, and closes who has not when it ends."""
    async with chat_kit() as kit:
        clients = {name: await kit.connect("/ws", subject=name, subprotocols=V1) for name in ("ann", "bob")}
        late = await kit.connect("/ws", subject="ann", subprotocols=V1)
        for client in (*clients.values(), late):
            await client.assert_received("wssec.ready")
        kit.clock.advance(1)
        await kit.guard.revoke(subject="ann", margin=20)
        for client in (clients["ann"], late):
            assert 20.0 == (await client.assert_received("wssec.expiring"))["expires_in"]
        await clients["bob"].assert_nothing_received()
        kit.clock.advance(5)
        await clients["ann"].request("wssec.refresh", {"token": kit.token("ann")})
        await kit.advance(14.5)
        await late.assert_nothing_received()
        await kit.advance(0.5)

        assert "access revoked" == await late.assert_closed(4403)
        await clients["ann"].assert_nothing_received()
        await clients["bob"].assert_nothing_received()


@in_loop
async def test_margin_that_has_ended_does_not_begin_again() -> None:
    """A clock that is set back by less than a step lets nobody in again whom a margin has already shut out."""
    async with chat_kit() as kit:
        token = kit.token("ann", ttl=3_600)
        await kit.guard.revoke(subject="ann", margin=20)
        await kit.advance(20)
        kit.clock.step_wall(-15)
        await kit.advance(0)

        await kit.assert_handshake_refused(401, "/ws", token=token)


@in_loop
async def test_margin_that_is_over_when_it_is_heard_of_does_not_begin_again() -> None:
    """Neither on a node whose clock was ahead of the one where it was made."""
    async with chat_kit() as kit:
        token = kit.token("ann", ttl=3_600)
        made = make_revocation(Kind.SUBJECT, "ann", kit.clock.wall - 20, rules=kit.guard.rules, before=None, margin=20)
        await kit.store.append(replace(made, before=kit.clock.wall))
        await kit.advance(0)
        kit.clock.step_wall(-15)
        await kit.advance(0)

        await kit.assert_handshake_refused(401, "/ws", token=token)


@in_loop
async def test_revocation_taken_back_in_its_margin() -> None:
    """An undo that comes in time closes nobody."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        revocation = await kit.guard.revoke(subject="ann", margin=20)
        await kit.store.append(make_undo(revocation, kit.clock.wall))
        await kit.advance(21)

        await client.assert_nothing_received()
        await kit.connect("/ws")


@in_loop
async def test_revocation_before_a_moment() -> None:
    """`before` spares what was issued after it."""
    async with chat_kit() as kit:
        old = await kit.connect("/ws", token=kit.token("ann"))
        at = kit.clock.wall
        kit.clock.advance(10)
        new = await kit.connect("/ws", token=kit.token("ann"))
        kit.clock.advance(10)
        await kit.guard.watcher.catch_up()
        await kit.guard.revoke(subject="ann", before=at)

        await old.assert_closed(4403)
        await new.assert_nothing_received()


@in_loop
async def test_revocation_of_a_session_survives_its_refresh() -> None:
    """A session keeps its name through a refresh, so that it can still be revoked by it."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        session = (await client.assert_received("wssec.ready"))["session"]
        await client.request("wssec.refresh", {"token": kit.token()})
        await kit.guard.revoke(session=session)

        await client.assert_closed(4403)


@pytest.mark.requirement("R079")
@in_loop
async def test_revoked_token_refreshes_nothing() -> None:
    """A refresh by a revoked token is 4401."""
    async with chat_kit() as kit:
        client, lost = await kit.connect("/ws"), kit.token("ann", token_id="t-lost")
        await kit.guard.revoke(token="t-lost")
        await client.send("wssec.refresh", {"token": lost})

        await client.assert_closed(4401)


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        ({"subject": "ann"}, {"ann", "ann again"}),
        ({"session": "s-bob"}, {"bob"}),
        ({"tenant": "acme", "subject": "ann"}, {"ann", "ann again"}),
        ({"tenant": "evil", "subject": "ann"}, set()),
    ],
    ids=stable,
)
@in_loop
async def test_disconnect_closes_whom_it_names(named: dict[str, str], gone: set[str]) -> None:
    """All that is given must match; their credentials stay valid."""
    async with chat_kit(limits=GENEROUS) as kit:
        clients = await everybody(kit)

        assert len(gone) == await kit.guard.disconnect(**named)
        assert gone == await left_by(clients)
        await everybody(kit)


@in_loop
async def test_disconnect_of_nobody_in_particular() -> None:
    """Nothing given would mean everybody, and is a mistake."""
    async with chat_kit() as kit:
        with pytest.raises(TypeError, match="disconnect\\(\\) takes"):
            await kit.guard.disconnect()


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        ({"session": "s-ann2"}, {"ann again"}),
        ({"subject": "ann"}, {"ann", "ann again"}),
        ({"tenant": "acme"}, {"ann", "ann again", "bob"}),
        ({"subject": "ann", "session": "s-ann"}, {"ann"}),
        ({"subject": "ann", "tenant": "evil"}, set()),
        ({"subject": "ann", "issuer": ISSUER}, {"ann", "ann again"}),
        ({"subject": "ann", "issuer": "https://somebody.else"}, set()),
        ({"session": "s-ann", "issuer": "https://elsewhere.example"}, set()),
        ({"session": "*"}, set()),
    ],
    ids=stable,
)
@in_loop
async def test_notice_kicks_whom_it_means(
    named: dict[str, str], gone: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Exactly those, at the next look of a node that did not make it; it is audited once."""
    with caplog.at_level(logging.INFO, "tornado_wssec.audit"):
        async with chat_kit() as kit:
            clients = await everybody(kit)
            await kit.store.append(make_notice(NoticeKind.KICK, kit.clock.wall, **named))
            await kit.advance(0)

            assert gone == await left_by(clients)
    assert [len(gone)] * bool(gone) == [line["connections"] for line in audited(caplog.records, "sessions.kicked")]


@in_loop
async def test_notice_is_heeded_once_by_a_node() -> None:
    """Whoever was kicked may come back, also when the whole log is read again; who comes later is not meant."""
    async with chat_kit() as kit:
        ann = await kit.connect("/ws")
        await kit.store.append(make_notice(NoticeKind.KICK, kit.clock.wall, subject="ann"))
        await kit.advance(0)
        await ann.assert_closed(4403)
        again = await kit.connect("/ws")
        kit.guard.watcher._cursor = None
        await kit.advance(1)

        await again.assert_nothing_received()


@in_loop
async def test_notice_that_is_old_is_ignored_by_a_node_that_starts() -> None:
    """It finds it in the log, and its connections have nothing to do with it."""
    async with chat_kit() as kit:
        ann = await kit.connect("/ws")
        await kit.store.append(make_notice(NoticeKind.KICK, kit.clock.wall - NOTICE_SECONDS, subject="ann"))
        await kit.advance(0)

        await ann.assert_nothing_received()


@in_loop
async def test_notice_about_permissions_ends_nobody() -> None:
    """It is handed on, with whom it means, to whoever can ask for permissions again."""
    async with chat_kit() as kit:
        clients = await everybody(kit)
        meant: list[str] = []

        def reload(matches: Callable[[Live], bool]) -> int:
            meant.extend(live.session.identity.subject for live in kit.guard.hub if matches(live))
            return len(meant)

        kit.guard._enforcer.reload = reload
        await kit.store.append(make_notice(NoticeKind.PERMISSIONS, kit.clock.wall, tenant="acme"))
        await kit.advance(0)

        assert ["ann", "ann", "bob"] == sorted(meant)
        assert set() == await left_by(clients)


@in_loop
async def test_notices_expire_and_are_pruned() -> None:
    """They do not pile up in the log for as long as revocations must."""
    async with chat_kit() as kit:
        await kit.guard.revoke(subject="nobody")
        await kit.guard.disconnect(subject="nobody")
        await kit.advance(NOTICE_SECONDS + 400)
        await kit.guard.watcher._prune()

        assert ["revocation"] == [class_of(entry.body) for entry in await kit.store.read_after(None, 10)]
