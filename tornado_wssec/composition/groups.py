"""What all connections of a guard share, in five groups; each is made of the arguments and of the groups before it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..assembly import connections_in_all, key_file_of
from ..channels import Channels
from ..desk import CredentialDesk
from ..directory import Directory
from ..doorstep import Doorstep
from ..enforcement import Enforcer
from ..evidence import Evidence
from ..hub import Hub
from ..issuers import TrustedIssuers
from ..keeper import KeyKeeper
from ..logins import Logins
from ..moderation import Moderator
from ..policy.revocations import RevocationIndex
from ..presence import PresenceTeller
from ..pressure import Pressure
from ..publishing import Publishing
from ..readiness import Readiness
from ..rights import Rights
from ..telemetry.audit import Audit
from ..telemetry.incidents import Incidents
from ..telemetry.measures import METRICS
from ..telemetry.metrics import Metrics
from ..telemetry.pseudonyms import Pseudonyms
from ..telemetry.sampling import Refusals, Sampler
from ..timekeeping import Timekeeping
from .arguments import Arguments
from .observed import instruments_of, tracing_of

if TYPE_CHECKING:
    from ..telemetry.otel import Tracing
    from ..telemetry.otel_meters import Instruments


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Who is told of what happens."""

    audit: Audit
    evidence: Evidence
    incidents: Incidents
    sampler: Sampler
    refusals: Refusals
    metrics: Metrics
    tracing: "Tracing | None"
    instruments: "Instruments | None"


def telemetry_of(given: Arguments) -> Telemetry:
    """Make what everything else reports to."""
    audit, wall = Audit(), given.clock.wall
    if given.settings.audit_pseudonyms is not None:
        audit.pseudonyms = Pseudonyms(given.settings.audit_pseudonyms, given.rules.issuer)
    evidence = Evidence(
        audit, given.settings.audit, is_required=given.audit_is_required, limits=given.limits, wall=wall
    )
    sampler = Sampler(given.limits.refusals_logged, given.timeouts.refusal_window, given.clock.monotonic)
    incidents, refusals, metrics = Incidents(audit, wall), Refusals(sampler), Metrics(METRICS)
    watched = tracing_of(given), instruments_of(given, metrics)
    return Telemetry(audit, evidence, incidents, sampler, refusals, metrics, *watched)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who is connected, here and on other nodes, and whether more may come."""

    hub: Hub
    doorstep: Doorstep
    directory: Directory
    readiness: Readiness
    timekeeping: Timekeeping
    pressure: Pressure


def crowd_of(given: Arguments, telemetry: Telemetry) -> Crowd:
    """Make what holds connections, and have readiness ask all that may keep newcomers out."""
    monotonic = given.clock.monotonic
    hub = Hub(given.limits, given.timeouts, monotonic)
    doorstep = Doorstep(given.timeouts, monotonic)
    directory = Directory(hub, given.timeouts, given.clock)
    timekeeping = Timekeeping(given.clock, given.timeouts)
    pressure = Pressure(given.limits.memory_bytes, doorstep, monotonic)
    readiness = Readiness(hub, doorstep, given.timeouts, connections_in_all(given.limits.connections), monotonic)
    readiness.clock_fault = timekeeping.fault
    readiness.faults += [pressure.fault, telemetry.evidence.fault]
    readiness.is_noticed = lambda: directory.membership.is_clear
    return Crowd(hub, doorstep, directory, readiness, timekeeping, pressure)


@dataclass(frozen=True, slots=True)
class Speech:
    """Who listens to what, who may speak there, and who is told of who comes and goes."""

    channels: Channels
    moderation: Moderator
    publishing: Publishing
    teller: PresenceTeller | None


def speech_of(given: Arguments, telemetry: Telemetry, crowd: Crowd) -> Speech:
    """Make the channels; their store is the one that is open."""
    channels = Channels(given.registry, given.clock.monotonic)
    teller = None if given.presence is None else PresenceTeller(given.presence, given.timeouts.handler)
    if teller is not None:
        channels.tell_moved = teller.tell
    moderation = Moderator(channels, given.limits, given.clock, telemetry.audit)
    moderation.store = lambda: crowd.readiness.mirror().store
    publishing = Publishing(given.registry, channels, moderation, given.limits, given.clock.monotonic)
    return Speech(channels, moderation, publishing, teller)


@dataclass(frozen=True, slots=True)
class Authority:
    """What those who are connected may do, and who ends what they may no longer."""

    rights: Rights
    index: RevocationIndex
    enforcer: Enforcer


def authority_of(given: Arguments, telemetry: Telemetry, crowd: Crowd, speech: Speech) -> Authority:
    """Make the rights and their enforcement."""
    rights = Rights(
        permissions=given.permissions,
        revalidate=given.revalidate,
        signing_keys=given.signing_keys,
        roles=given.roles,
        limits=given.limits,
        timeouts=given.timeouts,
        clock=given.clock,
        hub=crowd.hub,
        channels=speech.channels,
        audit=telemetry.audit,
    )
    index = RevocationIndex()
    enforcer = Enforcer(crowd.hub, index, given.clock, telemetry.audit)
    enforcer.reload = rights.reload
    enforcer.moderator = speech.moderation
    return Authority(rights, index, enforcer)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose keys count, and what they verify."""

    keeper: KeyKeeper
    issuers: TrustedIssuers
    desk: CredentialDesk


def credentials_of(given: Arguments, crowd: Crowd, authority: Authority) -> Credentials:
    """Make the keys, our own and those of other issuers, and have lost ones enforced."""
    keeper = KeyKeeper(given.keys or key_file_of(given.settings), authority.enforcer.distrust)
    issuers = TrustedIssuers(
        given.issuers,
        own=given.rules.issuer,
        roles=given.roles,
        limits=given.limits,
        timeouts=given.timeouts,
        clock=given.clock,
        withdrawn=authority.enforcer.enforce,
    )
    authority.enforcer.trusts = issuers.trusts
    return Credentials(keeper, issuers, desk_of(given, crowd, authority, keeper, issuers))


def desk_of(
    given: Arguments, crowd: Crowd, authority: Authority, keeper: KeyKeeper, issuers: TrustedIssuers
) -> CredentialDesk:
    """Make what issues and verifies; it sees the store through the mirror, once there is one."""
    mirror = crowd.readiness.mirror
    logins = Logins(secret=given.settings.cookie_secret, rules=given.rules, mirror=mirror, clock=given.clock)
    return CredentialDesk(
        rules=given.rules,
        issuers=issuers,
        roles=given.roles,
        limits=given.limits,
        timeouts=given.timeouts,
        keeper=keeper,
        index=authority.index,
        mirror=mirror,
        clock=given.clock,
        logins=logins,
    )


@dataclass(frozen=True, slots=True)
class Inside:
    """All that lies behind the door."""

    telemetry: Telemetry
    crowd: Crowd
    speech: Speech
    authority: Authority
    credentials: Credentials


def inside_of(given: Arguments) -> Inside:
    """Make all groups, in their order."""
    telemetry = telemetry_of(given)
    crowd = crowd_of(given, telemetry)
    speech = speech_of(given, telemetry, crowd)
    authority = authority_of(given, telemetry, crowd, speech)
    return Inside(telemetry, crowd, speech, authority, credentials_of(given, crowd, authority))
