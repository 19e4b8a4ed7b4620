"""Two customers look at their dashboards; one of them tries by every trick to look at the other's; a key is revoked."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from examples.running.stage import Stage, answer, refusal
from examples.running.story import Outcome, Scene
from tornado_wssec.client import Client, Stopped

from .figures import CUSTOMERS

PEOPLE: Final[Mapping[str, str]] = {}
TRY: Final[Sequence[str]] = (
    "Open {url} in two windows, as Aurora Foods and as Baltic Rail, and press “Try all” below “Look at somebody else”.",
    "Which keys there are: {wssec} apikeys list",
    "End one, by the id that its page shows, and see the page close: {wssec} apikeys revoke ak… --yes",
)
PATH: Final = "/ws/dashboard"
PATIENCE_SECONDS: Final = 30.0
NOTHING: Final = "refused, as if there were no Aurora"


def tricks(own: str, other: str) -> dict[str, str]:
    """What somebody might call a channel that is not his own."""
    return {
        "by its name": f"tenant:{other}:dashboard:overview",
        "its alarms": f"tenant:{other}:alarms",
        "all tenants at once": "tenant:*:dashboard:overview",
        "everything below it": "tenant:**",
        "in capitals": f"TENANT:{other.upper()}:DASHBOARD:OVERVIEW",
        "by a way through his own": f"tenant:{own}:dashboard:../../{other}/overview",
        "as a fifth segment": f"tenant:{own}:{other}:dashboard:overview",
        "with a line break": f"tenant:{other}:dashboard:overview\n",
        "behind a zero byte": f"tenant:{own}\0:tenant:{other}:dashboard:overview",
        "percent-encoded": f"tenant%3A{other}%3Adashboard%3Aoverview",
        "with a Cyrillic a": f"tenant:{other.replace('a', chr(0x430))}:dashboard:overview",
        "in 5,000 characters": f"tenant:{other}:dashboard:" + "o" * 5_000,
    }


async def tell(stage: Stage) -> AsyncIterator[Scene]:
    """Customers look; one spies; a key is revoked."""
    aurora, baltic = await make_key(stage, "aurora"), await make_key(stage, "baltic")
    yield Scene("Two customers, each with a key", await look(stage, aurora, baltic))
    yield Scene("Baltic Rail looks for Aurora Foods", await spy(stage, baltic))
    yield Scene("Without a key, or with a wrong one", await strangers(stage, aurora))
    yield Scene("`wssec apikeys revoke`, in another process", await revoke(stage, aurora, baltic))


async def make_key(stage: Stage, tenant: str) -> str:
    """What an operator does for a customer."""
    return await stage.wssec("apikeys", "create", "--subject", f"{tenant}-board", "--tenant", tenant, "--ttl", "1d")


async def exchange(stage: Stage, key: str | None) -> Any:
    """What the server gives for a key: the answer as JSON, or its status."""
    shown = {"X-Api-Key": key} if key is not None else {}
    answered = await stage.fetch("POST", "/token", {"Origin": stage.url, "Content-Type": "application/json", **shown})
    return json.loads(answered.body) if answered.code == 200 else f"HTTP {answered.code}"


async def look(stage: Stage, aurora: str, baltic: str) -> list[Outcome]:
    """Each hears of itself, whatever it asks for."""
    hers, his = await exchange(stage, aurora), await exchange(stage, baltic)
    async with stage.client(PATH, hers["token"]) as auroras, stage.client(PATH, his["token"]) as baltics:
        await auroras.subscribe("tenant:aurora:dashboard:overview")
        await baltics.subscribe("tenant:baltic:dashboard:overview")
        heard = [await tenants(client, 1) for client in (auroras, baltics)]
        await baltics.request("dashboard.ask", asked())
        own = await tenants(baltics, 1)
        denied = await refusal(baltics.request("dashboard.ask", asked(tenant="aurora")))
    return [
        Outcome("Aurora's key gives a token", CUSTOMERS["aurora"], str(hers["name"])),
        Outcome("its dashboard hears of", "aurora", heard[0]),
        Outcome("Baltic's dashboard hears of", "baltic", heard[1]),
        Outcome("Baltic asks for figures, and names nobody", "baltic", own),
        Outcome("Baltic asks for figures, and names Aurora", "error permission_denied", denied),
    ]


async def spy(stage: Stage, baltic: str) -> list[Outcome]:
    """Every answer is the one that a customer gets who does not exist."""
    token = (await exchange(stage, baltic))["token"]
    hers, of_nobody = tricks("baltic", "aurora"), tricks("baltic", "nobody")
    rows = []
    for how in hers:
        told = [await subscribed(stage, token, names[how]) for names in (hers, of_nobody)]
        is_same = told[0] == told[1] and '"type": "error"' in told[0]
        rows.append(Outcome(f"her channel {how}", NOTHING, NOTHING if is_same else " and ".join(told)))
    direct = {"channel": "tenant:aurora:dashboard:overview", "type": "dashboard.figures", "data": {}}
    client = await stage.raw(PATH, token=token)
    published = await answer(client, json.dumps({"type": "wssec.publish", "id": "1", "data": direct}))
    await client.close()
    return [*rows, Outcome("false figures into her channel", "error permission_denied", published)]


async def strangers(stage: Stage, aurora: str) -> list[Outcome]:
    """A key opens no socket by itself, and a token that was changed opens nothing."""
    head, body, mark = (await exchange(stage, aurora))["token"].split(".")
    forged = f"{head}.{body}.{mark[:10]}{'A' if mark[10] != 'A' else 'B'}{mark[11:]}"
    return [
        Outcome("a token for no key", "HTTP 401", str(await exchange(stage, None))),
        Outcome("a token for a key with another end", "HTTP 401", str(await exchange(stage, aurora[:-4] + "AAAA"))),
        Outcome("a socket without a token, the “open dashboard”", "HTTP 401", await stage.handshake(PATH)),
        Outcome("a socket by a changed token", "HTTP 401", await stage.handshake(PATH, token=forged)),
        Outcome("a socket by the key itself", "HTTP 401", await stage.handshake(PATH, extra=[("X-Api-Key", aurora)])),
        Outcome("a page of another site", "HTTP 403", await stage.handshake(PATH, origin="https://evil.test")),
    ]


async def revoke(stage: Stage, aurora: str, baltic: str) -> list[Outcome]:
    """All that the key has opened closes, and it opens nothing more; the other customer notices nothing."""
    hers, his = await exchange(stage, aurora), await exchange(stage, baltic)
    async with stage.client(PATH, his["token"]) as baltics:
        await baltics.subscribe("tenant:baltic:dashboard:overview")
        opened = [asyncio.Event(), asyncio.Event()]
        boards = [asyncio.create_task(until_ended(stage, hers["token"], each)) for each in opened]
        for each in opened:
            await each.wait()
        await stage.wssec("apikeys", "revoke", hers["key"], "--yes")
        ended = [await board for board in boards]
        heard = await tenants(baltics, 1)
    return [
        Outcome("Aurora's two dashboards", "closed 4403, closed 4403", ", ".join(ended)),
        Outcome("the token that they had", "HTTP 401", await stage.handshake(PATH, token=hers["token"])),
        Outcome("another token for the key", "HTTP 401", str(await exchange(stage, aurora))),
        Outcome("Baltic's dashboard goes on", "baltic", heard),
    ]


def asked(**changes: Any) -> dict[str, Any]:
    """The data of a question for the last minute."""
    since = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    return {"dashboard": "overview", "metrics": ["revenue"], "since": since, "step": "10s", **changes}


async def tenants(client: Client, count: int) -> str:
    """Of whom the next so many figures are."""
    seen: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in client.events():
            if event.type == "dashboard.figures":
                seen.append(event.data["tenant"])
                if len(seen) == count:
                    break
    return ", ".join(sorted(set(seen)))


async def subscribed(stage: Stage, token: str, channel: str) -> str:
    """What the server says to a subscription, byte for byte, and nothing that it says afterwards."""
    client = await stage.raw(PATH, token=token)
    await client.send("wssec.subscribe", {"channel": channel}, "1")
    told = json.dumps(await client.receive())
    await client.close()
    return told


async def until_ended(stage: Stage, token: str, opened: asyncio.Event) -> str:
    """How a dashboard ends."""
    try:
        async with stage.client(PATH, token) as client:
            await client.subscribe("tenant:aurora:dashboard:overview")
            opened.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for _ in client.events():
                    continue
    except Stopped as stopped:
        return f"closed {stopped.state.code}"
    return "not closed"
