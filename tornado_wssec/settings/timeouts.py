"""How long anything may take."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from ..errors import Problem
from .documented import Documented, default


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts(Documented):
    """How long anything may take, in seconds."""

    handshake: float = default(10.0, "slowloris: the whole of it, from the first byte to 101")
    first_message: float = default(5.0, "someone unknown holds a connection")
    frame: float = default(10.0, "one byte a second inside a frame")
    message: float = default(10.0, "fragments that never finish")
    handler: float = default(10.0, "a handler that hangs holds its connection's inbox")
    close: float = default(2.0, "Tornado waits 5 s for a peer that never answers our close")
    drain: float = default(30.0, "what orchestrators allow between SIGTERM and SIGKILL")
    drain_notice: float = default(
        0.0,
        "before it, not ready but still open: for balancers that only ask now and then; ours try the next server",
        or_zero=True,
    )

    ping_interval: float = default(25.0, "Centrifugo; below nginx's 60 s proxy_read_timeout")
    pong: float = default(10.0, "without any inbound byte after a ping")
    idle: float = default(900.0, "15 minutes without data either way; pings do not count (ASVS 3.3)")
    age: float = default(43_200.0, "12 h, ±10 %, so that no connection outlives a working day")
    age_jitter: float = default(0.10, "a deploy's connections must not all end together")

    token_warning: float = default(60.0, "before expiry, so that a client refreshes in peace")
    token_grace: float = default(25.0, "after expiry, for a refresh on its way (Centrifugo)")
    revalidation: float = default(300.0, "5 minutes: how old a right may be that only a hook knows; asked from half on")
    hook: float = default(1.0, "for a hook such as `permissions=` to answer: a withdrawn right acts no longer")
    hook_retry: float = default(5.0, "until a hook that failed is asked again about the same connection")
    rights_for_live: float = default(
        60.0, "how long a connection stays about which the hooks say nothing; then 1013", or_zero=True
    )
    signature_window: float = default(
        30.0, "by which the time of a signed message may differ from ours: clocks are off by seconds"
    )
    ticket: float = default(30.0, "a page asks for one and connects at once")
    api_key: float = default(7_776_000.0, "90 days, where whoever makes a key says nothing: forgotten keys end")

    jwks_fetch: float = default(5.0, "for a key set, all of it; an identity provider takes 0.1")
    jwks_cooldown: float = default(30.0, "between two fetches, however many unknown keys are named meanwhile")
    jwks_refresh: float = default(300.0, "5 minutes: how long a key still counts that its issuer has withdrawn")
    jwks_age: float = default(86_400.0, "24 h: an issuer may be out of reach for a day; then 503 until it is back")

    outbound_age: float = default(30.0, "older news are no news")
    write_progress: float = default(10.0, "a reader that sends pongs but reads nothing")

    store_call: float = default(0.25, "redis-py's own default is 59 s against a frozen server")
    store_sync: float = default(5.0, "for an append to reach a busy disk; then it counts as not acknowledged")
    node_lease: float = default(15.0, "how long a server that was killed still counts: a restart, or a slow store")
    node_renewal: float = default(1.0, "one small call a second, whatever the number of connections")
    node_alone: float = default(3.0, "how long a server may believe to be alone; who joins waits for it at most")
    mirror_for_new: float = default(
        30.0, "how stale revocations may be for a new handshake; 0: each asks the store", or_zero=True
    )
    mirror_for_live: float = default(60.0, "how stale for a live connection; then 1013", or_zero=True)
    clock_step: float = default(30.0, "the wall clock back: it would bring expired tokens to life, so 503 for new ones")
    tick: float = default(0.25, "how often deadlines are looked at: expiry closes within 1 s")

    alert_look: float = default(5.0, "how often habits are looked at: 10,000 busy connections cost a look 20 ms")
    alert_delivery: float = default(10.0, "for the hook or the webhook to take an alert; then it is tried again")
    alert_retry: float = default(1.0, "before an alert is tried again; twice as long each time, for 8 times")

    ban: float = default(
        0.0, "no ban; above 0, whoever was closed with 4400 or 4429 gets 429 for so long", or_zero=True
    )
    refusal_window: float = default(10.0, "over which refusals are told one by one, then by number")
    hsts: float = default(31_536_000.0, "a year of https only, told over https; 0: not told (OWASP HSTS)", or_zero=True)

    @classmethod
    def strict(cls, **others: float) -> Self:
        """No grace at all: a handshake asks the store what is revoked, and nobody stays who cannot be judged by it."""
        return cls(mirror_for_new=0.0, mirror_for_live=0.0, **others)

    def _contradictions(self) -> Iterator[Problem]:
        if self.age_jitter >= 1:
            yield Problem(
                "Timeouts.age_jitter", f"{self.age_jitter!r} is a whole age or more", "use a fraction below 1"
            )
        if self.drain_notice >= self.drain:
            fault = f"{self.drain_notice:g} s leave nothing of the {self.drain:g} s for goodbyes"
            remedy = "lower it, or raise drain and what the service manager allows"
            yield Problem("Timeouts.drain_notice", fault, remedy)
        if not 2 * self.node_renewal <= self.node_alone <= self.node_lease / 2:
            spans = f"{self.node_renewal:g}, {self.node_alone:g} and {self.node_lease:g} s"
            remedy = "let each be twice the one before, or more: a renewal may come late once"
            yield Problem("Timeouts.node_renewal, node_alone, node_lease", f"are {spans}", remedy)
