"""All parts of a guard, joined; and what starts, stops and counts them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..assembly import store_of
from ..lifecycle import Lifecycle
from ..measuring import feed
from ..modes import Mode, modes_in_force
from ..stores.brokers import brings_publications
from .arguments import Arguments
from .door import Door, door_of
from .groups import Inside, inside_of


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a guard holds."""

    inside: Inside
    door: Door
    modes: Sequence[Mode]
    lifecycle: Lifecycle


def compose(given: Arguments) -> Parts:
    """Make all parts. Nothing is opened, read or started.

    Raises:
        ConfigurationError: what is given cannot be.
        TypeError: a hook is no function.
    """
    inside = inside_of(given)
    door = door_of(given, inside)
    modes = modes_of(given, inside)
    lifecycle = lifecycle_of(given, inside, door)
    timekeeping = inside.crowd.timekeeping
    lifecycle.watchers.append(lambda now: door.reception.warned.look(now, timekeeping.settled))
    keep_incidents(inside)
    feed_metrics(inside, lifecycle)
    return Parts(inside, door, modes, lifecycle)


def modes_of(given: Arguments, inside: Inside) -> tuple[Mode, ...]:
    """What is in force while something that others provide has failed."""
    return tuple(
        modes_in_force(
            given.limits,
            given.timeouts,
            has_issuers=bool(given.issuers),
            has_hooks=inside.authority.rights.has_hooks,
            has_nodes=brings_publications(given.store, given.settings.store),
            audit=inside.telemetry.evidence.mode,
        )
    )


def lifecycle_of(given: Arguments, inside: Inside, door: Door) -> Lifecycle:
    """Make what starts and stops the parts, and tells them the time."""
    return Lifecycle(
        make_store=lambda: given.store or store_of(given.settings, given.timeouts),
        readiness=inside.crowd.readiness,
        hub=inside.crowd.hub,
        doorstep=inside.crowd.doorstep,
        index=inside.authority.index,
        directory=inside.crowd.directory,
        channels=inside.speech.channels,
        keeper=inside.credentials.keeper,
        issuers=inside.credentials.issuers,
        enforcer=inside.authority.enforcer,
        rules=given.accepted_rules,
        clock=given.clock,
        timeouts=given.timeouts,
        history_bytes=given.limits.history_bytes,
        departures=given.limits.departures_per_second,
        timekeeping=inside.crowd.timekeeping,
        pressure=inside.crowd.pressure,
        audit=inside.telemetry.audit,
        incidents=inside.telemetry.incidents,
        sampler=inside.telemetry.sampler,
        alarm=door.alarm,
    )


def keep_incidents(inside: Inside) -> None:
    """Have the audit and the metrics told of what fails, while it does."""
    crowd, keeper = inside.crowd, inside.credentials.keeper
    inside.telemetry.incidents.adopt(keeper.incident, crowd.timekeeping.incident, *crowd.pressure.incidents)


def feed_metrics(inside: Inside, lifecycle: Lifecycle) -> None:
    """Have the metrics ask the parts for what they count."""
    telemetry, crowd, desk = inside.telemetry, inside.crowd, inside.credentials.desk
    feed(
        telemetry.metrics,
        hub=crowd.hub,
        doorstep=crowd.doorstep,
        readiness=crowd.readiness,
        refusals=telemetry.refusals,
        channels=inside.speech.channels,
        index=inside.authority.index,
        keeper=inside.credentials.keeper,
        nodes=lambda: crowd.directory.membership.nodes,
        loop_lag=lambda: lifecycle.loop_lag,
        audit_dropped=lambda: telemetry.evidence.dropped,
        faults=lambda: telemetry.incidents.lasting,
        tickets=lambda: desk.tickets,
        tokens_ahead=desk.tokens_ahead,
    )
