"""The store in memory keeps the contract, and says what it is."""

from pathlib import Path

from tornado_wssec.stores.base import Store
from tornado_wssec.stores.memory import MemoryStore

from .contract import StoreContract
from .kit import NOW, in_loop, revocation, whole_log


class TestMemoryStore(StoreContract):
    """The contract."""

    def new_store(self, place: Path) -> Store:
        return MemoryStore()

    def another(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.sibling()

    async def remains(self, store: Store, place: Path) -> list[str]:
        assert isinstance(store, MemoryStore)
        directory = store._kept.directory
        return [*(name for name in directory.leases if name == "n1"), *directory.entries, *directory.owners]


@in_loop
async def test_memory_makes_its_generation_when_opened() -> None:
    """There is no other process that could have: tokens from before its time are refused."""
    store = MemoryStore(wall=lambda: NOW + 0.5)
    await store.open()
    generation = await store.generation()

    assert generation is not None
    assert NOW == generation.made_at


@in_loop
async def test_memory_keeps_its_contents_while_closed() -> None:
    """As those of a file would be, they are there when it is opened again."""
    store = MemoryStore()
    await store.open()
    before = await store.generation()
    await store.append(revocation("a"))
    await store.close()
    await store.open()

    assert before == await store.generation()
    assert [revocation("a")] == await whole_log(store)


@in_loop
async def test_memory_has_the_plain_url() -> None:
    """Its address is the one that makes it."""

    assert "memory://" == MemoryStore().url
