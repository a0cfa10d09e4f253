"""What every engine is asked, and how the answers are checked.

An engine is a small adapter around one library. Its methods hold the loops that are timed, written
the way that library's own documentation would write them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from benches.python.traces import Edit, Trace


class Engine(Protocol):
    """One library, asked through its public Python interface."""

    name: str
    version: str

    def type_all(self, edits: list[Edit]) -> Any:
        """Make each edit in a transaction of its own on a new document, and return the document."""
        ...

    def record(self, edits: list[Edit]) -> list[bytes]:
        """The update that each edit emits."""
        ...

    def apply_all(self, updates: list[bytes]) -> Any:
        """Apply each update by itself to a new document, and return the document."""
        ...

    def encode(self, document: Any) -> bytes:
        """The whole document as bytes for another peer or for the disk."""
        ...

    def load(self, encoded: bytes) -> str:
        """The text of an encoded document."""
        ...

    def text(self, document: Any) -> str:
        """The text of a document."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A piece of work to be timed.

    `work` returns something that `answer` turns into the text it led to; only `work` is timed.
    """

    work: Callable[[], Any]
    answer: Callable[[Any], str]


QUESTIONS = {
    "local": "one transaction per edit",
    "remote": "one update per edit, applied to a new document",
    "load": "encoded document to text",
    "encode": "document to bytes",
}


def prepare(engine: Engine, trace: Trace) -> dict[str, Question]:
    """The four questions about `trace`, ready to be asked of `engine`."""
    document = engine.type_all(trace.edits)
    encoded = engine.encode(document)
    updates = engine.record(trace.edits)
    return {
        "local": Question(lambda: engine.type_all(trace.edits), engine.text),
        "remote": Question(lambda: engine.apply_all(updates), engine.text),
        "load": Question(lambda: engine.load(encoded), str),
        "encode": Question(lambda: engine.encode(document), engine.load),
    }
