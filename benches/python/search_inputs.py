"""What the search engines are asked about: listings, and queries whose right answers are known.

They stand in `search` in `$OFFICINA_BENCH_DATA`, or in `../shared/data` beside the checkout; where
there is no such folder, smaller ones are made (see `search_generator`).
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benches.python.search_generator import GENERATED, generate

_BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data"

CLASSES = {
    "a": "exact title",
    "b": "title with one typo",
    "c": "title with two typos",
    "d": "beginning of a title",
    "p": "beginning with one typo",
    "e": "two or three words, one typo",
    "m": "real misspelling and another word",
    "f": "words of a title swapped",
    "j": "words joined or split",
    "g": "other scripts, accents left out",
    "h": "filters",
    "hs": "filters, sorted",
    "z": "nothing to find",
}
"""What the classes of queries stand for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing; `created` in Unix seconds, `price` with two decimals."""

    id: int
    title: str
    description: str
    category: str
    price: float
    rating: float
    created: int
    popularity: int


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must satisfy besides the words; both ends of `price` are included."""

    category: str | None = None
    price: tuple[float, float] | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is typed, and the ids of the listings that answer it.

    `prefix`: the last word may be unfinished. `sort`: relevance, price (lowest first), rating or
    newest.
    """

    id: int
    kind: str
    text: str
    prefix: bool
    filters: Filters
    sort: str
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Files:
    """Listings and queries as lines of JSON."""

    listings: Path
    queries: Path


@contextmanager
def search_files(listings: str, queries: str) -> Generator[Files]:
    """The files `listings-LISTINGS` and `queries-QUERIES`, unpacked; made where there are none.

    Raises:
        FileNotFoundError: the folder is there, but not the file.
    """
    folder = Path(os.environ.get("OFFICINA_BENCH_DATA", _BESIDE_THE_CHECKOUT)) / "search"
    with TemporaryDirectory() as unpacked:
        files = Files(Path(unpacked) / "listings.jsonl", Path(unpacked) / "queries.jsonl")
        if folder.is_dir():
            _unpack(folder / f"listings-{listings}.jsonl.gz", files.listings)
            _unpack(folder / f"queries-{queries}.jsonl.gz", files.queries)
        else:
            generate(files.listings, files.queries, GENERATED, seed=1)
        yield files


def read_listings(path: Path) -> Iterator[Listing]:
    """The listings of a file, one by one."""
    for each in _lines(path):
        yield Listing(
            each["id"],
            each["title"],
            each["descr"],
            each["cat"],
            each["price"],
            each["rating"],
            each["created"],
            each["pop"],
        )


def read_queries(path: Path) -> Iterator[Query]:
    """The queries of a file, one by one."""
    for each in _lines(path):
        asked = each["filters"]
        price = asked.get("price")
        filters = Filters(asked.get("cat"), price and tuple(price), asked.get("rating"))
        yield Query(
            each["id"],
            each["cls"],
            each["q"],
            each["prefix"],
            filters,
            each["sort"],
            frozenset(each["rel"]),
        )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _unpack(packed: Path, to: Path) -> None:
    with gzip.open(packed) as source, to.open("wb") as target:
        shutil.copyfileobj(source, target)
