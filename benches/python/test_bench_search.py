"""Every engine answers what it must: `pytest benches/python/test_bench_search.py`.

The bench itself prints how well each answers where that is a matter of degree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benches.python.search_engines import ENGINES, SearchEngine, engine_named
from benches.python.search_generator import Sizes, generate
from benches.python.search_inputs import Filters, Listing, Query, read_listings, read_queries
from benches.python.search_quality import Quality, overall, quality


@dataclass(frozen=True, slots=True)
class Asked:
    """An engine that has indexed the listings."""

    engine: SearchEngine
    listings: dict[int, Listing]
    queries: list[Query]

    def found(self, kind: str) -> Iterator[tuple[Query, list[int]]]:
        """The queries of a class, and what the engine finds."""
        for query in self.queries:
            if query.kind == kind:
                yield query, self.engine.search(query)


_ENGINES = [name for name in ENGINES if name != "RapidFuzz"]
"""Without the one that sees titles alone and scores what is near."""


@pytest.fixture(scope="module", params=_ENGINES)
def asked(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """Each engine in turn, with 5,000 listings."""
    with TemporaryDirectory() as inputs, TemporaryDirectory() as files:
        listings, queries = Path(inputs) / "listings.jsonl", Path(inputs) / "queries.jsonl"
        generate(
            listings, queries, Sizes(listings=5_000, words=2_000, queries_per_class=10), seed=2
        )
        by_id = {listing.id: listing for listing in read_listings(listings)}
        engine = engine_named(request.param)
        engine.build(by_id.values(), Path(files))
        yield Asked(engine, by_id, list(read_queries(queries)))
        engine.close()


def test_exact_titles_come_first(asked: Asked) -> None:
    """As many as have that title."""
    for query, found in asked.found("a"):
        assert set(found[: len(query.right)]) == query.right


def test_filters_hold(asked: Asked) -> None:
    """Nothing that passes is missing, nothing else is there."""
    for query, found in asked.found("h"):
        assert set(found) == query.right


@pytest.mark.parametrize("sort", ["price", "rating", "newest"])
def test_sorted_hits_are_in_order(asked: Asked, sort: str) -> None:
    """Whatever the filters."""
    keys = {
        "price": lambda listing: listing.price,
        "rating": lambda listing: -listing.rating,
        "newest": lambda listing: -listing.created,
    }
    for query, _ in asked.found("hs"):
        found = asked.engine.search(replace(query, sort=sort, filters=Filters()))
        values = [keys[sort](asked.listings[listing]) for listing in found]
        assert values == sorted(values)
        assert len(values) == 10


def test_nothing_is_found_where_there_is_nothing(asked: Asked) -> None:
    """However tolerant the engine is."""
    assert [found for _, found in asked.found("z") if found] == []


def test_changes_are_seen_at_once(asked: Asked) -> None:
    """By the next search."""
    listing = replace(asked.listings[0], id=10**6, title="quxxoquxx")
    query = Query(
        0, "a", listing.title, prefix=False, filters=Filters(), sort="relevance", right=frozenset()
    )
    asked.engine.add(listing)
    assert asked.engine.search(query) == [listing.id]
    asked.engine.remove(listing.id)
    assert asked.engine.search(query) == []


def test_quality_counts_the_first_ten() -> None:
    """Of ten right listings at most."""
    right = frozenset(range(20))
    query = Query(7, "e", "word", prefix=False, filters=Filters(), sort="relevance", right=right)
    nothing = replace(query, id=8, kind="z", right=frozenset())
    found = {7: [100, 101, 1, 2, *range(102, 120)], 8: []}
    scores = quality([query, nothing], found)
    assert scores == {"e": Quality(0.2, 1 / 3), "z": Quality(1.0, 1.0)}
    assert overall(scores) == Quality(0.2, 1 / 3)
