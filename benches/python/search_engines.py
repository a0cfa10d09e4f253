"""The search engines that are compared through Python, and what each can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol

from benches.python.search_inputs import Listing, Query


class SearchEngine(Protocol):
    """One engine, asked through its public Python interface, from one thread."""

    version: str
    serves: bool
    """Whether it works in processes of its own: then time is by the clock, memory its own word."""

    def build(self, listings: Iterable[Listing], folder: Path) -> None:
        """Index all listings; files go into `folder`."""
        ...

    def search(self, query: Query) -> list[int]:
        """The ids of the first ten hits."""
        ...

    def add(self, listing: Listing) -> None:
        """Add one more; the next search can find it."""
        ...

    def remove(self, listing: int) -> None:
        """Take one away; the next search does not find it."""
        ...

    def resident_bytes(self) -> int:
        """What its own processes hold in memory."""
        ...

    def close(self) -> None:
        """Stop what was started."""
        ...


_ADAPTERS = {
    "officina": ("benches.python.officina_search", "OfficinaSearch"),
    "tantivy": ("benches.peers.tantivy_search", "TantivySearch"),
    "SQLite": ("benches.peers.sqlite_search", "SqliteSearch"),
    "PostgreSQL": ("benches.peers.postgres_search", "PostgresSearch"),
    "RapidFuzz": ("benches.peers.rapidfuzz_search", "RapidfuzzSearch"),
}
ENGINES = tuple(_ADAPTERS)
"""Their names."""


def engine_named(name: str) -> SearchEngine:
    """The adapter of one engine; its library is imported only now."""
    module, cls = _ADAPTERS[name]
    engine: SearchEngine = getattr(import_module(module), cls)()
    return engine
