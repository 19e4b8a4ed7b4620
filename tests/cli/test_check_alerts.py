"""`wssec check` says who is told of alerts, and what is done about them by itself."""

from typing import Any

from tests.kits import chat_kit
from tornado_wssec import Alert, Timeouts
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.cli.audit_lines import Level
from tornado_wssec.settings import Secret

SECRET = Secret("0123456789abcdef0123456789abcdef")


def lines(**options: Any) -> dict[str, tuple[Level, str]]:
    """What the audit says of them."""
    kit = chat_kit(**options)
    return {one.where: (one.level, one.what) for one in audit(kit.app, kit.guard) if "alert" in one.where}


def test_check_says_where_alerts_go() -> None:
    """By default where nobody may look at night; neither the URL nor the secret is told."""

    async def hook(alert: Alert) -> None:
        """Somebody's."""

    told = "go to the log, the audit, the metrics"
    url = "https://alerts.example.com/secret-path"

    assert {"alerts": (Level.IN_FORCE, told)} == lines()
    assert {"alerts": (Level.IN_FORCE, f"{told}, the hook alerts=, the webhook")} == lines(
        alerts=hook, alert_webhook=url, alert_secret=SECRET
    )


def test_check_names_each_response() -> None:
    """What is done without anybody's doing is spelt out."""
    responses = {"egress.burst": "ban", "egress.hour": "close", "messages.burst": "throttle"}
    found = lines(alert_responses=responses, timeouts=Timeouts(ban=60.0))
    found.pop("alerts")

    assert {
        'Guard(alert_responses={"egress.burst": "ban"})': (
            Level.DECLARED,
            "an identity with this alert is put out, and kept out of this process for 60 s",
        ),
        'Guard(alert_responses={"egress.hour": "close"})': (
            Level.DECLARED,
            "an identity with this alert is put out of this process, and may come back",
        ),
        'Guard(alert_responses={"messages.burst": "throttle"})': (
            Level.DECLARED,
            "an identity with this alert may send a tenth, in this process, until it is over",
        ),
    } == found
