"""What `wssec store doctor` looks at: each thing by itself, so that one fault does not hide another."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..errors import ConfigurationError, KeyFileError, StoreError
from ..policy.keys import KeyRing, KeyState
from ..settings import LEEWAY_MOST, Settings
from ..stores.base import Generation, Store
from ..stores.redis import RedisStore
from .context import held_generation, in_store, key_file
from .output import show_time
from .publication import read_published
from .redis_doctor import Point, examine_redis
from .revocation_log import Standing, read_standings

PRUNE_WORTH: Final = 10_000
"""Expired entries above which pruning is advised: every server reads the whole log when it starts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` also stands where it is well but could be better."""

    check: str
    ok: bool
    found: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the store holds."""

    url: str
    generation: Generation
    published: dict[str, Any] | None
    standings: list[Standing]
    server: list[Point]


def examine(settings: Settings, at: float) -> list[Finding]:
    """Look at the store and, where the settings name one, the key file.

    Args:
        at: wall seconds.

    Raises:
        Refused: the store is one that lives in one process.
    """
    findings: list[Finding] = []
    contents = _read_store(settings, findings)
    if contents is not None:
        findings += _of_store(contents, at)
    ring = _read_keys(settings, findings)
    if ring is not None:
        findings += _of_keys(ring)
    if ring is not None and contents is not None:
        findings.append(_agreement(ring, contents.published))
    return findings


def _read_store(settings: Settings, findings: list[Finding]) -> _Contents | None:
    async def read(store: Store) -> _Contents:
        generation = await held_generation(store)
        server = await examine_redis(store) if isinstance(store, RedisStore) else []
        return _Contents(store.url, generation, await read_published(store), await read_standings(store), server)

    try:
        return in_store(settings, read)
    except StoreError as error:
        findings.append(_failed("store", error))
        return None


def _read_keys(settings: Settings, findings: list[Finding]) -> KeyRing | None:
    if settings.keys is None:
        findings.append(Finding("key file", True, "not looked at", "set WSSEC_KEYS where the keys are"))
        return None
    try:
        return key_file(settings).load()
    except KeyFileError as error:
        findings.append(_failed("key file", error))
        return None


def _failed(check: str, error: StoreError | KeyFileError) -> Finding:
    found, _, remedy = " ".join(str(error).split()).partition("; ")
    return Finding(check, False, found, remedy or None)


def _of_store(contents: _Contents, at: float) -> Iterator[Finding]:
    made_at = contents.generation.made_at
    yield Finding("store", True, contents.url)
    yield from (Finding(*point) for point in contents.server)
    ahead = made_at - at
    remedy = "mend the clocks: tokens of this machine count as issued before it" if ahead > LEEWAY_MOST else None
    if not contents.generation.is_whole:
        mend = "servers that run write again what they know; then import an export, or run `wssec store migrate`"
        yield Finding("log", False, "has lost entries", mend)
    yield Finding("generation", remedy is None, f"{contents.generation.id} of {show_time(made_at)}", remedy)
    states = Counter(standing.state(at) for standing in contents.standings)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    stale = states["expired"] >= PRUNE_WORTH
    yield Finding("revocations", True, told, "run `wssec revocations prune`" if stale else None)


def _of_keys(ring: KeyRing) -> Iterator[Finding]:
    states = Counter(key.state for key in ring.keys)
    told = ", ".join(f"{states[state]} {state}" for state in KeyState if states[state])
    try:
        yield Finding("key file", True, f"{told}; current is {ring.current.kid}")
    except ValueError as error:
        found, _, remedy = str(error).partition("; ")
        yield Finding("key file", False, found, remedy)


def _agreement(ring: KeyRing, published: dict[str, Any] | None) -> Finding:
    """Whether servers that follow the store see the keys as the file has them."""
    publish = "run `wssec store migrate`, which publishes the keys"
    if published is None:
        return Finding("published keys", False, "none", publish)
    if published == ring.public_document():
        return Finding("published keys", True, "as in the key file")
    try:
        ring.merge_public(published)
    except ConfigurationError as error:
        return Finding("published keys", False, " ".join(str(error).split()), publish)
    return Finding("published keys", False, "other keys or states than in the key file", publish)
