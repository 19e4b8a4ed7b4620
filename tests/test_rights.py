"""The application says who may be connected and what they may do: when it is asked, and what its answers do."""

import asyncio
import logging
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from tornado.web import RequestHandler

from schemas import chat
from tests.authority import Authority
from tests.kits import CHAT, GENEROUS, V1, ChatSocket, audited, chat_kit, in_loop
from tests.naming import stable
from tests.waiting import until_turned
from tornado_wssec import Authenticator, BearerToken, ConfigurationError, FirstMessage, Grants, Identity, Timeouts
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.testing import Client, GuardKit

TIMES = Timeouts(hook=30)
"""A hook that is held by a test is not too slow meanwhile."""
SOON = Timeouts(hook=0.02)
READ = {"room": "lobby", "text": "hi", "author": "x"}
LINE = {"room": "lobby", "text": "hi"}
TURNS = 200


def rights_kit(
    authority: Authority, *, revalidate: bool = False, timeouts: Timeouts = TIMES, **options: Any
) -> GuardKit:
    """A chat whose people are known elsewhere."""
    hook = {"revalidate": authority.revalidate} if revalidate else {"permissions": authority.permissions}
    return chat_kit(**{"limits": GENEROUS, "timeouts": timeouts, **hook, **options})


async def until_settled(kit: GuardKit) -> None:
    """Let every question that is under way be answered."""
    await until_turned(lambda: not kit.guard._rights._asking)


async def due(kit: GuardKit, seconds: float = TIMES.revalidation) -> None:
    """Let time pass until everybody has been asked about."""
    kit.clock.advance(seconds)
    await kit.guard.watcher.catch_up()
    for live in kit.guard.hub:
        live.lifetime.saw_life(kit.clock.monotonic)
    kit.guard.tick(kit.clock.monotonic)
    await until_settled(kit)


async def may_write(client: Client) -> bool:
    """Whether a line is taken."""
    await client.send("chat.send", LINE, "w")
    answer = await client.answer("w")
    assert answer.get("code", "permission_denied") == "permission_denied", answer
    return bool(answer["type"] == "reply")


# --- coming in ---


@in_loop
async def test_rights_replace_what_the_credential_says() -> None:
    """The source is the authority: what the token grants beside it counts for nothing."""
    authority = Authority(ann=["chat:write:lobby"], bob=[])
    async with rights_kit(authority) as kit:
        ann = await kit.connect("/ws", permissions=["nothing:**"])
        bob = await kit.connect("/ws", subject="bob", permissions=["**"])

        assert (True, False) == (await may_write(ann), await may_write(bob))
        assert [("permissions", "ann"), ("permissions", "bob")] == authority.asked


@in_loop
async def test_rights_may_be_added_to_those_of_the_credential() -> None:
    """The source is told what the credential says, and never what it has said itself before."""
    told: list[list[str]] = []

    def both(identity: Identity) -> list[str]:
        told.append(list(identity.permissions))
        return [*identity.permissions, "chat:write:lobby"]

    async with rights_kit(Authority(ann=both)) as kit:
        client = await kit.connect("/ws", permissions=["chat:read:lobby"])
        await client.request("wssec.subscribe", {"channel": "room:lobby"})
        await kit.guard.permissions_changed(subject="ann")
        await until_settled(kit)

        assert await may_write(client)
        assert [["chat:read:lobby"]] * 2 == told


@in_loop
async def test_rights_are_asked_for_in_no_other_ones_context() -> None:
    """Whoever announces a change leaves no context variable to the question about somebody else."""
    tenant, seen = ContextVar("tenant", default="none"), []

    def see(identity: Identity) -> list[str]:
        seen.append(tenant.get())
        return []

    async with rights_kit(Authority(ann=see)) as kit:
        await kit.connect("/ws")
        tenant.set("the administrator's")
        await kit.guard.permissions_changed(subject="ann")
        await until_settled(kit)

    assert ["none", "none"] == seen


@in_loop
async def test_rights_change_for_the_people_of_one_issuer() -> None:
    """Two issuers' `ann` are two people: nobody asks about the other one."""
    async with rights_kit(Authority()) as kit:
        await kit.connect("/ws")

        assert 0 == await kit.guard.permissions_changed(subject="ann", issuer="https://somebody.else")
        assert 1 == await kit.guard.permissions_changed(subject="ann", issuer=kit.guard.rules.issuer)


@in_loop
async def test_rights_by_role() -> None:
    """Roles that the source names expand by the guard's table, and take the place of the credential's."""
    authority = Authority(ann={"roles": ["writer", "unknown"]}, bob={"permissions": ["chat:write:lobby"]}, eve={})
    async with rights_kit(authority, roles={"writer": ["chat:write:*"], "reader": ["**"]}) as kit:
        clients = [
            await kit.connect("/ws", token=kit.token(subject, roles=["reader"])) for subject in ("ann", "bob", "eve")
        ]
        found = {live.session.identity.subject: live.session.identity.roles for live in kit.guard.hub}

        assert [True, True, False] == [await may_write(client) for client in clients]
        assert {"ann": ("writer", "unknown"), "bob": (), "eve": ()} == found


@in_loop
async def test_rights_that_are_equal_are_one_object() -> None:
    """However many people hold them, and however they are ordered."""
    authority = Authority(ann=["a:b", "c:d"], bob=("c:d", "a:b"), eve=["a:b"])
    async with rights_kit(authority) as kit:
        for subject in ("ann", "bob", "eve"):
            await kit.connect("/ws", subject=subject)
        held = {live.session.identity.subject: live.session.identity.permissions for live in kit.guard.hub}

        assert held["ann"] is held["bob"]
        assert held["ann"] is not held["eve"]


@pytest.mark.parametrize(
    "answer", [None, 7, "chat:**", ["a b"], [7], {"permissions": "chat:**"}, {"grants": []}, {"roles": [7]}, True]
)
@in_loop
async def test_rights_that_are_none(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that is none is no answer: 503, and one line in the log, which quotes nothing of it."""
    async with rights_kit(Authority(ann=answer)) as kit:
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())

    (line,) = [record.getMessage() for record in caplog.records if record.name == "tornado_wssec.rights"]
    assert line.startswith("permissions= does not answer: ")
    assert "chat" not in line


@pytest.mark.parametrize("fault", ["hangs", "fails", "is cancelled"])
@pytest.mark.parametrize("revalidate", [True, False])
@in_loop
async def test_rights_that_cannot_be_asked_for(fault: str, revalidate: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody new comes in, and what the hook said of it stays out of the log; when it is back, so are they."""
    authority = Authority()
    authority.hang = fault == "hangs"
    authority.failure = {"fails": OSError("secret"), "is cancelled": asyncio.CancelledError("secret")}.get(fault)
    async with rights_kit(authority, revalidate=revalidate, timeouts=SOON) as kit:
        answer = await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        assert "retry-after" in answer.headers
        authority.hang, authority.failure = False, None
        await kit.connect("/ws")

    said = [record.getMessage() for record in caplog.records if record.name == "tornado_wssec.rights"]
    assert 2 == len(said)
    assert "answers again" in said[1]
    assert "secret" not in caplog.text


@in_loop
async def test_rights_of_nobody_in_particular() -> None:
    """Nobody is asked about somebody anonymous, who has what is public."""

    class Open(ChatSocket):
        anonymous = True

    authority = Authority(anonymous=["**"])
    async with GuardKit([("/ws", Open)], registry=CHAT, permissions=authority.permissions) as kit:
        client = await kit.connect("/ws", token="")
        await kit.guard.permissions_changed()

        assert not await may_write(client)
        assert [] == authority.asked


@in_loop
async def test_rights_decide_over_the_route() -> None:
    """What the URL asks for is judged by the source, not by the token."""

    class Board(ChatSocket):
        requires = "board:join:{board}"

    authority = Authority(ann=["board:join:b1"])
    async with GuardKit([(r"/ws/(?P<board>.*)", Board)], registry=CHAT, permissions=authority.permissions) as kit:
        token = kit.token("ann", ["**"])
        await kit.connect("/ws/b1", token=token)
        await kit.assert_handshake_refused(403, "/ws/b2", token=token)


class BoardSocket(ChatSocket):
    """One board, which its URL names."""

    requires = "board:join:{board}"


def board_kit(authority: Authority | None = None, **options: Any) -> GuardKit:
    """A board at each URL."""
    if authority is not None:
        options["permissions"] = authority.permissions
    return GuardKit([(r"/ws/(?P<board>.*)", BoardSocket)], registry=CHAT, **options)


@pytest.mark.requirement("R034", "R050")
@pytest.mark.parametrize("left", [[], ["board:join:b2"], ["board:read:b1"], ["chat:write:lobby"]], ids=str)
@in_loop
async def test_rights_that_end_the_connection(left: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Whoever loses what the URL asks for is closed with 4403; whoever loses something else, or nothing, stays."""
    caplog.set_level(logging.INFO)
    authority = Authority(ann=["board:join:b1", "chat:write:lobby"], bob=["board:join:*", "chat:write:lobby"])
    async with board_kit(authority) as kit:
        ann, bob = [await kit.connect("/ws/b1", subject=name) for name in ("ann", "bob")]
        authority.rights |= {"ann": left, "bob": ["board:**"]}
        await kit.guard.permissions_changed()

        assert "access revoked" == await ann.assert_closed(4403)
        assert not await may_write(bob)
    (line,) = [line for line in audited(caplog.records, "session.closed") if line["subject"] == "ann"]
    assert "it lacks by now what its route requires" == line["evidence"]


@pytest.mark.requirement("R031", "R050")
@pytest.mark.parametrize("authenticator", [BearerToken(), FirstMessage()], ids=["handshake", "first"])
@in_loop
async def test_refresh_that_ends_the_connection(authenticator: Authenticator) -> None:
    """A fresh token without what the URL asks for is its holder's, and takes over: 4403, and no reply."""
    granted = ["board:join:b1", "chat:write:lobby"]
    async with board_kit(authenticators=[authenticator]) as kit:
        is_first = isinstance(authenticator, FirstMessage)
        client = await kit.connect("/ws/b1", token="" if is_first else kit.token("ann", granted), subprotocols=V1)
        if is_first:
            await client.send("wssec.auth", {"token": kit.token("ann", granted)})
        await client.assert_received("wssec.ready")
        await client.request("wssec.refresh", {"token": kit.token("ann", granted[:1])})
        assert not await may_write(client)
        await client.send("wssec.refresh", {"token": kit.token("ann", granted[1:])}, "r")

        assert "access revoked" == await client.assert_closed(4403)


@in_loop
async def test_rights_of_whoever_says_it_in_the_first_message() -> None:
    """They are asked for before `wssec.ready`, and 503 is 1013 there."""
    authority = Authority(ann=["chat:write:lobby"])
    async with rights_kit(authority, authenticators=[FirstMessage(), BearerToken()]) as kit:
        client = await kit.connect("/ws", token="", subprotocols=V1)
        await client.send("wssec.auth", {"token": kit.token("ann")})
        await client.assert_received("wssec.ready")
        assert await may_write(client)
        authority.failure = OSError()
        other = await kit.connect("/ws", token="", subprotocols=V1)
        await other.send("wssec.auth", {"token": kit.token("ann")})

        await other.assert_closed(1013)


@in_loop
async def test_rights_for_plain_handlers() -> None:
    """`guard.authenticate` gives the same rights as a handshake."""

    class Page(RequestHandler):
        async def get(self) -> None:
            identity = await self.settings["wssec"].authenticate(self.request)
            self.write(" ".join(identity.permissions))

    authority = Authority(ann=["a:b"])
    async with GuardKit(
        [("/page", Page), ("/ws", ChatSocket)], registry=CHAT, permissions=authority.permissions
    ) as kit:
        socket = await kit.raw()
        answer = await socket.upgrade("/page", [("Host", kit.host), ("Authorization", f"Bearer {kit.token('ann')}")])

        assert (200, b"a:b") == (answer.status, answer.body)


@in_loop
async def test_rights_are_not_handed_on_by_a_ticket() -> None:
    """It carries what the credential says: what the source has said once is not taken for that later."""
    told: list[list[str]] = []

    def both(identity: Identity) -> list[str]:
        told.append(list(identity.permissions))
        return [*identity.permissions, "a:b"]

    class Buy(RequestHandler):
        async def get(self) -> None:
            guard = self.settings["wssec"]
            self.write(await guard.issue_ticket(await guard.authenticate(self.request), path="/ws"))

    authority = Authority(ann=both)
    routes = [("/buy", Buy), ("/ws", ChatSocket)]
    async with GuardKit(routes, registry=CHAT, permissions=authority.permissions) as kit:
        head = [("Host", kit.host), ("Authorization", f"Bearer {kit.token('ann', ['own:right'])}")]
        ticket = (await (await kit.raw()).upgrade("/buy", head)).body.decode()
        await kit.connect(f"/ws?ticket={ticket}", token="")

        assert [["own:right"]] * 2 == told


@in_loop
async def test_rights_that_change_while_somebody_comes_in() -> None:
    """What was announced after the source had answered is not lost: it is asked again before anything is done."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        authority.go_on.clear()
        coming = asyncio.ensure_future(kit.connect("/ws"))
        await until_turned(lambda: bool(authority.asked))
        authority.rights["ann"] = []
        assert 0 == await kit.guard.permissions_changed(subject="ann")
        authority.go_on.set()
        client = await coming

        assert not await may_write(client)
        assert 2 == len(authority.asked)


# --- staying ---


@in_loop
async def test_rights_are_asked_for_again_in_turn() -> None:
    """After half the interval at the earliest, after all of it at the latest, and again after that."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        await due(kit, TIMES.revalidation * 0.49)
        assert 1 == len(authority.asked)
        authority.rights["ann"] = []
        await due(kit, TIMES.revalidation * 0.51)
        assert 2 == len(authority.asked)
        assert not await may_write(client)
        await due(kit, TIMES.revalidation)

        assert 3 == len(authority.asked)


@pytest.mark.requirement("R033")
@in_loop
async def test_rights_are_asked_for_a_few_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many are due, and they are spread over half the interval."""
    authority = Authority()
    limits = replace(GENEROUS, hook_calls=3)
    async with rights_kit(authority, limits=limits) as kit:
        for number in range(20):
            await kit.connect("/ws", subject=f"u{number}")
        moments = {live.lifetime._rights_at for live in kit.guard.hub}
        authority.go_on.clear()
        assert 20 == await kit.guard.permissions_changed()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert 3 == authority.most_at_once
        authority.go_on.set()
        await until_settled(kit)

        assert 20 == len(moments)
        assert (3, 40) == (authority.most_at_once, len(authority.asked))


@pytest.mark.requirement("R033")
@in_loop
async def test_revalidation_that_says_no(caplog: pytest.LogCaptureFixture) -> None:
    """The connection ends with 4403, the audit says why, and the same token opens no other."""
    caplog.set_level(logging.INFO)
    authority = Authority()
    async with rights_kit(authority, revalidate=True) as kit:
        token = kit.token("ann", ttl=3_600)
        ann, bob = await kit.connect("/ws", token=token), await kit.connect("/ws", subject="bob")
        authority.verdicts["ann"] = False
        await due(kit)

        assert "access revoked" == await ann.assert_closed(4403)
        await bob.assert_nothing_received()
        await kit.assert_handshake_refused(401, "/ws", token=token)
    (closed,) = [line for line in audited(caplog.records, "session.closed") if line["subject"] == "ann"]
    assert (4403, "revalidate= says no") == (closed["code"], closed["evidence"])


@pytest.mark.requirement("R046")
@pytest.mark.parametrize(
    "changed", [{"subject": "eve"}, {"tenant": "evil"}, {"issuer": None}, {"anonymous": True}], ids=str
)
@in_loop
async def test_revalidation_that_makes_somebody_else_of_one(changed: dict[str, Any]) -> None:
    """Whoever has moved to another tenant begins anew."""
    authority = Authority()
    async with rights_kit(authority, revalidate=True) as kit:
        client = await kit.connect("/ws")
        authority.verdicts["ann"] = lambda identity: replace(identity, **changed)
        await due(kit)

        await client.assert_closed(4403)


@in_loop
async def test_revalidation_that_changes_rights() -> None:
    """Permissions, roles and claims are taken over; what the credential is bound to is not."""
    authority = Authority()
    async with rights_kit(authority, revalidate=True) as kit:
        client = await kit.connect("/ws", permissions=["chat:**"])
        (live,) = kit.guard.hub
        before = live.session.identity
        fewer: dict[str, Any] = {
            "permissions": Grants(["chat:read:lobby"]),
            "roles": ("guest",),
            "claims": {"colour": "red"},
        }
        other: dict[str, Any] = {
            "token_id": "t",
            "session_id": "s",
            "key_id": "k",
            "issued_at": 1e12,
            "expires_at": None,
        }
        authority.verdicts["ann"] = lambda identity: replace(identity, **fewer, **other)
        await due(kit)

        assert replace(before, **fewer) == live.session.identity
        assert not await may_write(client)


@in_loop
async def test_revalidation_that_says_yes_changes_nothing() -> None:
    """Not even the object, so that no message is judged twice."""
    async with rights_kit(Authority(), revalidate=True) as kit:
        await kit.connect("/ws")
        (live,) = kit.guard.hub
        before = live.session.identity
        await due(kit)

        assert before is live.session.identity


@pytest.mark.parametrize("verdict", [None, 1, "yes", []])
@in_loop
async def test_revalidation_that_is_no_verdict(verdict: object) -> None:
    """Whatever is true by chance is no yes."""
    authority = Authority()
    authority.verdicts["ann"] = verdict
    async with rights_kit(authority, revalidate=True) as kit:
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())


# --- the source is down ---


@in_loop
async def test_rights_in_doubt_serve_reads_and_refuse_writes() -> None:
    """The snapshot goes on for what is received; what needs a right is unavailable, until the source is back."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        await client.request("wssec.subscribe", {"channel": "room:lobby"})
        authority.failure = OSError()
        await due(kit)
        await client.assert_refused("unavailable", "chat.send", LINE)
        await kit.guard.publish("room:lobby", chat.Posted, READ)
        assert READ == await client.assert_received("chat.posted")
        await client.assert_nothing_received()
        authority.failure = None
        await due(kit, TIMES.hook_retry)

        assert await may_write(client)


@pytest.mark.requirement("R033")
@pytest.mark.parametrize("revalidate", [True, False])
@in_loop
async def test_rights_in_doubt_end_with_the_grace(revalidate: bool) -> None:
    """A connection about which nothing can be learnt stays for a minute, and ends with 1013."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority, revalidate=revalidate) as kit:
        client = await kit.connect("/ws")
        authority.failure = OSError()
        await due(kit)
        (live,) = kit.guard.hub
        await due(kit, TIMES.rights_for_live - 0.5)
        assert not live.session.is_closing
        await due(kit, 0.5)

        await client.assert_closed(1013)


@in_loop
async def test_rights_in_doubt_without_a_grace() -> None:
    """`rights_for_live=0` is strict."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority, timeouts=replace(TIMES, rights_for_live=0)) as kit:
        client = await kit.connect("/ws")
        authority.failure = OSError()
        await due(kit)

        await client.assert_closed(1013)


@in_loop
async def test_revalidation_in_doubt_takes_no_rights() -> None:
    """What somebody may do is known; only whether it may stay is not, and the grace is for that."""
    authority = Authority()
    async with rights_kit(authority, revalidate=True) as kit:
        client = await kit.connect("/ws", permissions=["chat:**"])
        authority.failure = OSError()
        await due(kit)
        assert await may_write(client)
        await kit.guard.permissions_changed(subject="ann")
        await until_settled(kit)

        await client.assert_refused("unavailable", "chat.send", LINE)


@in_loop
async def test_rights_that_fail_in_an_unforeseen_way(caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours leaves nothing in force that may be gone."""
    async with rights_kit(Authority(ann=["chat:**"])) as kit:
        client = await kit.connect("/ws")

        async def broken(identity: Identity) -> Identity:
            raise RuntimeError("secret")

        kit.guard._rights._ask = broken  # type: ignore[method-assign,assignment]  # no other way
        await kit.guard.permissions_changed()
        await until_settled(kit)

        await client.assert_refused("unavailable", "chat.send", LINE)
    assert "secret" not in caplog.text


@in_loop
async def test_rights_of_a_silent_source_are_not_waited_for_in_turn() -> None:
    """Once as many questions as there may be at once have gone unanswered, the others learn so behind one of them."""
    authority = Authority()
    limits, timeouts = replace(GENEROUS, hook_calls=2), replace(SOON, rights_for_live=0)
    async with rights_kit(authority, limits=limits, timeouts=timeouts) as kit:
        clients = [await kit.connect("/ws", subject=f"u{number}") for number in range(20)]
        authority.asked.clear()
        authority.hang = True
        await kit.guard.permissions_changed()
        for client in clients:
            await client.assert_closed(1013)
        # The first two; when both have gone unanswered, one at a time, behind which the rest is told at once.
        assert 5 > len(authority.asked)
        authority.hang = False

        await kit.connect("/ws")


@in_loop
async def test_rights_of_one_slow_person_are_no_silence() -> None:
    """While others are answered, each is asked about."""
    authority = Authority()

    async def forever(identity: Identity) -> list[str]:
        await asyncio.Event().wait()
        return []

    async def by_person(identity: Identity) -> list[str]:
        return await (forever(identity) if identity.subject == "slow" else authority.permissions(identity))

    limits = replace(GENEROUS, hook_calls=2)
    async with chat_kit(permissions=by_person, limits=limits, timeouts=SOON) as kit:
        for _ in range(4):
            await kit.assert_handshake_refused(503, "/ws", token=kit.token("slow"))
            await kit.connect("/ws")


# --- a change is announced ---


@pytest.mark.requirement("R043")
@in_loop
async def test_announced_change_is_waited_for() -> None:
    """What was sent behind it is judged by the new rights, in its turn; what everybody may do waits for nothing."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        authority.rights["ann"] = []
        authority.go_on.clear()
        await kit.guard.permissions_changed(subject="ann")
        await client.send("chat.send", LINE, "a")
        await client.assert_nothing_received()
        authority.go_on.set()

        assert "permission_denied" == (await client.answer("a"))["code"]


@in_loop
async def test_announced_change_lets_through_what_is_still_allowed() -> None:
    """The message that waited is handled, once, and so are those behind it, in order."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        await client.request("wssec.subscribe", {"channel": "room:lobby"})
        authority.go_on.clear()
        await kit.guard.permissions_changed(subject="ann")
        for text in ("one", "two"):
            await client.send("chat.send", {"room": "lobby", "text": text}, text)
        await client.assert_nothing_received()
        authority.go_on.set()

        heard = [await client.receive() for _ in range(4)]
        posted = [message["data"]["text"] for message in heard if message["type"] == "chat.posted"]
        assert (["one", "two"], ["one", "two"]) == (posted, [message["id"] for message in heard if "id" in message])


@pytest.mark.requirement("R043")
@in_loop
async def test_announced_change_while_one_is_asked_about() -> None:
    """An answer from before the change does not count: the source is asked again."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        authority.go_on.clear()
        await kit.guard.permissions_changed(subject="ann")
        await until_turned(lambda: len(authority.asked) == 2)
        authority.rights["ann"] = []
        await kit.guard.permissions_changed(subject="ann")
        authority.go_on.set()
        await until_settled(kit)

        assert not await may_write(client)
        assert 3 == len(authority.asked)


@in_loop
async def test_announced_change_takes_channels_and_is_audited(caplog: pytest.LogCaptureFixture) -> None:
    """Channels that are lost are left at once; the others stay."""
    caplog.set_level(logging.INFO)
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        for room in ("lobby", "board"):
            await client.request("wssec.subscribe", {"channel": f"room:{room}"})
        authority.rights["ann"] = ["chat:*:board"]
        await kit.guard.permissions_changed(subject="ann")
        await until_settled(kit)

        assert [{"room:board"}] == [live.channels for live in kit.guard.hub]
    assert [1] == [line["channels_lost"] for line in audited(caplog.records, "session.rights_changed")]


@pytest.mark.parametrize(
    ("meant", "asked"),
    [
        ({"subject": "ann"}, {"ann"}),
        ({"tenant": "acme"}, {"ann", "bob"}),
        ({"role": "editor"}, {"bob"}),
        ({"resource": "board:b7"}, {"bob"}),
        ({"resource": "room:lobby"}, {"ann"}),
        ({"resource": "lobby", "subject": "bob"}, set()),
        ({}, {"ann", "bob", "eve"}),
    ],
    ids=stable,
)
@in_loop
async def test_announced_change_means_whom_it_names(meant: dict[str, str], asked: set[str]) -> None:
    """By name, by a role, or by what somebody may do or listens to."""
    authority = Authority(
        ann=["chat:read:lobby"], bob={"permissions": ["board:draw:b7"], "roles": ["editor"]}, eve=["chat:read:board"]
    )
    async with rights_kit(authority) as kit:
        for subject, tenant in (("ann", "acme"), ("bob", "acme"), ("eve", "evil")):
            client = await kit.connect("/ws", token=kit.token(subject, tenant=tenant))
            if subject == "ann":
                await client.request("wssec.subscribe", {"channel": "room:lobby"})
        authority.asked.clear()

        assert len(asked) == await kit.guard.permissions_changed(**meant)
        await until_settled(kit)
        assert asked == {subject for _, subject in authority.asked}


@in_loop
async def test_announced_change_without_anybody_to_ask() -> None:
    """It says so instead of doing nothing; what cannot be a name is refused, and a lost announcement is told."""
    async with chat_kit() as kit:
        with pytest.raises(ConfigurationError, match=r"neither permissions= nor revalidate="):
            await kit.guard.permissions_changed(subject="ann")
    async with rights_kit(Authority()) as kit:
        with pytest.raises(ValueError, match="this cannot be the role"):
            await kit.guard.permissions_changed(role="a b")

        async def lost(body: object) -> None:
            raise StoreUnavailable("it is gone")

        kit.store.append = lost  # type: ignore[method-assign,assignment]
        await kit.connect("/ws")
        with pytest.raises(StoreUnavailable):
            await kit.guard.permissions_changed()


@pytest.mark.parametrize("hook", ["permissions", "revalidate", "signing_keys"])
def test_rights_hook_that_is_none(hook: str) -> None:
    """A list where a function belongs does not start."""
    with pytest.raises(TypeError, match=f"{hook}=.* is no function"):
        chat_kit(**{hook: ["chat:**"]})


@pytest.mark.parametrize(("seconds", "words"), [(60.0, "for 60 s, then close"), (0.0, "for nothing: they close")])
def test_rights_in_doubt_are_told_of_before(seconds: float, words: str) -> None:
    """What happens while the hooks are silent is among the modes that a guard logs at its start, where it has any."""
    with_hooks = rights_kit(Authority(), timeouts=replace(TIMES, rights_for_live=seconds)).guard.modes

    assert [words in mode.what for mode in with_hooks if "permissions=" in mode.fault] == [True]
    assert [] == [mode for mode in chat_kit().guard.modes if "permissions=" in mode.fault]


# --- refresh, leaving, stopping ---


@in_loop
async def test_refresh_asks_the_source() -> None:
    """A fresh token brings no right that the source does not give; when it is down, the old one stays in force."""
    authority = Authority(ann=["chat:write:lobby"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        authority.failure = OSError()
        await client.assert_refused("unavailable", "wssec.refresh", {"token": kit.token("ann", ["**"])})
        authority.failure = None
        assert await may_write(client)
        authority.rights["ann"] = []
        await client.request("wssec.refresh", {"token": kit.token("ann", ["**"])})

        assert not await may_write(client)


@in_loop
async def test_refresh_that_the_application_refuses() -> None:
    """4403: a fresh token of somebody who may not stay is no way to."""
    authority = Authority()
    async with rights_kit(authority, revalidate=True) as kit:
        client = await kit.connect("/ws")
        authority.verdicts["ann"] = False
        await client.send("wssec.refresh", {"token": kit.token("ann")})

        await client.assert_closed(4403)


@pytest.mark.parametrize("happens", ["revoked", "changed"])
@in_loop
async def test_refresh_while_something_happens(happens: str) -> None:
    """The fresh token is revoked, or its rights change, while the source is asked about it: both are found."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws")
        authority.go_on.clear()
        await client.send("wssec.refresh", {"token": kit.token("ann", token_id="fresh")}, "r")
        await until_turned(lambda: len(authority.asked) == 2)
        if happens == "revoked":
            await kit.guard.revoke(token="fresh")
        else:
            authority.rights["ann"] = []
            await kit.guard.permissions_changed(subject="ann")
        authority.go_on.set()
        if happens == "revoked":
            await client.assert_closed(4403)
        else:
            assert "reply" == (await client.answer("r"))["type"]
            assert not await may_write(client)


@in_loop
async def test_refresh_while_the_old_credential_is_asked_about() -> None:
    """The answer about the old one is not put in the place of the fresh one's."""
    authority = Authority(ann=lambda identity: list(identity.permissions))
    async with rights_kit(authority) as kit:
        client = await kit.connect("/ws", permissions=["chat:**"])
        authority.go_on.clear()
        await kit.guard.permissions_changed()
        await until_turned(lambda: len(authority.asked) == 2)
        await client.send("wssec.refresh", {"token": kit.token("ann", ["chat:read:lobby"])}, "r")
        await until_turned(lambda: len(authority.asked) == 3)
        authority.go_on.set()
        await client.answer("r")
        await until_settled(kit)

        assert [["chat:read:lobby"]] == [list(live.session.identity.permissions) for live in kit.guard.hub]


@in_loop
async def test_rights_of_whoever_has_left_are_not_asked_for() -> None:
    """A question about a connection that has gone ends; so do all when the guard stops."""
    authority = Authority(ann=["chat:**"])
    async with rights_kit(authority) as kit:
        ann, _ = await kit.connect("/ws"), await kit.connect("/ws", subject="bob")
        authority.go_on.clear()
        await kit.guard.permissions_changed()
        await until_turned(lambda: authority.at_once == 2)
        await ann.close()
        await until_turned(lambda: authority.at_once == 1)
        await kit.guard.stop()

        assert 0 == authority.at_once


@in_loop
async def test_rights_hook_may_be_a_plain_function() -> None:
    """A table in memory needs no coroutine."""
    async with chat_kit(permissions=lambda identity: ["chat:**"], revalidate=lambda identity: True) as kit:
        assert await may_write(await kit.connect("/ws"))
