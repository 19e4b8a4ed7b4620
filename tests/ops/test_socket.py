"""The page's socket: who may ask and act, what is answered, and what is put down."""

import asyncio
import json
from typing import Any

import pytest

from tests.kits import ChatSocket, audited, in_loop, settled
from tests.ops.crowd import HOSTILE, fill, join
from tests.ops.kit import PAGE, SOCKET, actor, cookie_of, operations_kit, operator, signed_in
from tests.test_routes import sent
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.ops.terms import ACT, READ, ROWS
from tornado_wssec.policy.csrf import csrf_value
from tornado_wssec.policy.identity import Identity
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.client import Client
from tornado_wssec.testing.kit import ISSUER


async def propose(client: Client, **data: object) -> dict[str, Any]:
    """What is answered to a proposal."""
    return await client.request("ops.propose", data)


@in_loop
async def test_socket_asks_for_the_permission() -> None:
    """The handshake is refused with 403 to whoever lacks it, may he act or not; and to strangers with 401."""
    async with operations_kit() as kit:
        await kit.assert_handshake_refused(403, SOCKET, token=kit.token("ann", [ACT, "chat:**"]))
        await kit.assert_handshake_refused(401, SOCKET)
        await kit.assert_handshake_refused(403, SOCKET, token=kit.token("olga", [READ]), origin="https://evil.example")


@in_loop
async def test_socket_takes_the_cookie_of_the_sign_in() -> None:
    """With the value that its page shows, and from a page of ours alone."""
    async with operations_kit() as kit:
        name, value = cookie_of(await signed_in(kit, kit.token("olga", [READ])))
        csrf = csrf_value(value.partition("=")[2])
        page = (await sent(kit, "GET", PAGE, "", (name, value))).body.decode()
        good = await kit.handshake(SOCKET, extra=[(name, value)], subprotocols=["wssec.v1", f"wssec.csrf.{csrf}"])
        bare = await kit.handshake(SOCKET, extra=[(name, value)], subprotocols=["wssec.v1"])

        assert f'data-csrf="{csrf}"' in page
        assert [101, 403] == [answer.status for _, answer in (good, bare)]


@in_loop
async def test_socket_speaks_of_nothing_else() -> None:
    """The messages of the application are unknown there, and its own elsewhere."""
    async with operations_kit() as kit:
        client = await operator(kit, "chat:**")
        chatting = await kit.connect("/ws", permissions=["**"])

        await client.assert_refused("unknown_type", "chat.send", {"room": "lobby", "text": "hi"})
        await chatting.assert_refused("unknown_type", "ops.overview", {"since": 0.0})
        assert "ops.overview" not in kit.guard.registry.messages


@in_loop
async def test_socket_refuses_acts_of_who_only_reads(caplog: pytest.LogCaptureFixture) -> None:
    """Each is refused as permission_denied and put down; nobody is disconnected."""
    caplog.set_level("INFO", "tornado_wssec.audit")
    async with operations_kit() as kit:
        client, victim = await operator(kit), await kit.connect("/ws", subject="ann")
        await client.assert_refused("permission_denied", "ops.propose", {"action": "disconnect", "subject": "ann"})
        await client.assert_refused("permission_denied", "ops.confirm", {"confirm": "x"})
        await victim.assert_nothing_received()
        lines = audited(caplog.records, "message.refused")

        assert [("permission_denied", "olga")] * 2 == [(line["code"], line["subject"]) for line in lines]
        assert [] == audited(caplog.records, "operations.acted")


@in_loop
async def test_socket_loses_the_right_to_act_with_the_token() -> None:
    """A fresh token without it takes it away from the open page."""
    async with operations_kit() as kit:
        client = await actor(kit)
        await client.request("wssec.refresh", {"token": kit.token("olga", [READ])})
        await client.assert_refused("permission_denied", "ops.propose", {"action": "disconnect", "subject": "ann"})


@in_loop
async def test_socket_tells_how_things_are() -> None:
    """Numbers of now, where attempts came from and where they failed; JSON, whatever the names are."""
    async with operations_kit() as kit:
        await fill(kit.guard, ChatSocket, 8)
        await kit.assert_handshake_refused(403, "/ws", origin="https://evil.example")
        await kit.assert_handshake_refused(401, "/ws")
        client = await operator(kit)
        now = await client.request("ops.overview", {"since": 0.0})
        origins = {row["origin"]: (row["accepted"], row["refused"]) for row in now["origins"]}

        assert (9, "", 1) == (now["connections"], now["fault"], now["slow_count"])
        assert {("origin", 403, 1), ("credential", 401, 1)} == {tuple(row.values()) for row in now["refusals"]}
        assert {"https://app.example.com": (1, 1), "https://evil.example": (0, 1)} == origins
        assert {"address": "127.0.0.1", "connections": 1, "refused": 2} in now["addresses"]
        assert [["ChatSocket", 8], ["OperationsSocket", 1]] == now["endpoints"]
        assert (8, "room-0") == (now["channels"]["total"], now["channels"]["rows"][0]["channel"].removeprefix("room:"))
        assert ["user-00003"] == [row["subject"] for row in now["slow"]]


@in_loop
async def test_socket_lists_connections_by_pages() -> None:
    """The newest first, fifty at a time; the search looks at subject, tenant, address, session and endpoint."""
    async with operations_kit() as kit:
        await fill(kit.guard, ChatSocket, 2 * ROWS)
        client = await operator(kit)
        for scope in ("here", "all"):
            await kit.advance(1)
            last = await client.request("ops.connections", {"scope": scope, "search": "", "page": 2})
            acme = await client.request("ops.connections", {"scope": scope, "search": "ACME", "page": 0})
            hostile = await client.request("ops.connections", {"scope": scope, "search": HOSTILE, "page": 0})
            nobody = await client.request("ops.connections", {"scope": scope, "search": "zzz", "page": 0})

            assert (101, 101, 1) == (last["total"], last["matched"], len(last["rows"]))
            assert (25, 101, 25) == (acme["matched"], acme["total"], len(acme["rows"]))
            assert [HOSTILE] == [row["subject"] for row in hostile["rows"]]
            assert (0, []) == (nobody["matched"], nobody["rows"])


@in_loop
async def test_socket_lists_the_newest_first() -> None:
    """In both lists, whatever order they are kept in."""
    async with operations_kit() as kit:
        for subject in ("zoe", "ann", "mia", "bob"):
            await join(kit.guard, ChatSocket, Identity(subject=subject, issuer=ISSUER))
            await kit.advance(2)
        client = await operator(kit)
        await kit.advance(1)
        listed = [
            (await client.request("ops.connections", {"scope": scope, "search": "", "page": 0}))["rows"]
            for scope in ("here", "all")
        ]

        assert [["olga", "bob", "mia", "ann", "zoe"]] * 2 == [[row["subject"] for row in rows] for rows in listed]


@in_loop
async def test_socket_tells_of_one_connection() -> None:
    """What it may and listens to, and by which token; never the token, its claims or what was said."""
    async with operations_kit() as kit:
        client = await operator(kit)
        token = kit.token("ann", ["chat:read:*"], claims={"email": "canary@example.com"}, token_id="t-1")
        victim = await kit.connect("/ws", token=token)
        await victim.request("wssec.subscribe", {"channel": "room:lobby"})
        (row,) = (await client.request("ops.connections", {"scope": "here", "search": "ann", "page": 0}))["rows"]
        found = await client.request("ops.connection", {"connection": row["connection"]})

        assert ("ann", "t-1", ["chat:read:*"], ["room:lobby"]) == (
            found["subject"],
            found["token"],
            found["grants"],
            found["channels_listened"],
        )
        assert (token in json.dumps(found), "canary" in json.dumps(found)) == (False, False)
        assert {"is_gone": True} == await client.request("ops.connection", {"connection": "gone"})


@in_loop
async def test_socket_tells_of_keys_and_nodes() -> None:
    """Keys without their private halves, the newest revocations, the store and the nodes of it."""
    async with operations_kit() as kit:
        await kit.guard.revoke(subject="eve", reason="left")
        await kit.advance(1)
        client = await operator(kit)
        now = await client.request("ops.trust")
        (key,), (node,), (revoked,) = now["keys"], now["nodes"], now["newest"]

        assert ("current", "EdDSA", True) == (key["state"], key["alg"], key["signs"])
        assert {"kid", "alg", "state", "age", "verifies_for", "signs"} == set(key)
        assert ("subject", "eve", "left") == (revoked["kind"], revoked["value"], revoked["reason"])
        assert (kit.guard.directory.membership.node, True) == (node["node"], node["own"])
        assert (kit.store.url, 0.0) == (now["store"], now["mirror_age"])


@in_loop
async def test_socket_tells_the_audit_as_it_is_written() -> None:
    """From the start of the page's routes, each line once, behind the last that was seen."""
    async with operations_kit() as kit:
        client = await operator(kit)
        first = await client.request("ops.audit", {"after": 0})
        again = await client.request("ops.audit", {"after": first["seq"]})
        await kit.assert_handshake_refused(401, "/ws")
        news = await client.request("ops.audit", {"after": first["seq"]})

        assert "session.opened" == json.loads(first["lines"][-1])["event"]
        assert [] == again["lines"]
        assert ["handshake.refused"] == [json.loads(line)["event"] for line in news["lines"]]


@pytest.mark.requirement("R083")
@in_loop
async def test_socket_disconnects_whom_was_confirmed(caplog: pytest.LogCaptureFixture) -> None:
    """What it would hit is said first; then it happens, is put down with who did it, and may not happen twice."""
    caplog.set_level("INFO", "tornado_wssec.audit")
    async with operations_kit() as kit:
        client, other = await actor(kit), await kit.connect("/ws", subject="bob")
        tabs = [await kit.connect("/ws", subject="ann") for _ in range(2)]
        asked = await propose(client, action="disconnect", subject="ann")
        for tab in tabs:
            await tab.assert_nothing_received()
        done = await client.request("ops.confirm", {"confirm": asked["confirm"], "reason": "noisy"})
        for tab in tabs:
            assert "noisy" == await tab.assert_closed(4403)
        await other.assert_nothing_received()
        (line,) = audited(caplog.records, "operations.acted")
        told = {name: line[name] for name in line.keys() - {"v", "at", "operator_session"}}

        assert (2, "disconnect subject ann") == (asked["connections"], asked["about"])
        assert 2 == done["connections"]
        assert told == {
            "event": "operations.acted",
            "action": "disconnect",
            "outcome": "done",
            "operator": "olga",
            "operator_issuer": kit.guard.rules.issuer,
            "operator_address": "127.0.0.1",
            "subject": "ann",
            "reason": "noisy",
        }
        await client.assert_refused("invalid", "ops.confirm", {"confirm": asked["confirm"]})


@pytest.mark.parametrize(
    "named", [{"token": "t-1"}, {"session": "s-1"}, {"subject": "ann"}, {"subject": "ann", "issuer": ISSUER}], ids=str
)
@in_loop
async def test_socket_revokes(named: dict[str, object]) -> None:
    """A token, a session or a subject: its connection closes, and it does not come back."""
    async with operations_kit() as kit:
        client, token = await actor(kit), kit.token("ann", token_id="t-1", session="s-1")
        victim = await kit.connect("/ws", token=token)
        asked = await propose(client, action="revoke", **named)
        done = await client.request("ops.confirm", {"confirm": asked["confirm"]})
        await victim.assert_closed(4403)
        await kit.assert_handshake_refused(401, "/ws", token=token)

        assert (1, 1) == (asked["connections"], done["connections"])


@in_loop
async def test_socket_moderates() -> None:
    """Kick puts out of a channel, mute silences there; both leave the connection alone."""
    async with operations_kit() as kit:
        client = await actor(kit)
        victim = await kit.connect("/ws", subject="ann", permissions=["chat:*:lobby"])
        await victim.request("wssec.subscribe", {"channel": "room:lobby"})
        muting = await propose(client, action="mute", subject="ann", channel="room:lobby", seconds=60)
        await client.request("ops.confirm", {"confirm": muting["confirm"]})
        await victim.assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hi"})
        kicking = await propose(client, action="kick", subject="ann", channel="room:lobby")
        done = await client.request("ops.confirm", {"confirm": kicking["confirm"]})
        await victim.assert_received("wssec.unsubscribed")
        now = await client.request("ops.overview", {"since": 0.0})

        assert (1, 1, 1) == (muting["connections"], kicking["connections"], done["connections"])
        assert [("mute", "room:lobby", "ann")] == [
            (one["measure"], one["channel"], one["whom"]) for one in now["channels"]["measures"]
        ]


@in_loop
async def test_socket_forgets_what_was_not_confirmed_in_time() -> None:
    """After a minute it has to be proposed again; so after another proposal, and on another connection."""
    async with operations_kit() as kit:
        client, colleague = await actor(kit), await actor(kit)
        victim = await kit.connect("/ws", subject="ann")
        late = await propose(client, action="disconnect", subject="ann")
        await kit.advance(61)
        await client.assert_refused("invalid", "ops.confirm", {"confirm": late["confirm"]})
        asked = await propose(client, action="disconnect", subject="ann")
        await colleague.assert_refused("invalid", "ops.confirm", {"confirm": asked["confirm"]})
        await propose(client, action="disconnect", subject="bob")
        await client.assert_refused("invalid", "ops.confirm", {"confirm": asked["confirm"]})

        await victim.assert_nothing_received()


@pytest.mark.parametrize(
    "data",
    [
        {"action": "disconnect"},
        {"action": "disconnect", "token": "t"},
        {"action": "disconnect", "subject": "ann", "session": "s"},
        {"action": "disconnect", "subject": "ann", "channel": "room:lobby"},
        {"action": "revoke", "session": "s", "issuer": "https://issuer.example.com"},
        {"action": "kick", "subject": "ann"},
        {"action": "mute", "session": "s", "channel": "room:lobby"},
        {"action": "kick", "subject": "ann", "channel": "room:lobby", "seconds": 5},
        {"action": "drop tables", "subject": "ann"},
    ],
    ids=lambda data: " ".join(map(str, data.values())),
)
@in_loop
async def test_socket_proposes_nothing_that_cannot_be(data: dict[str, object]) -> None:
    """An action names one of those that it can be about, and a channel where it needs one."""
    async with operations_kit() as kit:
        client = await actor(kit)

        await client.assert_refused("invalid", "ops.propose", data)


@in_loop
async def test_socket_says_when_it_may_not_hold(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store is out of reach: unavailable, put down as failed; what needs no store goes on."""
    caplog.set_level("INFO", "tornado_wssec.audit")
    async with operations_kit() as kit:
        client = await actor(kit)
        asked = await propose(client, action="revoke", subject="ann")
        _silence(kit, monkeypatch)
        await client.assert_refused("unavailable", "ops.confirm", {"confirm": asked["confirm"]})
        await client.assert_refused("unavailable", "ops.trust")
        await client.assert_refused("unavailable", "ops.connections", {"scope": "all", "search": "", "page": 0})
        await client.request("ops.overview", {"since": 0.0})
        (line,) = audited(caplog.records, "operations.acted")

        assert ("revoke", "failed", "ann") == (line["action"], line["outcome"], line["subject"])


@in_loop
async def test_socket_disconnects_here_without_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is connected to this process goes at once; that others may not have heard of it is said."""
    async with operations_kit() as kit:
        client, victim = await actor(kit), await kit.connect("/ws", subject="ann")
        asked = await propose(client, action="disconnect", subject="ann")
        _silence(kit, monkeypatch)
        await client.assert_refused("unavailable", "ops.confirm", {"confirm": asked["confirm"]})

        await victim.assert_closed(4403)
        assert {"about": "disconnect subject ann", "nodes": []} == await client.request("ops.spread")


@pytest.mark.parametrize("action", ["disconnect", "revoke"])
@in_loop
async def test_socket_lets_an_operator_end_himself(action: str, caplog: pytest.LogCaptureFixture) -> None:
    """It holds, and is put down as done, although nobody is there any more to be told."""
    caplog.set_level("INFO", "tornado_wssec.audit")
    async with operations_kit() as kit:
        client = await actor(kit)
        asked = await propose(client, action=action, subject="olga")
        await client.send("ops.confirm", {"confirm": asked["confirm"]}, id="c")
        await client.assert_closed(4403)
        await settled(kit, 0)
        (line,) = audited(caplog.records, "operations.acted")

        assert (action, "done", "olga") == (line["action"], line["outcome"], line["operator"])
        assert (action == "revoke") is bool(kit.guard._index.entries())


@in_loop
async def test_socket_puts_down_what_came_to_no_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it holds is not known then, and that is what the audit says."""
    caplog.set_level("INFO", "tornado_wssec.audit")

    async def fail(*given: object, **named: object) -> int:
        raise RuntimeError("a mistake")

    async with operations_kit() as kit:
        client = await actor(kit)
        asked = await propose(client, action="disconnect", subject="ann")
        monkeypatch.setattr(kit.guard, "disconnect", fail)
        await client.assert_refused("internal", "ops.confirm", {"confirm": asked["confirm"]})
        (line,) = audited(caplog.records, "operations.acted")

        assert "unknown" == line["outcome"]


@in_loop
async def test_socket_says_what_cannot_be(caplog: pytest.LogCaptureFixture) -> None:
    """What the guard does not do is told with the remedy, and put down as failed."""
    caplog.set_level("INFO", "tornado_wssec.audit")
    async with operations_kit() as kit:
        client = await actor(kit)
        asked = await propose(client, action="kick", subject="ann", channel="no such channel")
        error = await client.assert_refused("invalid", "ops.confirm", {"confirm": asked["confirm"]})
        (line,) = audited(caplog.records, "operations.acted")

        assert "this can be no channel" in error["fields"]["action"][0]
        assert "failed" == line["outcome"]


@in_loop
async def test_socket_says_how_far_an_action_has_come() -> None:
    """Each node with those who were meant, until they are gone from the directory, and how long that took."""
    async with operations_kit() as kit:
        live = await join(kit.guard, ChatSocket, Identity(subject="ann", issuer=kit.guard.rules.issuer))
        await kit.advance(1)
        client = await actor(kit)
        before = await client.request("ops.spread")
        asked = await propose(client, action="disconnect", subject="ann")
        await client.request("ops.confirm", {"confirm": asked["confirm"]})
        at_once = await client.request("ops.spread")
        await kit.advance(0.5)
        after = await client.request("ops.spread")
        node = kit.guard.directory.membership.node

        assert {"about": "", "nodes": []} == before
        assert [{"node": node, "meant": 1, "left": 1, "seconds": None}] == at_once["nodes"]
        assert {
            "about": "disconnect subject ann",
            "nodes": [{"node": node, "meant": 1, "left": 0, "seconds": 0.5}],
        } == after
        assert live not in set(kit.guard.hub)


@in_loop
async def test_socket_sees_other_nodes_follow() -> None:
    """Who is connected elsewhere is found in the list of all; each node is told by itself, with its own lag."""
    async with operations_kit() as here:
        shared = {"store": here.store.sibling(), "keys": here.keys, "clock": here.clock.as_clock()}
        async with operations_kit(**shared) as there:
            for kit in (here, there):
                await join(kit.guard, ChatSocket, Identity(subject="ann", issuer=ISSUER))
            await _look(here, there)
            client = await actor(here)
            listed = await client.request("ops.connections", {"scope": "all", "search": "ann", "page": 0})
            asked = await propose(client, action="disconnect", subject="ann")
            await client.request("ops.confirm", {"confirm": asked["confirm"]})
            here.clock.advance(0.5)
            await here.guard.directory.look()
            early = {one["node"]: one["left"] for one in (await client.request("ops.spread"))["nodes"]}
            here.clock.advance(1.0)
            await _look(here, there)
            late = {one["node"]: one["seconds"] for one in (await client.request("ops.spread"))["nodes"]}
            nodes = {one["node"]: one["own"] for one in (await client.request("ops.trust"))["nodes"]}
            names = [kit.guard.directory.membership.node for kit in (here, there)]

            assert (2, 1) == (listed["matched"], asked["connections"])
            assert dict(zip(names, (0, 1), strict=True)) == early
            assert dict(zip(names, (0.5, 1.5), strict=True)) == late
            assert dict(zip(names, (True, False), strict=True)) == nodes


async def _look(*kits: GuardKit) -> None:
    """Let each node read the log, let go of whom that ends, and write to the directory."""
    for kit in kits:
        await kit.guard.watcher.catch_up()
        await asyncio.sleep(0)
        await kit.guard.directory.look()


def _silence(kit: GuardKit, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*given: object, **named: object) -> None:
        raise StoreUnavailable("no answer")

    for name in ("append", "list_entries", "list_nodes"):
        monkeypatch.setattr(MemoryStore, name, fail)
    assert kit.guard.is_ready()
