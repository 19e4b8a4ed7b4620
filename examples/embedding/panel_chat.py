"""A secure chat beside an app of Panel's.

python -m examples.embedding.panel_chat
"""

import asyncio
import os

import panel
from bokeh.server.server import Server
from panel.io.server import get_server

from tornado_wssec import Guard, Registry

from .chat import ChatSocket


def app() -> panel.Column:
    slider = panel.widgets.IntSlider(name="As ever", start=1, end=9)
    return panel.Column(slider, panel.bind(lambda value: "★" * value, slider))


def make_server(guard: Guard, port: int) -> Server:
    return get_server(
        {"app": app},
        address="127.0.0.1",
        port=port,
        websocket_origin=[f"127.0.0.1:{port}"],
        extra_patterns=[("/chat", ChatSocket), *guard.routes()],
        wssec=guard,  # a setting of Tornado's application, as in any other
    )


async def main() -> None:
    async with Guard.from_env(registry=Registry.scan("schemas.chat")) as guard:
        server = make_server(guard, int(os.environ.get("PORT", "5006")))
        server.start()
        await guard.until_stopped()
        server.stop()


if __name__ == "__main__":
    asyncio.run(main())
