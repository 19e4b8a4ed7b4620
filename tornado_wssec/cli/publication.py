"""Telling every server about the keys: public halves and states, through the store."""

import json
from typing import Any, Final

from ..errors import FrameError, StoreCorrupt, StoreError
from ..policy.codec import decode_json
from ..policy.keys import KeyRing
from ..settings import Limits, MiB, Settings
from ..stores.base import Store
from ..stores.keyfile import KeyFile
from .commands import Refused
from .context import in_store
from .output import note

DOCUMENT: Final = Limits(message_bytes=MiB, json_nodes=MiB)
"""More than a store keeps."""


def publish(settings: Settings, file: KeyFile) -> bool:
    """Publish what the key file holds; False, with a note, where no store is set.

    Raises:
        Refused: the store does not take it. The key file is changed all the same.
    """
    if settings.store is None:
        note(
            "WSSEC_STORE is not set, so the keys were not published; servers with this key file read it when it changes"
        )
        return False

    async def tell(store: Store) -> None:
        published, current = None, file.load()
        while published != current:  # another command may have changed the file, and published before us
            published = current
            await publish_ring(store, published)
            current = file.load()

    try:
        in_store(settings, tell)
    except (StoreError, ValueError) as error:
        again = "run `wssec store migrate`, which publishes the keys, once that is mended"
        raise Refused(f"the key file is changed, but the store was not told: {error}; {again}") from None
    return True


async def publish_ring(store: Store, ring: KeyRing) -> None:
    """Write the public document of the ring to the store."""
    await store.publish_keys(json.dumps(ring.public_document()))


async def read_published(store: Store) -> dict[str, Any] | None:
    """The key document in the store, which may be anybody's; None where there is none.

    Raises:
        StoreCorrupt: it is no JSON object.
    """
    text = await store.published_keys()
    if text is None:
        return None
    try:
        document = decode_json(text, DOCUMENT)
    except FrameError:
        document = None
    if not isinstance(document, dict):
        raise StoreCorrupt(
            f"what {store.url} holds as published keys is no document of ours; run `wssec store migrate`"
        )
    return document
