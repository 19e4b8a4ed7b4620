"""`wssec apikeys`: credentials of programs, made, listed and ended.

Rules of this file:
1. A key is printed once, by `create`, alone on standard output; the store has only its hash, and `list` shows neither.
2. A key comes in by standard input, its id as an argument.
3. Ending a key asks first: it does not come back.
"""

from functools import partial
from typing import Any

import click

from ..api_keys import ListedKey, keep_key, listed_keys
from ..policy.api_keys import ApiKeyRecord, new_api_key
from ..policy.revocations import Kind, Revocation
from ..settings import Timeouts
from ..stores.base import Store
from .asking import confirm, yes_option
from .commands import Group, Refused, WrongUsage, told_as
from .context import in_store, now, read_settings, store_option
from .output import json_option, note, print_facts, print_json, show_time, warn
from .revocation_log import read_index
from .revoke import Manner, read_name, revoke_named
from .secrets_in import STANDARD_INPUT
from .tables import print_table
from .values import api_key_id, duration, name

DAMAGED = "what the store holds for the key %s is none of ours, and lets nobody in; `wssec apikeys revoke` it"


@click.group(cls=Group, example="wssec apikeys create --subject importer --permission 'orders:write' > importer.key")
def apikeys() -> None:
    """API keys: long-lived credentials of programs, which show them in X-Api-Key."""


@apikeys.command("create", example="wssec apikeys create --subject importer --permission 'orders:write' --ttl 30d")
@click.option("--subject", type=name, metavar="U", required=True, help="Whom it stands for.")
@click.option("--permission", "permissions", multiple=True, metavar="P", help="A permission or a pattern; repeats.")
@click.option("--role", "roles", multiple=True, metavar="R", help="A role, expanded by the server's table; repeats.")
@click.option("--tenant", type=name, metavar="T", help="The tenant.")
@click.option("--ttl", type=duration, metavar="SPAN", help="How long it lives, such as 30d; 90 days otherwise.")
@click.option("--no-expiry", is_flag=True, help="It lives until it is revoked.")
@click.option("--note", "about", default="", help="What it is for; `wssec apikeys list` shows it.")
@click.option("--issuer", help="Who vouches for the subject; WSSEC_ISSUER otherwise.")
@click.option("--audience", help="The service that it is for; WSSEC_AUDIENCE otherwise.")
@store_option
def create(
    ttl: float | None,
    no_expiry: bool,
    about: str,
    issuer: str | None,
    audience: str | None,
    store: str | None,
    **whom: Any,
) -> None:
    """Print a new key, alone on standard output.

    It is shown this once; the store has only its hash.
    """
    if no_expiry and ttl is not None:
        raise WrongUsage("--ttl and --no-expiry contradict each other; give one of them")
    settings = read_settings("store", "issuer", "audience", store=store, issuer=issuer, audience=audience)
    life = None if no_expiry else Timeouts().api_key if ttl is None else ttl
    with told_as(WrongUsage):
        key, record = new_api_key(
            issuer=settings.issuer, audience=settings.audience, **whom, note=about, ttl=life, now=now()
        )
    in_store(settings, lambda opened: _keep(opened, record))
    note(f"the key {key.id} expires {show_time(record.expires_at) or 'never'}; keep it, for it is not shown again")
    click.echo(key.text)


@apikeys.command("list", example="wssec apikeys list")
@store_option
@json_option
def list_keys(store: str | None, as_json: bool) -> None:
    """Show the keys that have not expired; never the secret.

    JSON: [{id, subject, permissions, roles, tenant, issuer, audience, note, created_at, expires_at}]; times are Unix
    seconds or null.
    """
    found = in_store(read_settings("store", store=store), _listed)
    for id in (key.id for key in found if key.record is None):
        warn(DAMAGED % id)
    records = [key.record for key in found if key.record is not None]
    if as_json:
        print_json([_described(record) for record in records])
    else:
        titles = ("id", "subject", "tenant", "permissions", "roles", "created", "expires", "note")
        print_table(titles, map(_row, records))


@apikeys.command("revoke", example="wssec apikeys revoke ak0123456789abcdef --yes")
@click.argument("id", metavar="ID|-", type=api_key_id)
@click.option("--reason", default="", help="Why, for the audit; clients are never told.")
@yes_option
@store_option
@json_option
def revoke_key(id: str, reason: str, yes: bool, store: str | None, as_json: bool) -> None:
    """End a key for good: nobody comes in by it, and its connections close within a second.

    With -, the id or the key itself is read from standard input. A key that is not there is none to complain of.

    JSON: {id, revocation, dropped, acknowledged}.
    """
    if id == STANDARD_INPUT:
        id = api_key_id(read_name())
    confirm(f"End the API key {id} for good?", yes)
    manner = Manner(issuer=None, reason=reason, margin=0.0, max_lifetime=None, yes=yes, store=store, as_json=as_json)
    revoke_named(Kind.TOKEN, id, manner, report=partial(_report, as_json))


def _report(as_json: bool, body: Revocation, dropped: list[str] | None, acknowledged: bool) -> None:
    was_there = None if dropped is None else body.value in dropped
    if as_json:
        facts = {"id": body.value, "revocation": body.id, "dropped": was_there, "acknowledged": acknowledged}
        print_json(facts)
        return
    shown = "not known" if was_there is None else "yes" if was_there else "it was not there"
    told = "yes" if acknowledged else "no"
    print_facts({"id": body.value, "revocation": body.id, "dropped": shown, "acknowledged": told})


async def _keep(store: Store, record: ApiKeyRecord) -> None:
    index = await read_index(store)
    revoked = index.revoked(record.named(record.created_at), record.created_at)
    if revoked is not None:
        remedy = f"wait a second if that was just now, or `wssec revocations undo {revoked.id}`"
        raise Refused(f"{revoked.kind} {revoked.value} is revoked, so the key would be refused; {remedy}")
    with told_as(Refused):
        await keep_key(store, record)


async def _listed(store: Store) -> list[ListedKey]:
    return [key async for key in listed_keys(store, now())]


def _described(record: ApiKeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "subject": record.subject,
        "permissions": list(record.permissions),
        "roles": list(record.roles),
        "tenant": record.tenant,
        "issuer": record.issuer,
        "audience": record.audience,
        "note": record.note,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
    }


def _row(record: ApiKeyRecord) -> tuple[str | None, ...]:
    rights = (" ".join(record.permissions) or None, " ".join(record.roles) or None)
    times = (show_time(record.created_at), show_time(record.expires_at) or "never")
    return (record.id, record.subject, record.tenant, *rights, *times, record.note or None)
