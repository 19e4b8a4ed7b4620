"""What `wssec check` says of the issuers that a guard trusts beside itself."""

from collections.abc import Iterator

from ..guard import Guard
from ..policy.issuers import Issuer
from ..settings import Timeouts
from .audit_lines import Level, Line


def issuer_lines(guard: Guard) -> Iterator[Line]:
    """Of each: what is weaker than need be, what is not at its default, and where its keys come from."""
    for trusted in guard.issuers:
        issuer = trusted.issuer
        yield from _declared(issuer)
        yield from _changed(issuer)
        yield Line(Level.IN_FORCE, f"issuer {issuer.name}", _keys_of(issuer, guard.timeouts))


def _declared(issuer: Issuer) -> Iterator[Line]:
    if issuer.insecure_url:
        yield Line(Level.DECLARED, f"issuer {issuer.name}: insecure_url", "its keys may come over http:// on loopback")
    if issuer.rules.ignorable_headers:
        what = f"headers {', '.join(sorted(issuer.rules.ignorable_headers))} are ignored"
        yield Line(Level.DECLARED, f"issuer {issuer.name}: ignorable_headers", what)


def _changed(issuer: Issuer) -> Iterator[Line]:
    numbers = {name for name, _, _ in issuer.rules.table()}
    for name, (value, default) in issuer.rules.changed().items():
        if name in numbers:
            yield Line(Level.CHANGED, f"issuer {issuer.name}: {name}", f"{value:g}, by default {default:g}")


def _keys_of(issuer: Issuer, timeouts: Timeouts) -> str:
    return (
        f"accepted for {issuer.rules.audience}; keys from {issuer.jwks_url} every {timeouts.jwks_refresh:g} s,"
        f" kept for {timeouts.jwks_age:g} s while it is out of reach, then 503"
    )
