"""API keys at work: made, looked up, listed and ended in the store.

Rules of this file:
1. What is not shaped like a key costs no call to the store.
2. A key that is revoked is dropped, since a revocation is forgotten once every *token* it could name has ended.
3. Dropped first, then revoked: what ends in between has let nobody in again, and is done by doing it once more.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from .errors import CredentialRefused, NotReady, StoreError
from .policy.api_keys import ApiKeyRecord, ApiKeyText, is_key_id
from .policy.credential_records import RecordKind
from .policy.revocations import Kind, Revocation
from .settings import TokenRules
from .stores.base import Store

PAGE: Final = 100
"""Records a call; the store answers each within its budget."""


class ListedKey(NamedTuple):
    """A key as it stands in the store."""

    id: str
    record: ApiKeyRecord | None
    """None: what stands there is none of ours, and lets nobody in."""


async def proven_key(store: Store, shown: str, rules: TokenRules, now: float) -> ApiKeyRecord:
    """The record of the key that somebody shows.

    Raises:
        CredentialRefused: it is no key, an unknown, dropped or expired one, or not its secret.
        NotReady: the store does not answer.
    """
    key = ApiKeyText.parse(shown)
    try:
        payload = await store.find_record(RecordKind.API_KEY, key.id, now)
    except StoreError as error:
        raise NotReady(f"no API key could be looked up: {error}") from error
    if payload is None:
        raise CredentialRefused(f"the API key {key.id} is unknown, revoked or expired")
    record = ApiKeyRecord.from_json(key.id, payload)
    record.ensure_proven(key, rules.issuer, rules.audience)
    return record


async def keep_key(store: Store, record: ApiKeyRecord) -> None:
    """Remember a new key; it is good once this returns.

    Raises:
        StoreError: it may not be there; it is of no use to whoever has not seen it.
        ValueError: its id is taken.
    """
    payload, end, now = record.to_json(), record.expires_at, record.created_at
    if not await store.put_record(RecordKind.API_KEY, record.id, payload, expires_at=end, now=now):
        raise ValueError(f"there is an API key {record.id} already; make another")


async def listed_keys(store: Store, now: float) -> AsyncIterator[ListedKey]:
    """Every key that has not expired, by id."""
    after = ""
    while page := await store.list_records(RecordKind.API_KEY, now, after=after, most=PAGE):
        for name, payload in page:
            yield ListedKey(name, _read(name, payload))
        after = page[-1].name


async def revoke_with_keys(store: Store, revocation: Revocation, now: float) -> list[str]:
    """Write a revocation, and drop the API keys that it names; return their ids.

    Raises:
        StoreError: not all of it may hold; done again, it does what is left.
    """
    fault: StoreError | None = None
    dropped: list[str] = []
    try:
        dropped = await drop_keys(store, [revocation], now)
    except StoreError as error:
        fault = error  # whatever is wrong with the records, what can be revoked now is
    await store.append(revocation)
    if fault is not None:
        raise fault
    # Once more, for keys that were made meanwhile: to them the cut-off applies, too.
    return [*dropped, *await drop_keys(store, [revocation], now)]


async def drop_keys(store: Store, revocations: Sequence[Revocation], now: float) -> list[str]:
    """Drop every API key that one of these names; return the ids of those that were there.

    Raises:
        StoreError: not all of them may be gone.
    """
    found = [
        id
        async for id, record in _named_keys(store, revocations, now)
        if record is None or _names(revocations, record, now)
    ]
    return [id for id in found if await store.drop_record(RecordKind.API_KEY, id)]


async def _named_keys(store: Store, revocations: Sequence[Revocation], now: float) -> AsyncIterator[ListedKey]:
    """The keys that these may name: by id, or else every one."""
    for id in (one.value for one in revocations if one.kind is Kind.TOKEN and is_key_id(one.value)):
        payload = await store.find_record(RecordKind.API_KEY, id, now)
        if payload is not None:
            yield ListedKey(id, _read(id, payload))
    if any(one.kind in (Kind.SUBJECT, Kind.TENANT) for one in revocations):
        async for listed in listed_keys(store, now):
            if listed.record is not None:  # what names nobody is not named by anybody
                yield listed


def _names(revocations: Sequence[Revocation], record: ApiKeyRecord, now: float) -> bool:
    return any(one.matches(record.named(now)) for one in revocations)


def _read(name: str, payload: str) -> ApiKeyRecord | None:
    try:
        return ApiKeyRecord.from_json(name, payload)
    except CredentialRefused:
        return None
