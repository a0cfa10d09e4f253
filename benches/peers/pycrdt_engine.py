"""pycrdt, the Python binding of yrs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from pycrdt import Array, Doc, Map, Text, merge_updates

from benches.python.questions import Columns
from benches.python.traces import Edit


class PycrdtEngine:
    """`pycrdt.Doc`."""

    name = "pycrdt"
    version = version("pycrdt")
    lacks = frozenset(
        {"at once", "columns", "merge long", "random 100,000", "random 1,000,000", "large update"}
    )
    """It takes no edits in bulk; the others would take minutes to hours (quadratic time)."""

    def replica(self, client: int) -> Doc[Any]:
        return Doc(client_id=client)

    def type(self, document: Doc[Any], edits: Iterable[Edit]) -> None:
        text = document.get("text", type=Text)
        for position, deleted, inserted in edits:
            if deleted and inserted:
                with document.transaction():
                    del text[position : position + deleted]
                    text.insert(position, inserted)
            elif deleted:
                del text[position : position + deleted]
            else:
                text.insert(position, inserted)

    def type_at_once(self, document: Doc[Any], edits: Iterable[Edit]) -> None:
        text = document.get("text", type=Text)
        with document.transaction():
            for position, deleted, inserted in edits:
                if deleted:
                    del text[position : position + deleted]
                if inserted:
                    text.insert(position, inserted)

    def type_columns(self, document: Doc[Any], edits: Columns) -> None:
        raise NotImplementedError

    def watch(self, document: Doc[Any], what: str) -> Any:
        if what == "document":
            return document.observe(lambda event: None)
        return document.get("text", type=Text).observe(lambda event: None)

    def record(self, document: Doc[Any], change: Callable[[], None]) -> list[bytes]:
        updates: list[bytes] = []
        subscription = document.observe(lambda event: updates.append(event.update))
        change()
        document.unobserve(subscription)
        return updates

    def apply(self, document: Doc[Any], updates: Iterable[bytes]) -> None:
        for update in updates:
            document.apply_update(update)

    def apply_list(self, document: Doc[Any], updates: list[bytes]) -> None:
        with document.transaction():
            for update in updates:
                document.apply_update(update)

    def merge(self, updates: list[bytes]) -> bytes:
        return merge_updates(*updates)

    def encode(self, document: Doc[Any]) -> bytes:
        return document.get_update()

    def save(self, document: Doc[Any]) -> bytes:
        return document.get_update()

    def open(self, saved: bytes) -> Doc[Any]:
        document: Doc[Any] = Doc()
        document.apply_update(saved)
        return document

    def text(self, document: Doc[Any]) -> str:
        return str(document.get("text", type=Text))

    def extend(self, document: Doc[Any], values: list[int]) -> None:
        document.get("array", type=Array).extend(values)

    def insert_each(self, document: Doc[Any], values: Iterable[tuple[int, int]]) -> None:
        array = document.get("array", type=Array)
        for index, value in values:
            array.insert(index, value)

    def array(self, document: Doc[Any]) -> list[int]:
        return list(document.get("array", type=Array))

    def set_entry(self, document: Doc[Any], key: str, value: int) -> None:
        document.get("map", type=Map)[key] = value

    def entry(self, document: Doc[Any], key: str) -> int:
        return int(document.get("map", type=Map)[key])
