"""What is asked of our search index alone: two threads, everything at once, and opening a file."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benches.python.officina_search import OfficinaSearch, document, empty_index, options
from benches.python.search_inputs import Files, Query, read_listings, read_queries
from officina.search import Index

_ROUNDS = 7


def measured_alone(files: Files) -> dict[str, Any]:
    """Figures by the clock; medians of several rounds.

    Returns:
        `build_s`: documents that are at hand added to an empty index. `open_ms`: a saved index
        opened and asked once. `threads`: how many times as fast two threads answer all queries
        without filters as one does. `everything`: queries per second, by the mean over the
        classes, and their median and 99th percentile, when facets, the total and the highlights
        of ten hits are asked for as well.
    """
    queries = list(read_queries(files.queries))
    documents = [document(listing) for listing in read_listings(files.listings)]
    with TemporaryDirectory() as folder:
        engine = OfficinaSearch()
        engine.build(read_listings(files.listings), Path(folder))
        return {
            "build_s": _build_s(documents),
            "open_ms": _open_ms(engine.file),
            "threads": _threads(engine.index, queries),
            "everything": _everything(engine.index, queries),
        }


def _build_s(documents: list[dict[str, Any]]) -> float:
    def built() -> float:
        index = empty_index()
        start = time.perf_counter()
        index.add_many(documents)
        return time.perf_counter() - start

    return round(statistics.median(built() for _ in range(3)), 3)


def _open_ms(file: Path) -> float:
    def opened() -> float:
        start = time.perf_counter()
        assert len(Index.open(file).search("sofa", limit=1).ids) <= 1
        return (time.perf_counter() - start) * 1e3

    return round(statistics.median(opened() for _ in range(_ROUNDS)), 3)


def _threads(index: Index, queries: list[Query]) -> float:
    texts = [query.text for query in queries if query.kind not in {"h", "hs"}]

    def took(threads: int) -> float:
        start = time.perf_counter()
        index.search_many(texts, threads=threads, limit=10)
        return time.perf_counter() - start

    ratios = [took(1) / took(2) for _ in range(_ROUNDS)]
    return round(statistics.median(ratios), 3)


def _everything(index: Index, queries: list[Query]) -> dict[str, float]:
    took: dict[str, list[float]] = {}
    for query in queries:
        asked = options(query)
        start = time.process_time_ns()
        results = index.search(query.text, **asked, facets=["category"])
        shown = [hit.highlights for hit in results.hits]
        took.setdefault(query.kind, []).append((time.process_time_ns() - start) / 1e3)
        assert results.total >= len(shown) == len(results.ids)
        assert sum(results.facets["category"].values()) >= results.total
    times = sorted(each for kind in took.values() for each in kind)
    return {
        "queries_per_s": round(1e6 / statistics.fmean(map(statistics.fmean, took.values())), 1),
        "p50_us": round(times[len(times) // 2], 2),
        "p99_us": round(times[len(times) * 99 // 100], 2),
    }
