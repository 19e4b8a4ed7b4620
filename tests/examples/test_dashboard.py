"""The dashboards: what a customer may ask for."""

from examples.dashboard.app import CHANNELS, MESSAGES, DashboardSocket
from tests.kits import in_loop
from tornado_wssec import Registry
from tornado_wssec.testing import GuardKit


@in_loop
async def test_moment_before_every_calendar_is_answered() -> None:
    """The first day that can be written, in a zone ahead of ours, is a day of the year 0, which there is none of."""
    registry = Registry(*MESSAGES, *CHANNELS)
    async with GuardKit([("/ws/dashboard", DashboardSocket)], registry=registry) as kit:
        token = kit.token(permissions=["tenant:aurora:read"], tenant="aurora")
        client = await kit.connect("/ws/dashboard", token=token)
        first = "0001-01-01T00:00:00+14:00"
        asked = {"dashboard": "overview", "metrics": ["latency"], "since": first, "until": first, "step": "1d"}
        await client.send("dashboard.ask", asked)

        assert "dashboard.figures" == (await client.receive())["type"]
