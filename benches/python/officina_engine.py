"""officina's own engine, asked through `officina.crdt`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from benches.python.questions import Columns
from benches.python.traces import Edit
from officina.crdt import Array, Doc, Map, Text, merge_updates


class OfficinaEngine:
    """`officina.crdt.Doc`."""

    name = "officina"
    version = version("officina")
    lacks: frozenset[str] = frozenset()

    def replica(self, client: int) -> Doc:
        return Doc(client_id=client)

    def type(self, document: Doc, edits: Iterable[Edit]) -> None:
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

    def type_at_once(self, document: Doc, edits: Iterable[Edit]) -> None:
        text = document.get("text", type=Text)
        with document.transaction():
            for position, deleted, inserted in edits:
                if deleted:
                    del text[position : position + deleted]
                if inserted:
                    text.insert(position, inserted)

    def type_columns(self, document: Doc, edits: Columns) -> None:
        document.get("text", type=Text).apply_edits(*edits)

    def watch(self, document: Doc, what: str) -> Any:
        if what == "document":
            return document.observe(lambda event: None)
        return document.get("text", type=Text).observe(lambda event: None)

    def record(self, document: Doc, change: Callable[[], None]) -> list[bytes]:
        updates: list[bytes] = []
        subscription = document.observe_updates(updates.append)
        change()
        document.unobserve(subscription)
        return updates

    def apply(self, document: Doc, updates: Iterable[bytes]) -> None:
        for update in updates:
            document.apply_update(update)

    def apply_list(self, document: Doc, updates: list[bytes]) -> None:
        document.apply_updates(updates)

    def merge(self, updates: list[bytes]) -> bytes:
        return merge_updates(*updates)

    def encode(self, document: Doc) -> bytes:
        return document.get_update()

    def save(self, document: Doc) -> bytes:
        return document.to_bytes()

    def open(self, saved: bytes) -> Doc:
        return Doc.from_bytes(saved)

    def text(self, document: Doc) -> str:
        return str(document.get("text", type=Text))

    def extend(self, document: Doc, values: list[int]) -> None:
        document.get("array", type=Array).extend(values)

    def insert_each(self, document: Doc, values: Iterable[tuple[int, int]]) -> None:
        array = document.get("array", type=Array)
        for index, value in values:
            array.insert(index, value)

    def array(self, document: Doc) -> list[int]:
        return list(document.get("array", type=Array))

    def set_entry(self, document: Doc, key: str, value: int) -> None:
        document.get("map", type=Map)[key] = value

    def entry(self, document: Doc, key: str) -> int:
        value: int = document.get("map", type=Map)[key]
        return value
