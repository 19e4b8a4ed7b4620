"""What a command works on: the settings it uses, the store, the key file, the clock.

Rules of this file:
1. A command reads only the settings that it uses; a fault in another's does not stop it.
2. A store that no other process sees is refused: nothing done to it would reach the server.
3. A store is closed again, whatever happened.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import click

from ..errors import StoreMissing
from ..settings import Settings, Timeouts
from ..settings.environment import HOW_TO_SET
from ..stores.base import Generation, Store
from ..stores.keyfile import KeyFile
from ..stores.url import open_store
from .commands import Refused
from .values import store_url

T = TypeVar("T")

PATIENCE: Final = Timeouts(store_call=5.0)
"""A person can wait for a busy store; 250 ms is for servers."""

store_option = click.option("--store", type=store_url, metavar="URL", help="Store to work on; WSSEC_STORE otherwise.")
keys_option = click.option("--keys", metavar="FILE", help="Key file to work on; WSSEC_KEYS otherwise.")


def now() -> float:
    """Wall seconds."""
    return time.time()


def read_settings(*required: str, optional: tuple[str, ...] = (), **arguments: Any) -> Settings:
    """The settings named, from arguments that are not None and the environment.

    Raises:
        ConfigurationError: one cannot be used, or a required one is missing.
    """
    settings = Settings.from_env(_used({*required, *optional}, os.environ), **arguments)
    settings.require(*required)
    return settings


def _used(names: set[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of these settings, and those that are nobody's: they may be misspelt."""
    ours = {variable for variable, _, _ in Settings.variables()}
    used = {f"WSSEC_{name.upper()}" for name in names}
    return {
        name: text
        for name, text in environ.items()
        if (plain := name.removesuffix("_FILE")) in used or plain not in ours
    }


def key_file(settings: Settings) -> KeyFile:
    """The key file of these settings, which need not exist.

    Raises:
        KeyFileError: its passphrase is empty.
    """
    path = settings.keys or ""  # whoever comes here has required it
    return KeyFile(path, settings.keys_passphrase)


def in_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store, do the work in it and close it.

    Raises:
        Refused: it is a store that lives in one process.
        StoreError: it is missing, damaged or does not answer.
    """
    return asyncio.run(_opened(_store(settings), work))


def _store(settings: Settings) -> Store:
    if settings.store is None:
        raise Refused(f"WSSEC_STORE is not set; {HOW_TO_SET}")
    url = settings.store.reveal()
    if url.startswith("memory:"):
        raise Refused("memory:// lives in one process and no server would see it; use sqlite:///path or redis://host")
    return open_store(url, timeouts=PATIENCE)


async def held_generation(store: Store) -> Generation:
    """The generation of an open store.

    Raises:
        StoreMissing: it holds none.
    """
    generation = await store.generation()
    if generation is None:
        raise StoreMissing(f"{store.url} holds no generation; run `wssec store migrate`")
    return generation


def make_store(settings: Settings, at: float) -> bool:
    """Make the store and its generation where they are absent; True when something was made.

    Raises:
        Refused: it is a store that lives in one process.
        StoreError: it cannot be made.
    """

    async def make() -> bool:
        return await _store(settings).migrate(at)

    return asyncio.run(make())


async def _opened(store: Store, work: Callable[[Store], Awaitable[T]]) -> T:
    try:
        await store.open()
        return await work(store)
    finally:
        await store.close()
