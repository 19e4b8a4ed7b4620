"""Line R022 over sockets: nobody says of himself what only a trusted proxy may say of him.

The client and the proxy of these tests are the same loopback peer: what differs is whether the server was told to
trust it.
"""

import json
import logging
from typing import Any

import pytest

from tests.kits import GENEROUS, V1, ChatSocket, audited, chat_kit, in_loop, uniform
from tornado_wssec import BearerToken, ConfigurationError, ProxyHeader, Ticket
from tornado_wssec.policy.identity import Identity
from tornado_wssec.testing import Client, GuardKit, Response
from tornado_wssec.testing.kit import ORIGIN

from .doors import on_the_wire

HTTPS = ("X-Forwarded-Proto", "https")
USER = "X-Forwarded-User"
FULL = ProxyHeader(roles="X-Forwarded-Groups", tenant="X-Tenant")
ROLES = {"admins": ["chat:**"]}
NAMES = [USER, "x-forwarded-user", "X-FORWARDED-USER", "X-Forwarded-Groups", "X-Tenant"]


class Native(ChatSocket):
    """The chat for programs."""

    allow_missing_origin = True


class Public(Native):
    """The chat for everybody."""

    anonymous = True


def kit_of(way: ProxyHeader = FULL, *, trusted: bool = True, **options: Any) -> GuardKit:
    """A chat behind an authenticating proxy, or without one that is trusted."""
    settings = {"trusted_proxies": ("127.0.0.1" if trusted else "10.0.0.0/8",), "insecure": not trusted}
    return GuardKit(
        [("/ws", Native), ("/page", ChatSocket), ("/public", Public)],
        authenticators=[way, Ticket(), BearerToken()],
        settings=settings,
        limits=GENEROUS,
        roles=ROLES,
        **{"registry": chat_kit().guard.registry, **options},
    )


async def shown(
    kit: GuardKit, *headers: tuple[str, str], path: str = "/ws", origin: str | None = None, **options: Any
) -> Response:
    """The answer to a handshake with these headers from the proxy."""
    _, response = await kit.handshake(path, origin=origin, extra=[HTTPS, *headers], **options)
    return response


async def let_in(kit: GuardKit, *headers: tuple[str, str], **options: Any) -> tuple[Client, Identity]:
    """A client with these headers, and whom the server takes it for."""
    before = {live.session.id for live in kit.guard.hub}
    socket, response = await kit.handshake("/ws", origin=None, extra=[HTTPS, *headers], **options)
    assert response.status == 101
    (live,) = [live for live in kit.guard.hub if live.session.id not in before]
    return Client(socket, None), live.session.identity


@pytest.mark.requirement("R022")
@pytest.mark.parametrize("path", ["/ws", "/page", "/public"])
@pytest.mark.parametrize("name", NAMES)
@in_loop
async def test_r022_header_of_a_stranger(name: str, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Refused, never left aside: beside a good token as alone, at an anonymous endpoint too; the log names the cure."""
    async with kit_of(trusted=False) as kit:
        token, origin = kit.token(), ORIGIN if path == "/page" else None
        alone = await shown(kit, (name, "ann"), path=path, origin=origin)
        beside = await shown(kit, (name, "ann"), path=path, origin=origin, token=token)
        without = await shown(kit, path=path, origin=origin, token=token)

    assert [401, 401, 101] == [alone.status, beside.status, without.status]
    assert f"the header {name} came from a peer that is no trusted proxy".lower() in caplog.text.lower()
    assert "name the proxy in WSSEC_TRUSTED_PROXIES if it is yours" in caplog.text


@in_loop
async def test_r022_refusals_are_alike() -> None:
    """A stranger's header, a bad token and no credential at all get one answer."""
    async with kit_of(trusted=False) as kit:
        answers = [
            await shown(kit, (USER, "ann")),
            await shown(kit, (USER, "")),
            await shown(kit, token="nonsense"),
            await shown(kit),
        ]

    assert 1 == len({uniform(answer) for answer in answers})


@in_loop
async def test_r022_header_of_a_stranger_at_the_ticket_endpoint() -> None:
    """Nor is a ticket to be had by it."""
    async with kit_of(trusted=False) as kit:
        answer = await ticket_request(kit, (USER, "ann"))

    assert 401 == answer.status


async def ticket_request(kit: GuardKit, *headers: tuple[str, str], path: str = "/page") -> Response:
    """Ask for a ticket as a page of ours would, through the proxy."""
    body = json.dumps({"path": path})
    given = [("Host", kit.host), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    socket = await kit.raw()
    lines = [f"{name}: {value}" for name, value in [*given, ("Origin", ORIGIN), HTTPS, *headers]]
    await socket.write("\r\n".join(["POST /wssec/ticket HTTP/1.1", *lines, "", body]).encode("latin-1"))
    return await socket.response()


@in_loop
async def test_r022_proxy_says_who_it_is() -> None:
    """Subject, tenant and what the roles give, in the name of our own issuer; for an hour."""
    async with kit_of() as kit:
        client, who = await let_in(kit, (USER, "ann"), ("X-Forwarded-Groups", "staff, admins"), ("X-Tenant", "acme"))

        assert ("ann", "acme", kit.guard.rules.issuer) == (who.subject, who.tenant, who.issuer)
        assert who.permissions.allows("chat:write:lobby")
        assert who.expires_at == kit.clock.wall + 3_600
        await kit.advance(3_600 + kit.guard.timeouts.token_grace)
        await client.assert_closed(4001)


@pytest.mark.parametrize(
    "headers",
    [
        [(USER, "ann"), (USER, "root")],
        [(USER, "ann"), ("x-forwarded-user", "ann")],
        [(USER, "ann"), ("X-Tenant", "acme"), ("X-Tenant", "acme")],
        [(USER, "ann"), ("X-Forwarded-Groups", "users"), ("X-Forwarded-Groups", "admins")],
    ],
)
@in_loop
async def test_r022_header_twice(headers: list[tuple[str, str]]) -> None:
    """A proxy that adds its own beside the client's has said nothing."""
    async with kit_of() as kit:
        assert 400 == (await shown(kit, *headers)).status


@pytest.mark.parametrize(
    "subject",
    ["", "root,ann", "root, ann", "two words", "x" * 129, "\u00e4nn", "a\tb", "ann\u200b", "a\x7f", "\uff41dmin"],
)
@in_loop
async def test_r022_header_that_names_nobody(subject: str) -> None:
    """A name that no token could carry, or two joined on the way."""
    async with kit_of() as kit:
        answer = await shown(kit, (USER, on_the_wire(subject)))

    assert (400 if "\x7f" in subject else 401) == answer.status  # Tornado's parser takes no control characters


@in_loop
async def test_r022_header_and_another_credential() -> None:
    """Two ways to be somebody are one too many, also when both say the same."""
    async with kit_of() as kit:
        token = kit.token("ann")
        ticket = await kit.ticket("/ws", "ann")
        answers = [
            await shown(kit, (USER, "ann"), token=token),
            await shown(kit, (USER, "ann"), subprotocols=[*V1, f"wssec.ticket.{ticket}"]),
        ]

    assert [401, 401] == [answer.status for answer in answers]


@in_loop
async def test_r008_page_is_not_let_in_by_the_proxys_cookie() -> None:
    """A page of any site makes the browser send it; a page of ours asks for a ticket, and connects with that."""
    async with kit_of() as kit:
        alone = await shown(kit, (USER, "ann"), path="/page", origin=ORIGIN)
        answer = await ticket_request(kit, (USER, "ann"))
        offered = [*V1, f"wssec.ticket.{json.loads(answer.body)['ticket']}"]
        with_ticket = await shown(kit, (USER, "ann"), path="/page", origin=ORIGIN, subprotocols=offered)
        again = await shown(kit, (USER, "ann"), path="/page", origin=ORIGIN, subprotocols=offered)

    assert [401, 200, 101, 401] == [reply.status for reply in (alone, answer, with_ticket, again)]


@in_loop
async def test_r008_page_is_let_in_where_that_is_written() -> None:
    """Then the allowlist of origins alone keeps other sites' pages out."""
    async with kit_of(ProxyHeader(browsers=True)) as kit:
        answers = [
            await shown(kit, (USER, "ann"), path="/page", origin=origin)
            for origin in (ORIGIN, "https://evil.example", "null")
        ]

    assert [101, 403, 403] == [answer.status for answer in answers]


@in_loop
async def test_r022_ticket_for_another_sites_page() -> None:
    """The browser would add the proxy's cookie to it; the Origin tells."""
    async with kit_of() as kit:
        answer = await ticket_request(kit, (USER, "ann"), ("Origin", "https://evil.example"))

    assert 403 == answer.status


@in_loop
async def test_r022_revocation_ends_what_the_proxy_let_in() -> None:
    """By the subject, as any other; the proxy may let the same person in afresh, later than that second."""
    async with kit_of() as kit:
        client, _ = await let_in(kit, (USER, "ann"))
        await kit.guard.revoke(subject="ann")
        await client.assert_closed(4403)
        at_once = await shown(kit, (USER, "ann"))
        await kit.advance(1)
        later = await shown(kit, (USER, "ann"))

    assert [401, 101] == [at_once.status, later.status]


@in_loop
async def test_r022_forgery_is_told_in_the_audit(caplog: pytest.LogCaptureFixture) -> None:
    """With the peer that sent it, and without the name that it claimed."""
    caplog.set_level(logging.INFO, "tornado_wssec.audit")
    async with kit_of(trusted=False) as kit:
        await shown(kit, (USER, "root"))
    (line,) = audited(caplog.records, "handshake.refused")

    assert (401, "credential", "127.0.0.1") == (line["status"], line["stage"], line["address"])
    assert "root" not in json.dumps(line)


@pytest.mark.parametrize("where", ["guard", "endpoint"])
def test_r022_without_a_trusted_proxy_nothing_starts(where: str) -> None:
    """Nobody could be believed, so that somebody has forgotten something."""
    registry = chat_kit().guard.registry

    class Own(ChatSocket):
        authenticators = [ProxyHeader()] if where == "endpoint" else None

    def start() -> None:
        ways: dict[str, Any] = {"authenticators": [ProxyHeader()]} if where == "guard" else {}
        kit = GuardKit([("/ws", Own)], registry=registry, **ways)
        kit.guard.check(kit.app)

    with pytest.raises(ConfigurationError, match="WSSEC_TRUSTED_PROXIES: no proxy is trusted"):
        start()
