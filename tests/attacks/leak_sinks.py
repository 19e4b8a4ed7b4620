"""Where a secret could have stayed beside the log: files, metrics, alerts, pages, and what commands print."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tornado.web import Application

from tests.attacks.leak_secrets import SECRETS, secret
from tests.attacks.leak_talk import ROUTES
from tests.attacks.logins import Browser
from tests.receivers import Receiver
from tornado_wssec import Alert, BearerToken, Guard, SessionCookie
from tornado_wssec.cli import main
from tornado_wssec.ops.terms import READ
from tornado_wssec.settings import Secret, Timeouts
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.kit import AUDIENCE, ISSUER, ORIGIN
from tornado_wssec.testing.raw import RawSocket

LOOKS: Final = 5
PARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMMANDS: Final = (
    "audit tail --lines 1000",
    "audit query",
    "audit query --json",
    "audit verify",
    "audit replay --json",
    "sessions list",
    "sessions list --json",
    "apikeys list --json",
    "channels list --json",
    "keys list --json",
    "revocations list --json",
    "store doctor",
    "check tests.attacks.leak_sinks:make_app --report --json",
    "check tests.attacks.leak_sinks:make_app --format markdown",
)

QUESTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("ops.overview", {"since": 0.0}),
    ("ops.connections", {"scope": "here", "search": "", "page": 0}),
    ("ops.connections", {"scope": "all", "search": "", "page": 0}),
    ("ops.trust", {}),
    ("ops.audit", {"after": 0}),
    ("ops.spread", {}),
)


@dataclass
class Place:
    """A folder with a store, a key file and the audit."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the commands are given, its secrets planted."""
        return {
            "WSSEC_STORE": f"sqlite:///{self.folder / 'wssec.db'}",
            "WSSEC_KEYS": str(self.folder / "keys.json"),
            "WSSEC_AUDIT": str(self.folder / "audit"),
            "WSSEC_SCHEMAS": "tests.attacks.leak_talk",
            "WSSEC_ISSUER": ISSUER,
            "WSSEC_AUDIENCE": AUDIENCE,
            "WSSEC_ORIGINS": ORIGIN,
            "WSSEC_COOKIE_SECRET": self.settings()["cookie_secret"].reveal(),
        }

    def settings(self) -> dict[str, Any]:
        """Of the server."""
        cookie_secret = Secret(f"{secret('secret of the cookies')}-of-32-bytes")
        return {"audit": str(self.folder / "audit"), "cookie_secret": cookie_secret}

    async def store(self) -> SqliteStore:
        """One that commands can look at, too."""
        for command in ("keys generate", "store migrate --yes"):
            code, told = await asyncio.to_thread(self.run, command)
            assert code == 0, told
        return SqliteStore(self.folder / "wssec.db", timeouts=Timeouts(store_call=30.0, store_sync=30.0))

    def run(self, command: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        result = CliRunner().invoke(main, command.split(), env=self.environment)
        return result.exit_code, result.output

    def audited(self) -> str:
        """Every file of the audit, and every name."""
        return "".join(f"{path.name}\n{path.read_text()}" for path in sorted((self.folder / "audit").iterdir()))


@dataclass
class Heard:
    """What a hook and a webhook were told."""

    receiver: Receiver
    alerts: list[Alert] = field(default_factory=list)

    async def tell(self, alert: Alert) -> None:
        """The hook."""
        self.alerts.append(alert)

    def told(self) -> dict[str, str]:
        """All of it; a webhook's headers, too."""
        posts = [f"{headers} {body.decode()}" for headers, body in self.receiver.got]
        hooked = [f"{alert!r} {alert.facts()}" for alert in self.alerts]
        return {"alert hook": "\n".join(hooked), "alert webhook": "\n".join(posts)}


class Watching:
    """Providers of OpenTelemetry, and what they were told."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)

    def told(self) -> dict[str, str]:
        """All of it, as an exporter writes it."""
        data = self._reader.get_metrics_data()
        return {
            "spans": "\n".join(span.to_json() for span in self._spans.get_finished_spans()),
            "meters": "" if data is None else data.to_json(),
        }


async def looked_at(kit: GuardKit, place: Place) -> dict[str, str]:
    """Everything that somebody may look at while the server runs."""
    live = await kit.connect("/talk", subject="nina")
    for _ in range(LOOKS):
        await kit.advance(Timeouts().alert_look)
    seen = {"metrics": await metrics(kit), "operations page": await operations(kit)}
    for command in COMMANDS:
        code, printed = await asyncio.to_thread(place.run, command)
        seen[f"wssec {command}"] = f"exit {code}\n{printed}"
    await live.close()
    return seen


async def metrics(kit: GuardKit) -> str:
    """What Prometheus reads, and what somebody reads who has no token."""
    token = f"{secret('token for the metrics')}-of-32-characters"
    raw = await RawSocket.open(kit.guard.listen_metrics(0, token=Secret(token)))
    head = f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    await raw.write(head.encode())
    answer = await raw.response()
    await raw.close()
    return f"{answer.status}\n{answer.body.decode()}"


async def operations(kit: GuardKit) -> str:
    """The page of somebody who has signed in, and all that its socket says."""
    browser = Browser(kit)
    await browser.sign_in("olga", permissions=[READ])
    SECRETS.update({"cookie of an operator": browser.value})
    page = await browser.send("GET", "/wssec/ops")
    client = await kit.connect("/wssec/ops/socket", subject="olga", permissions=[READ])
    said = [await client.request(type, data) for type, data in QUESTIONS]
    await client.close()
    return f"{page.status} {page.body.decode()}\n{json.dumps(said)}"


def make_app() -> Application:
    """The application that `wssec check` looks at, its secrets planted."""
    guard = Guard.from_env(
        authenticators=(BearerToken(), SessionCookie()),
        alert_webhook="https://alerts.example.com/hook",
        alert_secret=Secret(secret("key of the webhook") + "-long"),
    )
    return Application([*ROUTES, *guard.routes()], wssec=guard)
