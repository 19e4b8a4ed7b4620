"""The server of the customers' dashboards: an API key gives a short token, and that says whose they are.

What may be said stands in `schemas/dashboard.py`: a tenant is bound to the token there, in messages and in the names
of channels. Nothing in this file compares one tenant with another.
"""

import asyncio
import fcntl
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tornado.web import Application, HTTPError

from examples.pages import Api, page_routes, serve
from schemas import dashboard
from tornado_wssec import (
    ApiKey,
    BearerToken,
    Guard,
    Registry,
    SecureWebSocketHandler,
    StoreError,
    Ticket,
    on,
)

from .figures import CUSTOMERS, MEASURED, METRICS, alarms, series

HERE: Final = Path(__file__).parent
TOKEN_SECONDS: Final = 300.0
ALARMS_SECONDS: Final = 900
DASHBOARD: Final = "overview"
STEPS: Final = {"10s": 10, "1m": 60, "1h": 3_600, "1d": 86_400}
MESSAGES: Final = (dashboard.AskFigures, dashboard.Figures, dashboard.Alarm)
CHANNELS: Final = (dashboard.DashboardChannel, dashboard.AlarmChannel)


class DashboardSocket(SecureWebSocketHandler):
    """The socket of one dashboard."""

    @on(dashboard.AskFigures)
    async def show(self, data: dict[str, Any]) -> None:
        """Send what was measured in a span of time, and the last alarms in it; what is new comes by the channels."""
        step, now = STEPS[data["step"]], datetime.now(UTC)
        # Nobody has measured what is to come, nor what was before clocks counted.
        until = max(int(min(data["until"] or now, now).timestamp()), 0)
        since = max(int(data["since"].timestamp()), until - step * (min(data["most"], 120) - 2))
        since -= since % step
        wanted = [MEASURED[name] for name in dict.fromkeys(data["metrics"]) if name in MEASURED]
        lines = [series(data["tenant"], metric, since, until, step) for metric in wanted]
        await self.send(dashboard.Figures, figures(data["tenant"], data["dashboard"], until, lines))
        for raised in list(alarms(data["tenant"], max(since, until - ALARMS_SECONDS), until))[-5:]:
            await self.send(dashboard.Alarm, raised)


class Token(Api):
    """`POST /token` with `X-Api-Key`: a token for five minutes. The key itself opens no socket."""

    async def post(self) -> None:
        """The token carries the name of its key: whoever revokes that ends it, and every dashboard that it opened."""
        identity = await self.guard.authenticate(self.request, ways=[ApiKey()])
        if identity.tenant is None:
            raise HTTPError(403)
        left = TOKEN_SECONDS if identity.expires_at is None else identity.expires_at - time.time()
        token = self.guard.issue_token(
            identity.subject,
            [f"tenant:{identity.tenant}:read"],
            tenant=identity.tenant,
            token_id=identity.token_id,
            ttl=max(min(TOKEN_SECONDS, left), 1),
        )
        facts = {"tenant": identity.tenant, "name": CUSTOMERS.get(identity.tenant), "key": identity.token_id}
        self.write({"token": token, **facts})


class DemoKeys(Api):
    """`GET /demo-keys`: who the customers are. `POST /demo-keys {"tenant"}`: a key for one. For the example alone.

    A product gives a key to a customer who has signed a contract; here `wssec apikeys create` does the same.
    """

    def get(self) -> None:
        """Name the customers."""
        self.write({"customers": [{"tenant": tenant, "name": name} for tenant, name in CUSTOMERS.items()]})

    async def post(self) -> None:
        """Make a key that is good for a day."""
        tenant = self.said("tenant")
        if tenant not in CUSTOMERS:
            raise HTTPError(404)
        made = await self.guard.create_api_key(f"{tenant}-board", tenant=tenant, ttl=86_400, note=CUSTOMERS[tenant])
        self.write({"key": made.key})


async def feed(guard: Guard) -> None:
    """Tell each customer every second what was measured; one server does so for all, and another when that is gone."""
    with (Path(os.environ.get("EXAMPLE_DATA", ".")) / "feed.lock").open("w") as file:
        is_ours = False
        while True:
            is_ours = is_ours or _is_locked(file.fileno())
            await asyncio.sleep(1 - time.time() % 1)
            with suppress(StoreError):  # a second is lost; the next one comes
                for tenant in CUSTOMERS if is_ours else ():
                    await tell(guard, tenant, int(time.time()))


async def tell(guard: Guard, tenant: str, at: int) -> None:
    """One second of one customer."""
    lines = [series(tenant, metric, at, at, 1) for metric in METRICS]
    channel = f"tenant:{tenant}:dashboard:{DASHBOARD}"
    await guard.publish(channel, dashboard.Figures, figures(tenant, DASHBOARD, at, lines))
    for raised in alarms(tenant, at, at):
        await guard.publish(f"tenant:{tenant}:alarms", dashboard.Alarm, raised)


def figures(tenant: str, name: str, at: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What `dashboard.figures` says."""
    day = datetime.fromtimestamp(at, UTC).date()
    return {"tenant": tenant, "dashboard": name, "revision": at, "day": day, "series": lines}


def make_app() -> Application:
    """The application and its guard: `wssec check examples.dashboard.app:make_app` says what they expose."""
    guard = Guard.from_env(registry=Registry(*MESSAGES, *CHANNELS), authenticators=[BearerToken(), Ticket()])
    demo = [("/demo-keys", DemoKeys)] if os.environ.get("EXAMPLE_SIGN_IN") == "1" else []
    routes: list[Any] = [("/ws/dashboard", DashboardSocket), ("/token", Token), *demo]
    return Application([*routes, *guard.routes(client=True), *page_routes(HERE / "page")], wssec=guard)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    serve(make_app, feed)
