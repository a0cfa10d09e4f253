"""This project's own index, used as its documentation shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import officina
from benches.python.search_inputs import Filters, Listing, Query
from officina.search import Index

_SORT = {"relevance": "relevance", "price": "price", "rating": "-rating", "newest": "-created"}


class OfficinaSearch:
    """An index that was saved, and is read from its file."""

    version = officina.__version__
    serves = False

    def build(self, listings: Iterable[Listing], folder: Path) -> None:
        index = empty_index()
        index.add_many(map(document, listings))
        self.file = folder / "listings.idx"
        index.save(self.file)
        self.index = Index.open(self.file)

    def search(self, query: Query) -> list[int]:
        ids: list[int] = self.index.search(query.text, **options(query)).ids.tolist()
        return ids

    def add(self, listing: Listing) -> None:
        self.index.add(document(listing))

    def remove(self, listing: int) -> None:
        self.index.remove(listing)

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        pass


def empty_index() -> Index:
    """With the fields of a listing."""
    return Index(
        text={"title": 3, "description": 1},
        facets=["category"],
        numbers=["price", "rating", "created", "popularity"],
        order="-popularity",
    )


def options(query: Query) -> dict[str, Any]:
    """The arguments of `Index.search` besides the text."""
    return {
        "prefix": query.prefix,
        "filters": _filters(query.filters),
        "sort": _SORT[query.sort],
        "limit": 10,
    }


def document(listing: Listing) -> dict[str, Any]:
    """A listing as `Index.add` takes it."""
    return {
        "id": listing.id,
        "title": listing.title,
        "description": listing.description,
        "category": listing.category,
        "price": listing.price,
        "rating": listing.rating,
        "created": listing.created,
        "popularity": listing.popularity,
    }


def _filters(asked: Filters) -> dict[str, Any] | None:
    filters: dict[str, Any] = {}
    if asked.category is not None:
        filters["category"] = asked.category
    if asked.price is not None:
        filters["price"] = asked.price
    if asked.rating is not None:
        filters["rating"] = (asked.rating, None)
    return filters or None
