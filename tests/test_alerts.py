"""A guard learns what is usual, and tells who should know of what is not; where it was asked to, it acts."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, V1, audited, settled
from tests.receivers import receiving
from tornado_wssec import Alert, AlertKind, ConfigurationError, Message, Registry, SecureWebSocketHandler, Timeouts, on
from tornado_wssec.settings import KiB, MiB, Secret
from tornado_wssec.telemetry import measures
from tornado_wssec.testing import Client, GuardKit

SECRET = Secret("0123456789abcdef0123456789abcdef")
LOOK = Timeouts().alert_look
PAGE = 32 * KiB


class Fetch(Message):
    """Ask for a page."""

    class Meta:
        type = "pages.fetch"
        permission = "pages:read"

    number = fields.Integer(required=True, strict=True, validate=validate.Range(0, 10_000))


class Pages(SecureWebSocketHandler):
    """Serves pages that are worth taking."""

    @on(Fetch)
    def fetch(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"text": "x" * PAGE}


class Told:
    """A hook that keeps what it is told."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def __call__(self, alert: Alert) -> None:
        self.alerts.append(alert)

    @property
    def kinds(self) -> list[tuple[AlertKind, str | None, bool]]:
        """Which, of whom, and whether it is over."""
        return [(alert.kind, alert.whom.subject, alert.ended_at is not None) for alert in self.alerts]


def pages_kit(**options: Any) -> GuardKit:
    """A server of pages."""
    return GuardKit([(r"/ws", Pages)], registry=Registry(Fetch), **{"limits": GENEROUS, **options})


def played(scene: Callable[[], Awaitable[None]]) -> None:
    """In an event loop."""
    asyncio.run(asyncio.wait_for(scene(), 60))


async def reader(kit: GuardKit, subject: str) -> Client:
    """Somebody who may read pages."""
    client = await kit.connect("/ws", subject=subject, permissions=["pages:read"], subprotocols=V1)
    await client.assert_received("wssec.ready")
    return client


async def fetch(client: Client, count: int) -> None:
    """Take so many pages."""
    for number in range(count):
        await client.request("pages.fetch", {"number": number})


async def scrape(kit: GuardKit, client: Client) -> None:
    """Take a little over sixteen times what may leave in a burst while nothing is known yet, in five seconds."""
    await fetch(client, 17 * MiB // PAGE)
    await kit.advance(LOOK)
    await asyncio.sleep(0)  # to whoever is told


@pytest.mark.requirement("R086", "R088")
def test_alert_of_a_client_that_scrapes(caplog: pytest.LogCaptureFixture) -> None:
    """Over a real socket: the hook, the webhook, the log, the audit and the metrics say who it was, and how much."""
    caplog.set_level(logging.INFO)
    told = Told()

    async def scene() -> None:
        async with receiving() as receiver:
            kit = pages_kit(alerts=told, alert_webhook=receiver.url, alert_secret=SECRET)
            async with kit:
                quiet, eve = await reader(kit, "ann"), await reader(kit, "eve")
                await fetch(quiet, 3)
                await scrape(kit, eve)
                await receiver.wait()
                assert {"kind": "egress.burst", "subject": "eve", "state": "raised"}.items() <= json.loads(
                    receiver.got[0][1]
                ).items()
                assert [AlertKind.EGRESS_BURST] == [alert.kind for alert in kit.guard.alarm.active]
                assert {("egress.burst",): 1.0} == values(kit, "wssec_alerts_active")
                for _ in range(60):
                    await kit.advance(LOOK)
                await receiver.wait(2)
                assert () == kit.guard.alarm.active
                assert {("egress.burst",): 1.0} == values(kit, "wssec_alerts")
                assert {(): 0.0} == values(kit, "wssec_alerts_lost")

    played(scene)
    assert [(AlertKind.EGRESS_BURST, "eve", False), (AlertKind.EGRESS_BURST, "eve", True)] == told.kinds
    (raised,), (ended,) = audited(caplog.records, "alert.raised"), audited(caplog.records, "alert.ended")
    assert ("egress.burst", "eve") == (raised["kind"], raised["subject"])
    assert raised["value"] == pytest.approx(17 * MiB, rel=0.01)
    assert raised["alert"] == ended["alert"] == told.alerts[0].id
    assert raised["since"] == pytest.approx(raised["at"], abs=0.01)
    assert "alert egress.burst of eve: 17" in caplog.text
    assert "xxx" not in caplog.text


def values(kit: GuardKit, name: str) -> dict[tuple[str, ...], float]:
    """What a metric shows."""
    return next(dict(family.values) for family in kit.guard.metrics.families() if family.metric.name == name)


def test_alert_of_nobody_is_none(caplog: pytest.LogCaptureFixture) -> None:
    """A few who read a few pages are as usual."""
    caplog.set_level(logging.INFO)
    told = Told()

    async def scene() -> None:
        async with pages_kit(alerts=told) as kit:
            readers = [await reader(kit, f"u{number}") for number in range(3)]
            for _ in range(20):
                for one in readers:
                    await fetch(one, 1)
                await kit.advance(LOOK)

    played(scene)
    assert [] == told.alerts
    assert [] == audited(caplog.records, "alert.raised")


@pytest.mark.requirement("R086")
def test_alert_counts_what_was_sent_before_a_close() -> None:
    """Whoever takes everything and leaves before anybody looks is told of."""
    told = Told()

    async def scene() -> None:
        async with pages_kit(alerts=told) as kit:
            eve = await reader(kit, "eve")
            await fetch(eve, 17 * MiB // PAGE)
            await eve.close()
            await settled(kit, 0)
            await kit.advance(LOOK)

    played(scene)
    assert [(AlertKind.EGRESS_BURST, "eve", False)] == told.kinds


@pytest.mark.requirement("R086")
def test_alert_counts_all_connections_of_one() -> None:
    """Ten connections that each take a little are one who takes much."""
    told = Told()

    async def scene() -> None:
        async with pages_kit(alerts=told) as kit:
            for _ in range(10):
                await fetch(await reader(kit, "eve"), 2 * MiB // PAGE)
            await kit.advance(LOOK)

    played(scene)
    assert [(AlertKind.EGRESS_BURST, "eve", False)] == told.kinds


@pytest.mark.requirement("R086")
@pytest.mark.parametrize("framing", ["engine", "stock"])
def test_alert_reads_what_was_sent_and_said(framing: str, caplog: pytest.LogCaptureFixture) -> None:
    """Once a minute, of whom most was sent to, for `wssec audit replay`; with either framing. Pings are no news."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        async with pages_kit(framing=framing) as kit:
            await fetch(await reader(kit, "ann"), 10)
            await kit.advance(60)
            await kit.advance(60)

    played(scene)
    (line,) = audited(caplog.records, "egress.measured")
    assert ("ann", 10) == (line["subject"], line["messages"])
    assert 10 * PAGE < line["bytes"] < 11 * PAGE


def test_alert_tells_the_rest_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Of more than twenty who were sent something, the others are a number."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        async with pages_kit() as kit:
            for number in range(23):
                await fetch(await reader(kit, f"u{number}"), 1)
            await kit.advance(60)

    played(scene)
    lines = audited(caplog.records, "egress.measured")
    assert ([None] * 20, 3) == ([line.get("others") for line in lines[:20]], lines[20]["others"])
    assert lines[20]["bytes"] == pytest.approx(3 * lines[0]["bytes"], abs=10)


@pytest.mark.parametrize(("response", "code"), [("close", 4403), ("ban", 4403)])
def test_alert_puts_out_where_asked_to(response: str, code: int, caplog: pytest.LogCaptureFixture) -> None:
    """Every connection of that identity, and of nobody else; a ban keeps out, a close does not; both are audited."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        kit = pages_kit(alert_responses={"egress.burst": response}, timeouts=Timeouts(ban=60.0))
        async with kit:
            eve, again, ann = await reader(kit, "eve"), await reader(kit, "eve"), await reader(kit, "ann")
            await scrape(kit, eve)
            await eve.assert_closed(code)
            await again.assert_closed(code)
            await fetch(ann, 1)
            if response == "close":
                await kit.connect("/ws", subject="eve")
            else:
                await kit.assert_handshake_refused(429, "/ws", token=kit.token("eve"))
                await kit.advance(61)
                await kit.connect("/ws", subject="eve")

    played(scene)
    (acted,) = audited(caplog.records, "alert.acted")
    (raised,) = audited(caplog.records, "alert.raised")
    assert (response, "eve", 2, raised["alert"]) == (
        acted["act"],
        acted["subject"],
        acted["connections"],
        acted["alert"],
    )


def test_alert_throttles_where_asked_to_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """A tenth of the budget comes back; all of it again when the alert is over."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        async with pages_kit(alert_responses={"egress.burst": "throttle"}) as kit:
            eve, ann = await reader(kit, "eve"), await reader(kit, "ann")
            accounts = {live.session.identity.subject: live.session.account for live in kit.guard.hub}
            before = accounts["eve"].messages.price
            await scrape(kit, eve)
            assert 10 * before == pytest.approx(accounts["eve"].messages.price)
            assert before == accounts["ann"].messages.price
            await fetch(ann, 1)
            for _ in range(60):
                await kit.advance(LOOK)
            assert () == kit.guard.alarm.active
            assert before == accounts["eve"].messages.price

    played(scene)
    (acted,) = audited(caplog.records, "alert.acted")
    assert ("throttle", "eve") == (acted["act"], acted["subject"])


def test_alert_does_nothing_by_itself() -> None:
    """By default whoever is told of stays."""
    told = Told()

    async def scene() -> None:
        async with pages_kit(alerts=told) as kit:
            eve = await reader(kit, "eve")
            await scrape(kit, eve)
            await fetch(eve, 1)

    played(scene)
    assert 1 == len(told.alerts)


def test_alert_of_refused_credentials() -> None:
    """Guesses from one address, over real handshakes."""
    told = Told()

    async def scene() -> None:
        async with pages_kit(alerts=told) as kit:
            for _ in range(70):
                await kit.assert_handshake_refused(401, "/ws", token="guess")
            await kit.advance(LOOK)

    played(scene)
    assert [(AlertKind.REFUSALS_ADDRESS, "127.0.0.1")] == [(one.kind, one.whom.address) for one in told.alerts]


def test_alert_that_cannot_be_judged_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours in judging is logged, and the sweep goes on."""

    async def scene() -> None:
        async with pages_kit() as kit:
            ann = await reader(kit, "ann")
            monkeypatch.setattr(kit.guard.alarm._detector, "judge", lambda now: 1 / 0)
            await kit.advance(LOOK)
            await fetch(ann, 1)

    played(scene)
    assert "judging what is unusual failed: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("responses", "told"),
    [
        ({"egress.burst": "explode"}, "is 'explode'; write one of throttle, close, ban"),
        ({"service.outage": "close"}, "is no kind that is about one identity; name one of egress.burst"),
        ({"nonsense": "close"}, "is no kind that is about one identity"),
        ({"egress.burst": "ban"}, "bans for 0 s; set Timeouts.ban to how long"),
    ],
)
def test_alert_response_that_does_not_start(responses: dict[str, str], told: str) -> None:
    """With the remedy."""
    with pytest.raises(ConfigurationError, match=told):
        pages_kit(alert_responses=responses)


def test_alert_webhook_that_does_not_start() -> None:
    """A guard says so."""
    with pytest.raises(ConfigurationError, match="alert_secret: is not given"):
        pages_kit(alert_webhook="https://alerts.example.com/")


def test_alert_metrics_are_declared() -> None:
    """In the table of all."""
    assert {"wssec_alerts", "wssec_alerts_active", "wssec_alerts_lost"} <= {one.name for one in measures.METRICS}
