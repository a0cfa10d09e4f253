"""RapidFuzz: every title is compared with what was typed, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

from rapidfuzz import fuzz, process

from benches.python.search_inputs import Filters, Listing, Query
from benches.python.search_words import words

_LIMIT = 10
_LEAST_SCORE = 75.0
_SORTS: dict[str, Callable[[Listing], float]] = {
    "price": lambda listing: listing.price,
    "rating": lambda listing: -listing.rating,
    "newest": lambda listing: -listing.created,
}


class RapidfuzzSearch:
    """`process.extract` with `fuzz.WRatio`, over a dict of folded titles."""

    version = version("rapidfuzz")
    serves = False

    def build(self, listings: Iterable[Listing], folder: Path) -> None:
        self._listings = {listing.id: listing for listing in listings}
        self._titles = {listing.id: _folded(listing.title) for listing in self._listings.values()}

    def add(self, listing: Listing) -> None:
        self._listings[listing.id] = listing
        self._titles[listing.id] = _folded(listing.title)

    def remove(self, listing: int) -> None:
        del self._listings[listing], self._titles[listing]

    def search(self, query: Query) -> list[int]:
        sort = _SORTS.get(query.sort)
        found = process.extract(
            _folded(query.text),
            self._passing(query.filters),
            scorer=fuzz.WRatio,
            limit=None if sort else _LIMIT,
            score_cutoff=_LEAST_SCORE,
        )
        hits = [listing for _, _, listing in found]
        if sort:
            hits.sort(key=lambda listing: sort(self._listings[listing]))
        return hits[:_LIMIT]

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing was started."""

    def _passing(self, filters: Filters) -> dict[int, str]:
        if filters == Filters():
            return self._titles
        low, high = filters.price or (0.0, float("inf"))
        category, rating = filters.category, filters.rating or 0.0
        return {
            listing.id: self._titles[listing.id]
            for listing in self._listings.values()
            if category in (None, listing.category)
            and low <= listing.price <= high
            and listing.rating >= rating
        }


def _folded(text: str) -> str:
    return " ".join(words(text))
