"""`wssec sessions`: who is connected on all servers, and what they are asked to do about it.

Rules of this file:
1. What is listed lags behind by a second; what is asked of the servers reaches whoever is connected when they read it.
2. A kick ends connections and no credential: whoever is to stay out is revoked.
3. Ending more than one session asks first. It is done when the store says that a crash cannot take it back.
"""

from typing import Any

import click

from ..errors import NotAcknowledged
from ..policy.notices import make_notice
from ..policy.revocation_entries import Notice, NoticeKind
from ..policy.session_directory import Entry
from ..settings import Settings
from .asking import confirm, yes_option
from .commands import FAILED, Group, Refused, WrongUsage, told_as
from .context import in_store, now, read_settings, store_option
from .live_entries import TITLES, describe, is_of, issuer_option, matching, row, subject_option, tenant_option
from .output import error, json_option, print_facts, print_json
from .revoke import NOT_ACKNOWLEDGED
from .tables import print_table
from .values import name

session_argument = click.argument("session", type=name, required=False)


@click.group(cls=Group, example="wssec sessions list --subject u42")
def sessions() -> None:
    """Live sessions on all servers of a store: look, end, ask for their rights again."""


@sessions.command("list", example="wssec sessions list --tenant acme --json")
@click.option("--session", type=name, metavar="SID", help="Only of this session.")
@subject_option
@tenant_option
@issuer_option
@click.option("--node", metavar="NODE", help="Only at this server, as `wssec top` names it.")
@store_option
@json_option
def list_sessions(store: str | None, as_json: bool, **wanted: str | None) -> None:
    """Show the live connections, the oldest first. Several may belong to one session.

    JSON: [{session, connection, subject, issuer, tenant, endpoint, address, since, expires_at, node, pid}]; times are
    Unix seconds or null. The subject of a connection that belongs to nobody in particular is null.
    """
    settings = read_settings("store", store=store)
    _print(in_store(settings, lambda opened: matching(opened, lambda entry: is_of(entry, **wanted))), as_json)


@sessions.command("show", takes_dashes=True, example="wssec sessions show 8c1f0a")
@click.argument("session", type=name)
@store_option
@json_option
def show(session: str, store: str | None, as_json: bool) -> None:
    """Show the live connections of one session; exit 1 where there is none.

    JSON: as in `sessions list`.
    """
    settings = read_settings("store", store=store)
    found = in_store(settings, lambda opened: matching(opened, lambda entry: entry.session == session))
    if not found:
        raise Refused(f"no connection of session {session} is live; `wssec sessions list` shows those that are")
    _print(found, as_json)


@sessions.command("kick", takes_dashes=True, example="wssec sessions kick 8c1f0a --reason 'please reload'")
@session_argument
@subject_option
@tenant_option
@issuer_option
@click.option("--reason", default="", help="What the clients are told; 'access revoked' otherwise.")
@yes_option
@store_option
@json_option
def kick(
    session: str | None, yes: bool, store: str | None, as_json: bool, reason: str, issuer: str | None, **wanted: Any
) -> None:
    """Close the connections of a session, a subject or a tenant on every server, with 4403, within a second.

    Their credentials stay valid: `wssec revoke` ends those. JSON: {id, kind, connections, acknowledged}; connections is
    how many were known when it was asked.
    """
    meant = {"session": session, **wanted}
    if not any(meant.values()):
        raise WrongUsage("nobody is named; give a session, --subject or --tenant")
    settings = read_settings("store", store=store)
    found = _known(settings, {**meant, "issuer": issuer})
    if session is None:
        confirm(f"Close {len(found)} connections of {_named(meant)}?", yes)
    with told_as(WrongUsage):
        notice = make_notice(NoticeKind.KICK, now(), issuer=issuer, reason=reason, **meant)
    _ask(settings, notice, len(found), as_json)


@sessions.command("refresh", takes_dashes=True, example="wssec sessions refresh --subject u42")
@session_argument
@subject_option
@tenant_option
@issuer_option
@click.option("--role", type=name, metavar="R", help="Only who has this role.")
@click.option("--resource", type=name, metavar="R", help="Only who has a grant or a channel of this, such as board:b7.")
@click.option("--all", "everybody", is_flag=True, help="Everybody.")
@store_option
@json_option
def refresh(session: str | None, everybody: bool, store: str | None, as_json: bool, **wanted: Any) -> None:
    """Have servers ask for the permissions of live connections again, within a second.

    They ask the `permissions=` and `revalidate=` of their guard; those that have neither do nothing. Rights shrink at
    once. JSON: {id, kind, connections, acknowledged}; connections is how many were known when it was asked, null where
    the directory cannot tell.
    """
    meant: dict[str, Any] = {"session": session, **wanted}
    if everybody == any(meant.values()):
        raise WrongUsage("give a session, --subject, --tenant, --issuer, --role or --resource, or else --all")
    settings = read_settings("store", store=store)
    known = {key: value for key, value in meant.items() if key not in ("role", "resource")}
    is_known = not (wanted["role"] or wanted["resource"])
    found = len(_known(settings, known)) if is_known else None
    with told_as(WrongUsage):
        notice = make_notice(NoticeKind.PERMISSIONS, now(), **meant)
    _ask(settings, notice, found, as_json)


def _known(settings: Settings, wanted: dict[str, str | None]) -> list[Entry]:
    return in_store(settings, lambda opened: matching(opened, lambda entry: is_of(entry, **wanted)))


def _named(meant: dict[str, str | None]) -> str:
    return ", ".join(f"{what} {value}" for what, value in meant.items() if value is not None)


def _ask(settings: Settings, notice: Notice, connections: int | None, as_json: bool) -> None:
    """Put it into the log, and report; exit 1 where it may be lost."""
    is_safe = True
    try:
        in_store(settings, lambda store: store.append(notice))
    except NotAcknowledged:
        is_safe = False
    facts = {"id": notice.id, "kind": str(notice.kind), "connections": connections, "acknowledged": is_safe}
    if as_json:
        print_json(facts)
    else:
        print_facts({**facts, "acknowledged": "yes" if is_safe else "no"})
    if not is_safe:
        error(NOT_ACKNOWLEDGED)
        raise click.exceptions.Exit(FAILED)


def _print(found: list[Entry], as_json: bool) -> None:
    if as_json:
        print_json([describe(entry) for entry in found])
    else:
        print_table(TITLES, map(row, found))
