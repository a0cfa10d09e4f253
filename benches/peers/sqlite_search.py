"""SQLite: FTS5 for words, spellfix1 for mistyped ones, indexes for whole titles.

spellfix1 finds words that sound alike, and counts two letters swapped as two typos; of what it
finds the words near in letters are taken, for which RapidFuzz has a distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlite_spellfix  # type: ignore[import-untyped]
from rapidfuzz.distance import OSA
from sqlean.dbapi2 import connect, sqlite_version  # type: ignore[import-untyped]

from benches.python.search_inputs import Filters, Listing, Query
from benches.python.search_words import terms, words

_SCHEMA = """
CREATE TABLE listing (
    id INTEGER PRIMARY KEY, whole TEXT, squashed TEXT, category TEXT,
    price REAL, rating REAL, created INTEGER, popularity INTEGER
);
CREATE VIRTUAL TABLE word USING fts5(
    title, description, content='', contentless_delete=1, tokenize='unicode61', prefix='2 3 4'
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(word, 'row');
CREATE VIRTUAL TABLE spelling USING spellfix1;
"""
_INDEXES = """
CREATE INDEX listing_whole ON listing (whole, popularity DESC);
CREATE INDEX listing_squashed ON listing (squashed, popularity DESC);
INSERT INTO spelling (word, rank) SELECT term, doc FROM vocabulary;
INSERT INTO word (word) VALUES ('optimize');
ANALYZE;
"""
_MATCHING = "word JOIN listing ON listing.id = word.rowid"
_RANKED = "bm25(word, 5.0, 1.0), popularity DESC"
_SORTS = {"price": "price", "rating": "rating DESC", "newest": "created DESC"}
_CANDIDATES = 40
_SCOPE = 2
"""spellfix1 looks at words whose phonetic keys agree in so many letters."""
_ONE_TYPO, _TWO_TYPOS = 3, 6
"""The shortest words in which so many typos are looked for."""


class SqliteSearch:
    """A database in a file, with the extension from the package sqlite-spellfix."""

    version = f"{sqlite_version}, spellfix1 {version('sqlite-spellfix')}"
    serves = False

    def build(self, listings: Iterable[Listing], folder: Path) -> None:
        self._database = connect(folder / "listings.db", isolation_level=None)
        self._database.enable_load_extension(True)
        self._database.load_extension(sqlite_spellfix.extension_path())
        self._database.executescript("PRAGMA journal_mode = wal; PRAGMA cache_size = -256000;")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")
        for listing in listings:
            self._insert(listing)
        self._database.execute("COMMIT")
        self._database.executescript(_INDEXES)

    def add(self, listing: Listing) -> None:
        self._database.execute("BEGIN")
        self._insert(listing)
        for word in set(terms(f"{listing.title} {listing.description}")):
            if not self._is_known(word):
                self._database.execute("INSERT INTO spelling (word) VALUES (?)", (word,))
        self._database.execute("COMMIT")

    def remove(self, listing: int) -> None:
        self._database.execute("BEGIN")
        self._database.execute("DELETE FROM word WHERE rowid = ?", (listing,))
        self._database.execute("DELETE FROM listing WHERE id = ?", (listing,))
        self._database.execute("COMMIT")

    def search(self, query: Query) -> list[int]:
        typed = terms(query.text)
        if not typed:
            return []
        limits, values = _limits(query.filters)
        if query.sort != "relevance":
            match = _all_of([[word] for word in typed], unfinished=query.prefix)
            return self._hits(
                _MATCHING, "word MATCH ?", _SORTS[query.sort], limits, [match, *values]
            )
        for source, condition, order, asked in self._stages(query, typed):
            if found := self._hits(source, condition, order, limits, [*asked, *values]):
                return found
        return []

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        self._database.close()

    def _stages(self, query: Query, typed: list[str]) -> Iterator[tuple[str, str, str, list[str]]]:
        """What is asked until something is found: source, condition, order and values."""
        whole = " ".join(words(query.text))
        if query.prefix:
            beyond = whole[:-1] + chr(ord(whole[-1]) + 1)
            between = "whole >= ? AND whole < ?"
            yield "listing", between, "popularity DESC", [whole, beyond]
        else:
            yield "listing", "whole = ?", "popularity DESC", [whole]
        yield "listing", "squashed = ?", "popularity DESC", [whole.replace(" ", "")]
        ways = [[word] for word in typed]
        yield _MATCHING, "word MATCH ?", _RANKED, [_all_of(ways, unfinished=query.prefix)]
        unknown = [word for word in typed if not self._is_known(word)]
        for mistyped in (unknown, typed) if 0 < len(unknown) < len(typed) else (typed,):
            ways = [
                self._spellings(word, unfinished=query.prefix and at == len(typed))
                if word in mistyped
                else [word]
                for at, word in enumerate(typed, start=1)
            ]
            yield _MATCHING, "word MATCH ?", _RANKED, [_all_of(ways, unfinished=query.prefix)]

    def _spellings(self, word: str, *, unfinished: bool) -> list[str]:
        """The word itself and those of the vocabulary that it may have been meant for."""
        typos = (len(word) >= _ONE_TYPO) + (len(word) >= _TWO_TYPOS)
        if not typos:
            return [word]
        rows = self._database.execute(
            "SELECT word FROM spelling WHERE word MATCH ? AND top = ? AND scope = ?",
            (word + "*" * unfinished, _CANDIDATES, _SCOPE),
        )
        longest = len(word) if unfinished else None
        near = [row[0] for row in rows if OSA.distance(word, row[0][:longest]) <= typos]
        return [word, *near]

    def _is_known(self, word: str) -> bool:
        rows = self._database.execute("SELECT 1 FROM vocabulary WHERE term = ?", (word,))
        return rows.fetchone() is not None

    def _hits(
        self, source: str, condition: str, order: str, limits: str, values: list[Any]
    ) -> list[int]:
        rows = self._database.execute(
            f"SELECT listing.id FROM {source} WHERE {condition}{limits} ORDER BY {order} LIMIT 10",  # noqa: S608
            values,
        )
        return [row[0] for row in rows]

    def _insert(self, listing: Listing) -> None:
        whole = " ".join(words(listing.title))
        self._database.execute(
            "INSERT INTO listing VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                listing.id,
                whole,
                whole.replace(" ", ""),
                listing.category,
                listing.price,
                listing.rating,
                listing.created,
                listing.popularity,
            ),
        )
        self._database.execute(
            "INSERT INTO word (rowid, title, description) VALUES (?, ?, ?)",
            (listing.id, " ".join(terms(listing.title)), " ".join(terms(listing.description))),
        )


def _limits(filters: Filters) -> tuple[str, list[Any]]:
    conditions = ""
    values: list[Any] = []
    if filters.category is not None:
        conditions += " AND category = ?"
        values.append(filters.category)
    if filters.price is not None:
        conditions += " AND price BETWEEN ? AND ?"
        values += filters.price
    if filters.rating is not None:
        conditions += " AND rating >= ?"
        values.append(filters.rating)
    return conditions, values


def _all_of(ways: list[list[str]], *, unfinished: bool) -> str:
    """An FTS5 expression: one way of each word; the last may go on."""
    *first, last = [[f'"{word}"' for word in each] for each in ways]
    groups = [*first, [f"{word} *" for word in last] if unfinished else last]
    return " AND ".join(f"({' OR '.join(group)})" for group in groups)
