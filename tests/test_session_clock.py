"""How long a session lasts, whatever it was opened by; and what it takes to do something that asks for more."""

from typing import Any

import pytest

from tests.attacks.logins import Browser, cookie_kit
from tests.kits import CHAT, GENEROUS, ChatSocket, chat_kit, in_loop
from tornado_wssec import ApiKey, BearerToken, Message, Registry, SecureWebSocketHandler, SessionCookie, Timeouts, on
from tornado_wssec.testing import Client, GuardKit

TIMES = Timeouts(idle=100_000, pong=100_000)
LOGIN_SECONDS = 1_200.0
STEP_SECONDS = 3_600.0


class Wipe(Message):
    """Wipe a disk: for whoever has just proven who it is."""

    class Meta:
        type = "disk.wipe"
        permission = "disk:wipe"
        max_auth_age = 300


class DiskSocket(SecureWebSocketHandler):
    """Wipes."""

    @on(Wipe)
    def wipe(self, data: dict[str, Any]) -> None:
        self.settings["wiped"].append(self.identity.subject)


def disk_kit(**options: Any) -> GuardKit:
    """A disk at /ws."""
    return GuardKit(
        [("/ws", DiskSocket)], registry=Registry(Wipe), app_settings={"wiped": []}, limits=GENEROUS, **options
    )


def proven(kit: GuardKit, seconds_ago: float, **options: Any) -> str:
    """A fresh token of somebody whom the issuer saw so long ago."""
    claims = {"auth_time": int(kit.clock.wall - seconds_ago)}
    return kit.token("ann", ["disk:wipe"], claims=claims, **options)


async def wiped(client: Client) -> bool:
    """Whether it is done; what is in the way of it otherwise is a recent authentication."""
    await client.send("disk.wipe", {}, "w")
    answer = await client.answer("w")
    assert answer.get("code") in (None, "reauth_required"), answer
    return bool(answer["type"] == "reply")


# --- step-up ---


@in_loop
async def test_step_up_by_a_refresh() -> None:
    """A fresh token is not enough, one that says of a fresh authentication is; and it ages."""
    async with disk_kit() as kit:
        client = await kit.connect("/ws", token=proven(kit, 301))
        assert not await wiped(client)
        await client.request("wssec.refresh", {"token": proven(kit, 300.0 + 60)})
        assert not await wiped(client)
        await client.request("wssec.refresh", {"token": proven(kit, 10)})
        assert await wiped(client)
        await kit.advance(290)
        assert await wiped(client)
        await kit.advance(1)

        assert not await wiped(client)
        assert ["ann", "ann"] == kit.app.settings["wiped"]


@in_loop
async def test_step_up_by_the_age_of_the_token() -> None:
    """An issuer that does not say when it authenticated somebody is taken at the date of its token."""
    async with disk_kit() as kit:
        client = await kit.connect("/ws", permissions=["disk:wipe"])
        assert await wiped(client)
        await kit.advance(301)
        assert not await wiped(client)


@in_loop
async def test_step_up_is_asked_for_as_often_as_one_likes() -> None:
    """It is no mistake of the client's, and uses up no patience."""
    async with GuardKit([("/ws", DiskSocket)], registry=Registry(Wipe), app_settings={"wiped": []}) as kit:
        client = await kit.connect("/ws", token=proven(kit, 900))
        for _ in range(kit.guard.limits.error_budget + 5):
            await client.assert_refused("reauth_required", "disk.wipe", {})


@pytest.mark.parametrize("step", [-STEP_SECONDS, STEP_SECONDS])
@in_loop
async def test_r14_step_up_goes_by_the_other_clock(step: float) -> None:
    """A clock that is set makes nobody recent, and nobody stale."""
    async with disk_kit() as kit:
        recent = await kit.connect("/ws", token=proven(kit, 10))
        stale = await kit.connect("/ws", token=proven(kit, 301))
        kit.clock.step_wall(step)

        assert (True, False) == (await wiped(recent), await wiped(stale))


@in_loop
async def test_step_up_through_a_ticket() -> None:
    """A ticket hands over when its owner was authenticated."""
    async with disk_kit() as kit:
        identity = kit.guard.verify_token(proven(kit, 301))
        ticket = await kit.guard.issue_ticket(identity, path="/ws")
        client = await kit.connect(f"/ws?ticket={ticket}", token="")

        assert not await wiped(client)


@in_loop
async def test_authentication_in_the_future_opens_nothing() -> None:
    """An issuer whose clock is ahead by more than the leeway is not believed."""
    async with disk_kit() as kit:
        token = kit.token("ann", claims={"auth_time": int(kit.clock.wall) + 30})
        await kit.connect("/ws", token=token)
        kit.clock.step_wall(-1)
        await kit.assert_handshake_refused(401, "/ws", token=token)


# --- what is no token ---


async def open_by(kind: str, kit: GuardKit) -> Client:
    """A connection of ann's by a credential that ends in 20 minutes."""
    if kind == "cookie":
        browser = Browser(kit)
        await browser.sign_in("ann", ttl=LOGIN_SECONDS)
        return await browser.connect()
    made = await kit.guard.create_api_key("ann", ["chat:**"], ttl=LOGIN_SECONDS)
    return await kit.connect("/ws", token="", extra=[("X-Api-Key", made.key)], subprotocols=["wssec.v1"])


def kit_of(kind: str) -> GuardKit:
    """A chat for who has signed in, or has a key; either may refresh by a token."""
    if kind == "cookie":
        return cookie_kit(SessionCookie(), BearerToken(), timeouts=TIMES, limits=GENEROUS)
    ways = [ApiKey(), BearerToken()]
    return GuardKit([("/ws", ChatSocket)], registry=CHAT, timeouts=TIMES, limits=GENEROUS, authenticators=ways)


@pytest.mark.requirement("R029")
@pytest.mark.parametrize("kind", ["cookie", "key"])
@in_loop
async def test_session_of_a_login_or_a_key_ends_with_it(kind: str) -> None:
    """It is warned, has its grace, and closes with 4001 as that of a token does."""
    async with kit_of(kind) as kit:
        client = await open_by(kind, kit)
        assert LOGIN_SECONDS == (await client.assert_received("wssec.ready"))["expires_in"]
        await kit.advance(LOGIN_SECONDS - TIMES.token_warning)
        assert {"expires_in": 60.0, "grace": 25.0} == await client.assert_received("wssec.expiring")
        await kit.advance(TIMES.token_warning + TIMES.token_grace - 0.5)
        (live,) = kit.guard.hub
        assert not live.session.is_closing
        await kit.advance(0.5)

        await client.assert_closed(4001)


@pytest.mark.parametrize("kind", ["cookie", "key"])
@in_loop
async def test_session_of_a_login_or_a_key_may_be_refreshed(kind: str) -> None:
    """By a token of the same person, with its rights; the name of the session stays."""
    async with kit_of(kind) as kit:
        client = await open_by(kind, kit)
        await client.assert_received("wssec.ready")
        (live,) = kit.guard.hub
        session = live.session.id
        await client.request("chat.send", {"room": "lobby", "text": "hi"})
        await kit.advance(LOGIN_SECONDS - 1)
        await client.assert_received("wssec.expiring")
        assert {"expires_in": 600.0} == await client.request("wssec.refresh", {"token": kit.token("ann")})
        await client.assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hi"})
        await kit.advance(100)
        await client.assert_nothing_received()
        await kit.guard.revoke(session=session)

        await client.assert_closed(4403)


@pytest.mark.parametrize("kind", ["cookie", "key"])
@in_loop
async def test_session_of_a_login_or_a_key_is_nobody_elses(kind: str) -> None:
    """A token of somebody else ends it."""
    async with kit_of(kind) as kit:
        client = await open_by(kind, kit)
        await client.send("wssec.refresh", {"token": kit.token("bob")})

        await client.assert_closed(4401)


@pytest.mark.requirement("R031")
@in_loop
async def test_refresh_keeps_the_key_that_a_session_is_bound_to() -> None:
    """A token that is bound to another key, or to none, takes over nothing."""
    mine, other = {"jkt": "mine"}, {"jkt": "other"}
    async with chat_kit(limits=GENEROUS) as kit:
        for cnf in (other, None):
            client = await kit.connect("/ws", token=kit.token(cnf=mine))
            assert {"expires_in": 600.0} == await client.request("wssec.refresh", {"token": kit.token(cnf=mine)})
            await client.send("wssec.refresh", {"token": kit.token(cnf=cnf)})
            await client.assert_closed(4401)


@in_loop
async def test_r14_refresh_under_a_clock_that_was_set_back() -> None:
    """An expired token is brought to life by no clock: nothing is taken over, and the connection ends when it would."""
    async with chat_kit(limits=GENEROUS, timeouts=TIMES) as kit:
        expired = kit.token("ann")
        await kit.advance(601)
        client = await kit.connect("/ws")
        kit.clock.step_wall(-STEP_SECONDS)
        await kit.advance(1)
        await client.assert_refused("unavailable", "wssec.refresh", {"token": expired})
        kit.clock.step_wall(STEP_SECONDS)
        await kit.advance(1)
        await client.send("wssec.refresh", {"token": expired})

        await client.assert_closed(4401)


@in_loop
async def test_refresh_while_revocations_are_not_known() -> None:
    """What may have been revoked takes nothing over; the connection stays until the grace of the store is over."""
    async with chat_kit(limits=GENEROUS) as kit:
        client = await kit.connect("/ws")
        kit.clock.advance(kit.guard.timeouts.mirror_for_new + 1)
        await client.assert_refused("unavailable", "wssec.refresh", {"token": kit.token("ann")})
        await kit.guard.watcher.catch_up()

        assert {"expires_in": 600.0} == await client.request("wssec.refresh", {"token": kit.token("ann")})
