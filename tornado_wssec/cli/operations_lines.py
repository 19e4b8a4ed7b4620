"""What `wssec check` says of the operations page, where there is one."""

from collections.abc import Iterator

from tornado.web import Application

from ..exposure import routes_of
from ..ops.pages import PageHandler
from ..ops.terms import ACT, READ
from .audit_lines import Level, Line


def operations_lines(app: Application) -> Iterator[Line]:
    """Where it is, and what it takes."""
    for route in routes_of(app):
        if issubclass(route.handler, PageHandler):
            path = route.pattern.removesuffix("$")
            shows = f"{path} shows connections, audit and configuration to whoever has {READ}"
            what = f"{shows}, and ends connections and revokes for {ACT}; a grant of ** has both"
            yield Line(Level.DECLARED, "guard.routes(ops=True)", what)
