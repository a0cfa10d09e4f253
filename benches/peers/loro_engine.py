"""loro, the Python binding of the engine with its own format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from loro import ExportMode, LoroDoc

from benches.python.questions import Columns
from benches.python.traces import Edit


class LoroEngine:
    """`loro.LoroDoc`."""

    name = "loro"
    version = version("loro")
    lacks = frozenset({"columns", "merge", "merge long"})
    """It takes no edits in bulk, and merges nothing without a document."""

    def replica(self, client: int) -> LoroDoc:
        document = LoroDoc()
        document.peer_id = client
        return document

    def type(self, document: LoroDoc, edits: Iterable[Edit]) -> None:
        text = document.get_text("text")
        for position, deleted, inserted in edits:
            if deleted:
                text.delete(position, deleted)
            if inserted:
                text.insert(position, inserted)
            document.commit()

    def type_at_once(self, document: LoroDoc, edits: Iterable[Edit]) -> None:
        text = document.get_text("text")
        for position, deleted, inserted in edits:
            if deleted:
                text.delete(position, deleted)
            if inserted:
                text.insert(position, inserted)
        document.commit()

    def type_columns(self, document: LoroDoc, edits: Columns) -> None:
        raise NotImplementedError

    def watch(self, document: LoroDoc, what: str) -> Any:
        if what == "document":
            return document.subscribe_root(lambda event: None)
        return document.get_text("text").subscribe(lambda event: None)

    def record(self, document: LoroDoc, change: Callable[[], None]) -> list[bytes]:
        updates: list[bytes] = []

        def keep(update: bytes) -> bool:
            updates.append(update)
            return True  # the binding panics when the callback returns None

        subscription = document.subscribe_local_update(keep)
        change()
        subscription.unsubscribe()
        return updates

    def apply(self, document: LoroDoc, updates: Iterable[bytes]) -> None:
        for update in updates:
            document.import_(update)

    def apply_list(self, document: LoroDoc, updates: list[bytes]) -> None:
        document.import_batch(updates)

    def merge(self, updates: list[bytes]) -> bytes:
        raise NotImplementedError

    def encode(self, document: LoroDoc) -> bytes:
        return document.export(ExportMode.Snapshot())

    def save(self, document: LoroDoc) -> bytes:
        return document.export(ExportMode.Snapshot())

    def open(self, saved: bytes) -> LoroDoc:
        document = LoroDoc()
        document.import_(saved)
        return document

    def text(self, document: LoroDoc) -> str:
        return document.get_text("text").to_string()

    def extend(self, document: LoroDoc, values: list[int]) -> None:
        array = document.get_list("array")
        for value in values:
            array.push(value)
        document.commit()

    def insert_each(self, document: LoroDoc, values: Iterable[tuple[int, int]]) -> None:
        array = document.get_list("array")
        for index, value in values:
            array.insert(index, value)
        document.commit()

    def array(self, document: LoroDoc) -> list[int]:
        values: Any = document.get_list("array").get_value()
        return list(values)

    def set_entry(self, document: LoroDoc, key: str, value: int) -> None:
        document.get_map("map").insert(key, value)
        document.commit()

    def entry(self, document: LoroDoc, key: str) -> int:
        value: Any = document.get_map("map").get(key)
        return int(value.value)
