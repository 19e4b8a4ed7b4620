"""What a newcomer passes on the way to a conversation: quotas, the handshake, the reception, with the alarm beside."""

from dataclasses import dataclass

from ..alert_responses import Responder
from ..alert_webhook import ways_of
from ..alerts import Alarm
from ..assembly import Policies
from ..handshake import Handshake
from ..measuring import Measuring
from ..quotas import Quotas
from ..reception import Reception
from .arguments import Arguments
from .groups import Inside


@dataclass(frozen=True, slots=True)
class Door:
    """Whom the door answers, what it notices, and who turns a handshake into a conversation."""

    policies: Policies
    alarm: Alarm
    reception: Reception


def door_of(given: Arguments, inside: Inside) -> Door:
    """Make the door in front of what there is."""
    policies, _ = Policies.read(given.settings)
    crowd, audit = inside.crowd, inside.telemetry.audit
    quotas = Quotas(
        given.limits, given.timeouts, hub=crowd.hub, doorstep=crowd.doorstep, clock=given.clock, audit=audit
    )
    alarm = alarm_of(given, inside, quotas)
    handshake = handshake_of(given, inside, policies, quotas)
    measuring = Measuring(inside.telemetry.metrics, policies.origins)
    return Door(policies, alarm, reception_of(given, inside, handshake, measuring, alarm))


def alarm_of(given: Arguments, inside: Inside, quotas: Quotas) -> Alarm:
    """Make what looks for attacks, tells of them, and does about them what was asked for."""
    hub, audit = inside.crowd.hub, inside.telemetry.audit
    return Alarm(
        limits=given.limits,
        timeouts=given.timeouts,
        clock=given.clock,
        hub=hub,
        audit=audit,
        metrics=inside.telemetry.metrics,
        responder=Responder(given.alert_responses, hub=hub, quotas=quotas, audit=audit, clock=given.clock),
        ways=ways_of(
            given.alerts,
            given.alert_webhook,
            given.alert_secret,
            limits=given.limits,
            timeouts=given.timeouts,
            wall=given.clock.wall,
        ),
    )


def handshake_of(given: Arguments, inside: Inside, policies: Policies, quotas: Quotas) -> Handshake:
    """Make what decides who comes in."""
    return Handshake(
        policies=policies,
        insecure=given.settings.insecure,
        desk=inside.credentials.desk,
        quotas=quotas,
        readiness=inside.crowd.readiness,
        rights=inside.authority.rights,
        directory=inside.crowd.directory,
        limits=given.limits,
        timeouts=given.timeouts,
    )


def reception_of(
    given: Arguments, inside: Inside, handshake: Handshake, measuring: Measuring, alarm: Alarm
) -> Reception:
    """Make what turns handshakes into conversations, and plain requests into identities."""
    return Reception(
        registry=given.registry,
        authenticators=given.authenticators,
        newest_wins=given.newest_wins,
        limits=given.limits,
        timeouts=given.timeouts,
        clock=given.clock,
        audit=inside.telemetry.audit,
        hub=inside.crowd.hub,
        doorstep=inside.crowd.doorstep,
        channels=inside.speech.channels,
        handshake=handshake,
        desk=inside.credentials.desk,
        directory=inside.crowd.directory,
        enforcer=inside.authority.enforcer,
        rights=inside.authority.rights,
        refusals=inside.telemetry.refusals,
        measuring=measuring,
        alarm=alarm,
        tracing=inside.telemetry.tracing,
        trust_traceparent=given.trust_traceparent,
    )
