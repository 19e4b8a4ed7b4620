"""Alerts are posted to one URL, signed, again and again until they are taken, and never in anybody's way."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.certificates import certify
from tests.receivers import Receiver, receiving
from tornado_wssec import Alert, AlertKind, Limits, Timeouts
from tornado_wssec.alert_delivery import TRIES, Delivery
from tornado_wssec.alert_webhook import ways_of, webhook_problems
from tornado_wssec.settings import Secret
from tornado_wssec.telemetry.anomaly_alerts import Whom

SECRET = Secret("0123456789abcdef0123456789abcdef")
AT = 1_767_225_600.0
FAST = Timeouts(alert_retry=0.001)
ALERT = Alert(
    id="a1", kind=AlertKind.EGRESS_BURST, whom=Whom("ann", "i"), value=9.0, usual=1.0, band=8.0, since=AT - 5.0
)
LOCAL = "http://127.0.0.1:1/alerts"


def way_to(url: str, *, limits: Limits | None = None, timeouts: Timeouts = FAST) -> Delivery:
    """A webhook at this URL."""
    (way,) = ways_of(None, url, SECRET, limits=limits or Limits(), timeouts=timeouts, wall=lambda: AT)
    return way


def played(scene: Callable[[], Awaitable[None]]) -> None:
    """In an event loop."""
    asyncio.run(asyncio.wait_for(scene(), 30))


def assert_signed(receiver: Receiver, number: int = 0) -> None:
    """Claim that a post is signed as the page says, over its very bytes."""
    headers, body = receiver.got[number]
    expected = hmac.new(SECRET.reveal().encode(), f"{AT:.0f}.".encode() + body, hashlib.sha256).hexdigest()
    assert f"t={AT:.0f},v1={expected}" == headers["Wssec-Signature"]


@pytest.mark.requirement("R088")
def test_webhook_posts_what_an_alert_says() -> None:
    """As JSON, signed, with nothing else about us; and once more when it is over."""

    async def scene() -> None:
        async with receiving() as receiver:
            way = way_to(receiver.url)
            way.put(ALERT)
            way.put(Alert(**{**{name: getattr(ALERT, name) for name in ALERT.__slots__}, "ended_at": AT}))
            await receiver.wait(2)
            await way.stop(5)

            assert_signed(receiver)
            first, second = (json.loads(body) for _, body in receiver.got)
            assert {"v": 1, "state": "raised", **ALERT.facts()} == first
            assert ("ended", AT) == (second["state"], second["ended_at"])
            assert "application/json" == receiver.got[0][0]["Content-Type"]

    played(scene)


def test_webhook_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a server whose certificate an authority of this machine has signed."""
    certified = certify(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certified.certificate))

    async def scene() -> None:
        async with receiving(certified) as receiver:
            way = way_to(receiver.url)
            way.put(ALERT)
            await receiver.wait()
            await way.stop(5)

            assert_signed(receiver)
            assert 0 == way.lost

    played(scene)


def test_webhook_trusts_no_certificate_unseen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that nobody has signed gets nothing."""

    async def scene() -> None:
        async with receiving(certify(tmp_path)) as receiver:
            way = way_to(receiver.url)
            assert not await way._try(ALERT)
            await way.stop(5)

            assert [] == receiver.got

    played(scene)
    assert "the webhook does not take alerts: SSLCertVerificationError" in caplog.text


@pytest.mark.requirement("R088")
def test_webhook_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    """Until it is taken; the log has when it began and that it is over."""
    caplog.set_level(logging.WARNING)

    async def scene() -> None:
        async with receiving(answers=[500, 429, 404]) as receiver:
            way = way_to(receiver.url)
            way.put(ALERT)
            await receiver.wait(4)
            await way.stop(5)

            assert 1 == len({body for _, body in receiver.got})
            assert 0 == way.lost

    played(scene)
    assert 1 == caplog.text.count("the webhook does not take alerts: it answered 500")
    assert 1 == caplog.text.count("the webhook takes alerts again")


def test_webhook_gives_up() -> None:
    """After eight tries, counted; the next alert is tried all the same."""

    async def scene() -> None:
        async with receiving(answers=[503] * TRIES) as receiver:
            way = way_to(receiver.url)
            way.put(ALERT)
            way.put(ALERT)
            await receiver.wait(TRIES + 1)
            await way.stop(5)

            assert (TRIES + 1, 1) == (len(receiver.got), way.lost)

    played(scene)


def test_webhook_follows_nobody() -> None:
    """A redirect is a failure, and where it leads is not asked."""

    async def scene() -> None:
        async with receiving(answers=[302] * TRIES) as receiver:
            way = way_to(receiver.url)
            assert not await way._try(ALERT)
            await way.stop(5)

            assert {"/alerts"} == set(receiver.paths)

    played(scene)


def test_webhook_bounds_what_waits() -> None:
    """The oldest goes, counted, while nobody listens; and nobody waits for it to stop."""

    async def scene() -> None:
        way = way_to(LOCAL, limits=Limits(alert_queue=3), timeouts=Timeouts(alert_retry=60.0))
        for _ in range(50):
            way.put(ALERT)
        assert 47 == way.lost
        await way.stop(0.01)

        assert 50 == way.lost

    played(scene)


def test_hook_that_hangs_or_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is cancelled in time and tried again; the log says where it failed, and not with what."""
    calls: list[Alert] = []

    async def hook(alert: Alert) -> None:
        calls.append(alert)
        if len(calls) == 1:
            await asyncio.sleep(60)
        if len(calls) == 2:
            raise RuntimeError("canary")

    async def scene() -> None:
        timeouts = Timeouts(alert_retry=0.001, alert_delivery=0.01)
        (way,) = ways_of(hook, None, None, limits=Limits(), timeouts=timeouts, wall=lambda: AT)
        way.put(ALERT)
        await way.stop(5)

        assert ([ALERT] * 3, 0) == (calls, way.lost)

    played(scene)
    assert "the hook alerts= does not take alerts: OutOfPatience" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("url", "secret", "where"),
    [
        ("https://alerts.example.com/x", None, "alert_secret"),
        ("https://alerts.example.com/x", Secret("short"), "alert_secret"),
        (None, SECRET, "alert_secret"),
        ("http://alerts.example.com/x", SECRET, "alert_webhook"),
        ("http://127.0.0.1.example.com/x", SECRET, "alert_webhook"),
        ("ftp://127.0.0.1/x", SECRET, "alert_webhook"),
        ("https://", SECRET, "alert_webhook"),
        ("https://user:password@alerts.example.com/", SECRET, "alert_webhook"),
        ("https://alerts.example.com:99999/", SECRET, "alert_webhook"),
        ("https://[::1/", SECRET, "alert_webhook"),
        ("https://alerts.example.com/\r\nX: y", SECRET, "alert_webhook"),
        ("nonsense", SECRET, "alert_webhook"),
    ],
)
def test_webhook_that_does_not_start(url: str | None, secret: Secret | None, where: str) -> None:
    """Without a secret that is long enough, or where it would leave this machine unencrypted; no value is told."""
    (problem,) = webhook_problems(url, secret)

    assert where == problem.where
    assert "password" not in str(problem)


@pytest.mark.parametrize("url", ["https://alerts.example.com/x", LOCAL, "http://[::1]:8080/", "http://localhost/"])
def test_webhook_that_starts(url: str) -> None:
    """By https anywhere, http to this machine."""
    assert [] == [*webhook_problems(url, SECRET)]


def test_webhook_without_any() -> None:
    """There need be none."""
    assert [] == [*webhook_problems(None, None)]
    assert [] == ways_of(None, None, None, limits=Limits(), timeouts=FAST, wall=lambda: AT)
