"""Where revocations, published keys and tickets are kept: SQLite files, or memory for tests."""

from .base import Generation, Store
from .url import open_store

__all__ = ["Generation", "Store", "open_store"]
