"""What every engine is asked, and how the answers are checked.

An engine is a small adapter around one library. Its methods hold the loops that are timed, written
the way that library's own documentation would write them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from benches.python.traces import Edit

Columns = tuple["array[int]", "array[int]", list[str]]
"""Edits as three columns: positions, deleted lengths, inserted texts."""


class Engine(Protocol):
    """One library, asked through its public Python interface.

    A document is whatever the library calls it, with one text, one array and one map in it.
    """

    name: str
    version: str
    lacks: frozenset[str]
    """The questions that make no sense for this library."""

    def replica(self, client: int) -> Any:
        """A new document whose edits carry `client`."""
        ...

    def type(self, document: Any, edits: Iterable[Edit]) -> None:
        """Make each edit in a transaction of its own."""
        ...

    def type_at_once(self, document: Any, edits: Iterable[Edit]) -> None:
        """Make all edits in one transaction."""
        ...

    def type_columns(self, document: Any, edits: Columns) -> None:
        """Make all edits in one call."""
        ...

    def watch(self, document: Any, what: str) -> Any:
        """Attach an empty callback to the "document" or its "text"; keep the result to keep it."""
        ...

    def record(self, document: Any, change: Callable[[], None]) -> list[bytes]:
        """The updates that the document emits while `change` is made."""
        ...

    def apply(self, document: Any, updates: Iterable[bytes]) -> None:
        """Apply each update by itself."""
        ...

    def apply_list(self, document: Any, updates: list[bytes]) -> None:
        """Apply the updates in the fastest way there is for a list of them."""
        ...

    def merge(self, updates: list[bytes]) -> bytes:
        """One update that says the same as all of `updates`, made without a document."""
        ...

    def encode(self, document: Any) -> bytes:
        """The whole document as bytes for another peer."""
        ...

    def save(self, document: Any) -> bytes:
        """The whole document as bytes from which it opens fastest."""
        ...

    def open(self, saved: bytes) -> Any:
        """The document that was saved."""
        ...

    def text(self, document: Any) -> str:
        """The text of a document."""
        ...

    def extend(self, document: Any, values: list[int]) -> None:
        """Append all values to the array."""
        ...

    def insert_each(self, document: Any, values: Iterable[tuple[int, int]]) -> None:
        """Insert one value after the other into the array: where, and what."""
        ...

    def array(self, document: Any) -> list[int]:
        """The array as a list."""
        ...

    def set_entry(self, document: Any, key: str, value: int) -> None:
        """Set an entry of the map."""
        ...

    def entry(self, document: Any, key: str) -> int:
        """An entry of the map."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A piece of work to be timed: `work` alone is, on what `ready` makes anew for each time.

    `answer` turns what `work` returned into something that must equal `expected`.
    """

    ready: Callable[[], Any]
    work: Callable[[Any], Any]
    answer: Callable[[Any], Any]
    expected: Any


@dataclass(frozen=True, slots=True)
class Input:
    """What questions are asked about, by their keys; `prepare` makes them for one engine."""

    name: str
    edits: int
    questions: tuple[str, ...]
    prepare: Callable[[Engine], dict[str, Question]]


QUESTIONS = {
    "local": "one transaction per edit",
    "emitting": "one transaction and one emitted update per edit",
    "at once": "all edits in one transaction",
    "columns": "all edits in one call",
    "remote": "one update per edit, applied one by one to a new document",
    "remote list": "the same, as one list",
    "encode first": "loaded document to bytes, for the first time",
    "encode": "document to bytes, a keystroke after it was written last",
    "load": "encoded document to text",
    "open": "saved document opened, to text",
    "watching nothing": "one transaction per edit, nobody watching",
    "watching document": "the same, with an empty callback on the document",
    "watching text": "the same, with an empty callback on the text",
    "concurrent": "concurrent updates, applied one by one to a new document",
    "concurrent list": "the same, as one list",
    "merge": "single updates merged without a document",
    "merge long": "ten times as many",
    "extend": "array extended by 6,000 numbers",
    "read array": "array of 6,000, built at random, read as a list",
    "exchange": "two people insert words at random and exchange them (B2.3)",
    "map": "updates of 1,540 clients that set one entry (B3.1)",
    "random 10,000": "1,000 random edits in 10,000 characters",
    "random 100,000": "in 100,000 characters",
    "random 1,000,000": "in 1,000,000 characters",
}
"""What is asked, by key."""
