"""A secure chat beside the plots of a Bokeh server.

python -m examples.embedding.bokeh_chat
"""

import asyncio
import os

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.plotting import figure
from bokeh.server.server import Server

from tornado_wssec import Guard, Registry

from .chat import ChatSocket


def draw(document: Document) -> None:
    plot = figure(title="As ever")
    plot.line([1, 2, 3], [4, 5, 4])
    document.add_root(plot)


def make_server(guard: Guard, port: int) -> Server:
    return Server(
        {"/plot": Application(FunctionHandler(draw))},
        address="127.0.0.1",
        port=port,
        allow_websocket_origin=[f"127.0.0.1:{port}"],
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
