"""Listings and queries made from a seed, for machines without the recorded ones.

Words are made of syllables and used as unevenly as real ones are; popularity is as uneven. The
queries are of the classes of `search_inputs.CLASSES`, except m, which needs real misspellings.
"""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from benches.python.search_words import words

Row = dict[str, Any]
"""One line of a file."""

_SYLLABLES = [
    first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "or", "un")
]
_CATEGORIES = ("audio", "chart", "color", "data", "font", "icon", "layout", "video")
_ACCENTS = str.maketrans("aeiou", "áéíöú")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SORTS: dict[str, Callable[[Row], float]] = {
    "price": lambda row: row["price"],
    "rating": lambda row: -row["rating"],
    "newest": lambda row: -row["created"],
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many listings, different words, and queries per class."""

    listings: int
    words: int
    queries_per_class: int


GENERATED = Sizes(listings=20_000, words=8_000, queries_per_class=40)
"""What is made where nothing was recorded."""


def generate(listings: Path, queries: Path, sizes: Sizes, seed: int) -> None:
    """Write both files as lines of JSON, as the recorded ones are."""
    source = random.Random(seed)
    rows = _listings(source, sizes)
    _write(listings, rows)
    _write(queries, _Questions(source, rows, sizes.queries_per_class).all())


def _write(path: Path, rows: Iterable[Row]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _listings(source: random.Random, sizes: Sizes) -> list[Row]:
    vocabulary = [
        "".join(source.choices(_SYLLABLES, k=source.randint(2, 4))) for _ in range(sizes.words)
    ]
    weights = list(accumulate(1 / (place + 10) for place in range(sizes.words)))

    def some(least: int, most: int) -> str:
        return " ".join(
            source.choices(vocabulary, cum_weights=weights, k=source.randint(least, most))
        )

    def description() -> str:
        plain = some(4, 14)
        return plain.translate(_ACCENTS) if source.random() < 0.05 else plain

    return [
        {
            "id": number,
            "title": some(1, 4),
            "descr": description(),
            "cat": source.choice(_CATEGORIES),
            "price": 0.0 if source.random() < 0.3 else round(math.exp(source.gauss(2.6, 1)), 2),
            "rating": round(min(5.0, max(1.0, source.gauss(3.8, 0.7))), 2),
            "created": 1_262_304_000 + source.randrange(500_000_000),
            "pop": int(math.exp(source.gauss(6, 2))),
        }
        for number in range(sizes.listings)
    ]


@dataclass(slots=True)
class _Questions:
    """Makes queries about listings; what answers them is worked out word by word."""

    source: random.Random
    rows: list[Row]
    per_class: int
    titles: list[str] = field(default_factory=list[str])
    titled: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    having: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    made: list[Row] = field(default_factory=list[Row])

    def __post_init__(self) -> None:
        for row in self.rows:
            self.titles.append(" ".join(words(row["title"])))
            self.titled[self.titles[-1]].append(row["id"])
            for word in words(f"{row['title']} {row['descr']}"):
                self.having[word].add(row["id"])

    def all(self) -> list[Row]:
        """Every class, one after the other."""
        self._about_titles("a", lambda title: title)
        self._about_titles("b", lambda title: self._mistyped(title, 1))
        self._about_titles("c", lambda title: self._mistyped(title, 2))
        self._about_titles("d", self._beginning, prefix=True)
        self._about_titles(
            "p", lambda title: self._mistyped(self._beginning(title), 1), prefix=True
        )
        self._about_titles("f", lambda title: " ".join(reversed(title.split())))
        self._about_titles("j", lambda title: title.replace(" ", "", 1))
        self._about_words("e", lambda pair: self._mistyped(pair, 1))
        self._about_words("g", lambda pair: pair, accents=True)
        self._filtered()
        self._sorted()
        self._nothing()
        return self.made

    def _ask(self, kind: str, text: str, right: Iterable[int], **rest: Any) -> None:
        asked = {"prefix": False, "filters": {}, "sort": "relevance"} | rest
        found = sorted(right)
        self.made.append({"id": len(self.made), "cls": kind, "q": text, **asked, "rel": found})

    def _about_titles(
        self, kind: str, change: Callable[[str], str], *, prefix: bool = False
    ) -> None:
        for _ in range(self.per_class):
            while True:
                title = self.source.choice(self.titles)
                text = change(title)
                known = kind == "a" or text not in self.titled
                if (
                    len(title.split()) > 1
                    and known
                    and (not prefix or self._is_popular(title, text))
                ):
                    break
            self._ask(kind, text, self.titled[title], prefix=prefix)

    def _is_popular(self, title: str, text: str) -> bool:
        """Whether it is among the ten most popular that begin as long as `text` is."""
        beginning = title[: len(text) - 1]
        rivals = [at for at, other in enumerate(self.titles) if other.startswith(beginning)]
        rivals.sort(key=lambda at: -self.rows[at]["pop"])
        return title in {self.titles[at] for at in rivals[:10]}

    def _about_words(
        self, kind: str, change: Callable[[str], str], *, accents: bool = False
    ) -> None:
        rows = [row for row in self.rows if not row["descr"].isascii()] if accents else self.rows
        for _ in range(self.per_class):
            pair, right = self._pair(rows, most=10)
            text = change(pair)
            while kind == "e" and self._with_all(text):
                text = change(pair)
            self._ask(kind, text, right)

    def _pair(self, rows: list[Row], most: int) -> tuple[str, set[int]]:
        while True:
            row = self.source.choice(rows)
            pair = " ".join(self.source.sample(words(row["descr"]), 2))
            right = self._with_all(pair)
            if len(right) <= most:
                return pair, right

    def _with_all(self, text: str) -> set[int]:
        return set.intersection(*(self.having.get(word, set()) for word in text.split()))

    def _filtered(self) -> None:
        for _ in range(self.per_class):
            while True:
                pair, found = self._pair(self.rows, most=200)
                filters = self._filters(self.source.choice(sorted(found)))
                right = self._passing(found, filters)
                if len(right) <= 10:
                    break
            self._ask("h", pair, right, filters=filters)

    def _sorted(self) -> None:
        common = [word for word, found in self.having.items() if len(found) >= 100]
        for _ in range(self.per_class):
            while True:
                word = self.source.choice(common)
                filters = self._filters(self.source.choice(sorted(self.having[word])))
                right = self._passing(self.having[word], filters)
                if len(right) >= 10:
                    break
            sort = self.source.choice(sorted(_SORTS))
            keys = {listing: _SORTS[sort](self.rows[listing]) for listing in right}
            tenth = sorted(keys.values())[9]
            best = (listing for listing in right if keys[listing] <= tenth)
            self._ask("hs", word, best, filters=filters, sort=sort)

    def _filters(self, listing: int) -> Row:
        row = self.rows[listing]
        return {
            "cat": row["cat"],
            "price": [round(row["price"] * 0.5, 2), round(row["price"] * 2 + 5, 2)],
            "rating": round(row["rating"] - 1, 1),
        }

    def _passing(self, found: Iterable[int], filters: Row) -> list[int]:
        low, high = filters["price"]
        return [
            listing
            for listing in found
            if self.rows[listing]["cat"] == filters["cat"]
            and low <= self.rows[listing]["price"] <= high
            and self.rows[listing]["rating"] >= filters["rating"]
        ]

    def _nothing(self) -> None:
        for _ in range(self.per_class):
            self._ask("z", "".join(self.source.choices("cghjqwxy", k=10)), [])

    def _beginning(self, title: str) -> str:
        return title[: self.source.randint(len(title) // 2, len(title) * 17 // 20)].rstrip()

    def _mistyped(self, text: str, typos: int) -> str:
        """One letter swapped with the next, left out, doubled or replaced, in the longest words."""
        for word in sorted(text.split(), key=len, reverse=True)[:typos]:
            at = self.source.randrange(1, len(word) - 1) if len(word) > 2 else 0
            turned = word[at + 1 : at + 2] + word[at]
            replaced = self.source.choice(_LETTERS)
            kept, rest = word[:at], word[at + 1 :]
            wrong = self.source.choice(
                (
                    kept + turned + rest[1:],
                    kept + rest,
                    kept + word[at] + word[at:],
                    kept + replaced + rest,
                )
            )
            text = text.replace(word, wrong, 1)
        return text
