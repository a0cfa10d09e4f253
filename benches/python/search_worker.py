"""One search engine in a process of its own: `search_worker ENGINE LISTINGS QUERIES FOLDER`.

It indexes the listings and prints what that took, then answers each line it is told with one line
of JSON (`search_rounds` is at the other end):

- `round SECONDS` asks every query, but each class only so long;
- `changes COUNT` adds so many listings one by one, and takes them away again.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from benches.python.process import resident_bytes
from benches.python.search_engines import SearchEngine, engine_named
from benches.python.search_inputs import (
    Filters,
    Listing,
    Query,
    read_listings,
    read_queries,
)


def built(engine: SearchEngine, listings: Path, folder: Path) -> dict[str, Any]:
    """Index everything; what it took, and the files that it left."""
    start = time.perf_counter()
    engine.build(read_listings(listings), folder)
    seconds = time.perf_counter() - start
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        "version": engine.version,
        "build_s": round(seconds, 3),
        "disk_mb": round(sum(path.stat().st_size for path in files) / 1e6, 1),
    }


def asked(
    engine: SearchEngine, queries: list[Query], limit_s: float, before: int
) -> dict[str, Any]:
    """Ask each class of queries for `limit_s` at most.

    Returns:
        What each took, what was found, and what is held in memory when all were asked, less what
        was held `before` there was an index.
    """
    clock = time.perf_counter_ns if engine.serves else time.process_time_ns
    microseconds: dict[int, float] = {}
    found: dict[int, list[int]] = {}
    spent: dict[str, int] = {}
    gc.collect()
    gc.disable()
    for query in queries:
        if spent.get(query.kind, 0) < limit_s * 1e9:
            start = clock()
            hits = engine.search(query)
            took = clock() - start
            spent[query.kind] = spent.get(query.kind, 0) + took
            microseconds[query.id] = took / 1e3
            found[query.id] = hits
    gc.enable()
    held = engine.resident_bytes() if engine.serves else _resident_bytes() - before
    return {
        "resident_mb": round(held / 1e6, 1),
        "microseconds": microseconds,
        "found": found,
    }


def changed(engine: SearchEngine, listings: list[Listing]) -> dict[str, Any]:
    """Milliseconds that each listing takes to be added, and to be taken away, by the clock."""
    added, removed = [], []
    for listing in listings:
        start = time.perf_counter()
        engine.add(listing)
        added.append((time.perf_counter() - start) * 1e3)
        assert listing.id in engine.search(_for_title(listing))
    for listing in listings:
        start = time.perf_counter()
        engine.remove(listing.id)
        removed.append((time.perf_counter() - start) * 1e3)
        assert listing.id not in engine.search(_for_title(listing))
    return {"add_ms": added, "remove_ms": removed}


def new_listings(path: Path, count: int) -> Iterator[Listing]:
    """Listings with titles and ids that are not in the file; the rest is like the first there."""
    highest = max(listing.id for listing in read_listings(path))
    for number, listing in enumerate(islice(read_listings(path), count), start=1):
        title = f"addition{number} {listing.title}"
        yield replace(listing, id=highest + number, title=title)


def _for_title(listing: Listing) -> Query:
    return Query(0, "a", listing.title, False, Filters(), "relevance", frozenset())


def _resident_bytes() -> int:
    """Without what the allocator only keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident_bytes()


def main() -> None:
    """Build, then do as told until there is nothing more."""
    name, listings, queries, folder = sys.argv[1], *map(Path, sys.argv[2:])
    questions = list(read_queries(queries))
    engine = engine_named(name)
    before = _resident_bytes()
    _say(built(engine, listings, folder))
    try:
        for line in sys.stdin:
            match line.split():
                case ["round", seconds]:
                    _say(asked(engine, questions, float(seconds), before))
                case ["changes", count]:
                    _say(changed(engine, list(new_listings(listings, int(count)))))
    finally:
        engine.close()


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
