"""tantivy through tantivy-py, in stages: what is written right is found first and ends the search.

Each listing is indexed as words of title and description, as its whole title, as the title without
spaces, and as the title's trigrams. The binding cannot walk the term dictionary, so each stage with
typos is a query of its own, not one expansion for all as from Rust.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import tantivy
from tantivy import Document, FieldType, Occur, Order, Tokenizer
from tantivy import Query as Asked

from benches.python.search_inputs import Filters, Listing, Query
from benches.python.search_words import terms, words

_LIMIT = 10
_LONGEST = 200
"""Bytes of a whole title that are kept as one term."""
_ONE_TYPO, _TWO_TYPOS = 3, 6
"""The shortest words in which so many typos are looked for."""
_GRAMS_TO_MATCH = 0.6
_SORTS = {"price": Order.Asc, "rating": Order.Desc, "newest": Order.Desc}


class TantivySearch:
    """`tantivy.Index` on disk, one writer thread."""

    version = version("tantivy")
    serves = False

    def build(self, listings: Iterable[Listing], folder: Path) -> None:
        self._schema = _schema()
        self._index = tantivy.Index(self._schema, path=str(folder))
        spaces = tantivy.TextAnalyzerBuilder(Tokenizer.whitespace()).build()
        self._index.register_tokenizer("words", spaces)
        grams = Tokenizer.ngram(min_gram=3, max_gram=3)
        self._index.register_tokenizer("grams", tantivy.TextAnalyzerBuilder(grams).build())
        self._writer = self._index.writer(heap_size=500_000_000, num_threads=1)
        for listing in listings:
            self._writer.add_document(_document(listing))
        self._commit()

    def add(self, listing: Listing) -> None:
        self._writer.add_document(_document(listing))
        self._commit()

    def remove(self, listing: int) -> None:
        by_id = Asked.term_query(self._schema, "id", listing)
        self._writer.delete_documents_by_query(by_id)  # by term, the binding misses unsigned ids
        self._commit()

    def search(self, query: Query) -> list[int]:
        typed = terms(query.text)
        if not typed:
            return []
        limits = self._limits(query.filters)
        if query.sort != "relevance":
            return self._hits([*limits, self._words(typed, query.prefix)], query.sort)
        for stage, by in self._stages(query, typed):
            if found := self._hits([*limits, stage], by):
                return found
        return []

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        self._writer.wait_merging_threads()

    def _stages(self, query: Query, typed: list[str]) -> Iterator[tuple[Asked, str | None]]:
        """What is asked until something is found, and by what it is ranked."""
        whole = " ".join(words(query.text))
        squashed = whole.replace(" ", "")
        if query.prefix:
            yield self._fuzzy("whole", whole, 0, prefix=True), "popularity"
        else:
            yield self._term("whole", whole), "popularity"
        yield self._term("squashed", squashed), "popularity"
        yield self._words(typed, query.prefix), None
        unknown = {word for word in typed if not self._searcher.doc_freq("text", word)}
        for typos in (1, 2):
            yield self._fuzzy("whole", whole, typos, prefix=query.prefix), "popularity"
            if unknown:
                yield self._words(typed, query.prefix, typos, unknown), None
        if len(unknown) < len(typed):
            for typos in (1, 2):
                yield self._words(typed, query.prefix, typos, set(typed)), None
        yield self._grams(squashed), None

    def _limits(self, filters: Filters) -> list[Asked]:
        limits = []
        if filters.category is not None:
            limits.append(self._term("category", filters.category))
        if filters.price is not None:
            limits.append(Asked.range_query(self._schema, "price", FieldType.Float, *filters.price))
        if filters.rating is not None:
            limits.append(
                Asked.range_query(self._schema, "rating", FieldType.Float, filters.rating)
            )
        return [Asked.const_score_query(limit, 0.0) for limit in limits]

    def _words(
        self, typed: list[str], prefix: bool, typos: int = 0, mistyped: Container[str] = ()
    ) -> Asked:
        """All words, in the title rather than in the description, right rather than mistyped."""
        asked = []
        for at, word in enumerate(typed, start=1):
            unfinished = prefix and at == len(typed)
            most = min(typos, _typos_in(word)) if word in mistyped else 0
            ways = [
                (Occur.Should, self._term("text", word)),
                (Occur.Should, Asked.boost_query(self._term("title", word), 2.0)),
            ]
            if unfinished or most:
                ways.append((Occur.Should, self._fuzzy("text", word, most, prefix=unfinished)))
            asked.append((Occur.Must, Asked.boolean_query(ways)))
        return Asked.boolean_query(asked)

    def _grams(self, squashed: str) -> Asked:
        grams = [squashed[at : at + 3] for at in range(len(squashed) - 2)]
        ways = [(Occur.Should, self._term("grams", gram)) for gram in grams]
        least = max(2, int(len(grams) * _GRAMS_TO_MATCH))
        return Asked.boolean_query(ways, minimum_number_should_match=least)

    def _term(self, name: str, value: str) -> Asked:
        return Asked.term_query(self._schema, name, value, index_option="freq")

    def _fuzzy(self, name: str, value: str, typos: int, *, prefix: bool) -> Asked:
        return Asked.fuzzy_term_query(self._schema, name, value, typos, prefix=prefix)

    def _hits(self, asked: list[Asked], by: str | None) -> list[int]:
        query = asked[0]
        if len(asked) > 1:
            query = Asked.boolean_query([(Occur.Must, each) for each in asked])
        order = _SORTS.get(by, Order.Desc) if by else Order.Desc
        found = self._searcher.search(
            query, _LIMIT, count=False, order_by_field=by, order=order
        ).hits
        addresses = [address for _, address in found]
        return [int(each or 0) for each in self._searcher.fast_field_values("id", addresses)]

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()


def _schema() -> tantivy.Schema:
    schema = tantivy.SchemaBuilder()
    for name in ("text", "title"):
        schema.add_text_field(name, tokenizer_name="words", index_option="freq")
    for name in ("whole", "squashed", "category"):
        schema.add_text_field(name, tokenizer_name="raw", index_option="basic")
    schema.add_text_field("grams", tokenizer_name="grams", index_option="basic")
    schema.add_unsigned_field("id", indexed=True, fast=True)
    for name in ("price", "rating"):
        schema.add_float_field(name, fast=True)
    for name in ("newest", "popularity"):
        schema.add_integer_field(name, fast=True)
    return schema.build()


def _document(listing: Listing) -> Document:
    title = " ".join(terms(listing.title))
    whole = " ".join(words(listing.title))[:_LONGEST]
    squashed = whole.replace(" ", "")
    document = Document()
    document.add_unsigned("id", listing.id)
    document.add_text("text", f"{title} {' '.join(terms(listing.description))}")
    document.add_text("title", title)
    document.add_text("whole", whole)
    document.add_text("squashed", squashed)
    document.add_text("grams", squashed)
    document.add_text("category", listing.category)
    document.add_float("price", listing.price)
    document.add_float("rating", listing.rating)
    document.add_integer("newest", listing.created)
    document.add_integer("popularity", listing.popularity)
    return document


def _typos_in(word: str) -> int:
    return (len(word) >= _ONE_TYPO) + (len(word) >= _TWO_TYPOS)
