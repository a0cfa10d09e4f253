"""Rows of a JSON Lines file, and what kind of index suits them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from officina.errors import DecodeError
from officina.search import Index

Row = dict[str, Any]

_SAMPLE = 2000
_FEW_VALUES = 0.1
"""A column of short strings is a facet when it has fewer different values than this of its rows."""
_SHORT = 40
_TITLES = ("title", "name")
_POPULARITY = ("popularity", "pop", "downloads", "stars")


@dataclass(frozen=True, slots=True)
class Fields:
    """The columns of an index, as `Index` takes them."""

    text: dict[str, int]
    facets: list[str]
    numbers: list[str]
    order: list[str]

    def index(self, language: str | None = None, *, stop_words: bool = False) -> Index:
        """An empty index with these fields; with `stop_words`, those of the language."""
        return Index(
            text=self.text,
            facets=self.facets,
            numbers=self.numbers,
            order=self.order or None,
            language=language,
            stop_words=stop_words,
        )


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON Lines file, plain or gzipped.

    Without an integer "id" in the first row, the number of its line is the id of each.

    Raises:
        DecodeError: a line is not a JSON object, or lacks an id that the first has; the message
            says which.
        OSError: the file cannot be read.
    """
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        has_ids: bool | None = None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                message = f"{path}, line {number}: {error}"
                raise DecodeError(message) from None
            if not isinstance(row, dict):
                message = f"{path}, line {number}: a row is an object, not {type(row).__name__}"
                raise DecodeError(message)
            has_id = isinstance(row.get("id"), int)
            has_ids = has_id if has_ids is None else has_ids
            if not has_ids:
                row["id"] = number
            elif not has_id:
                message = f'{path}, line {number}: no integer "id", which the first row has'
                raise DecodeError(message)
            yield row


def guess_fields(rows: Iterable[Row]) -> Fields:
    """What the first rows look like.

    Numbers are numbers. Strings that are short and repeat are facets, as are lists of strings;
    other strings are text, the titles three times as heavy as the rest. A column of popularity
    decides between equal matches.
    """
    sample = [row for row, _ in zip(rows, range(_SAMPLE), strict=False)]
    columns: dict[str, list[Any]] = {}
    for row in sample:
        for name, value in row.items():
            if name != "id" and value is not None:
                columns.setdefault(name, []).append(value)
    kinds = {name: _kind(name, values) for name, values in columns.items()}
    texts = [name for name, kind in kinds.items() if kind == "text"]
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    return Fields(
        text={name: 3 if name == _title(texts, columns) else 1 for name in texts},
        facets=[name for name, kind in kinds.items() if kind == "facet"],
        numbers=numbers,
        order=[f"-{name}" for name in _POPULARITY if name in numbers][:1],
    )


def _kind(name: str, values: list[Any]) -> str | None:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "number"
    if all(isinstance(value, str) for value in values):
        short = all(len(value) <= _SHORT for value in values)
        few = len(set(values)) <= max(1, _FEW_VALUES * len(values))
        return "facet" if short and few and name not in _TITLES else "text"
    lists = all(
        isinstance(value, list) and all(isinstance(item, str) for item in value) for value in values
    )
    return "facet" if lists else None


def _title(texts: list[str], columns: dict[str, list[Any]]) -> str | None:
    """The field called like a title, else the one with the shortest texts."""
    for name in _TITLES:
        if name in texts:
            return name
    return min(
        texts, key=lambda name: sum(map(len, columns[name])) / len(columns[name]), default=None
    )
