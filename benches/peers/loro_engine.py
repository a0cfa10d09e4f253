"""loro, the Python binding of the engine with its own format."""

from __future__ import annotations

from importlib.metadata import version

from loro import ExportMode, LoroDoc

from benches.python.traces import Edit


class LoroEngine:
    """`loro.LoroDoc` with one text."""

    name = "loro"
    version = version("loro")

    def type_all(self, edits: list[Edit]) -> LoroDoc:
        document = LoroDoc()
        _type(document, edits)
        return document

    def record(self, edits: list[Edit]) -> list[bytes]:
        document = LoroDoc()
        updates: list[bytes] = []

        def keep(update: bytes) -> bool:
            updates.append(update)
            return True  # the binding panics when the callback returns None

        subscription = document.subscribe_local_update(keep)
        _type(document, edits)
        subscription.unsubscribe()
        return updates

    def apply_all(self, updates: list[bytes]) -> LoroDoc:
        document = LoroDoc()
        for update in updates:
            document.import_(update)
        return document

    def encode(self, document: LoroDoc) -> bytes:
        return document.export(ExportMode.Snapshot())

    def load(self, encoded: bytes) -> str:
        document = LoroDoc()
        document.import_(encoded)
        return self.text(document)

    def text(self, document: LoroDoc) -> str:
        return document.get_text("text").to_string()


def _type(document: LoroDoc, edits: list[Edit]) -> None:
    text = document.get_text("text")
    for position, deleted, inserted in edits:
        if deleted:
            text.delete(position, deleted)
        if inserted:
            text.insert(position, inserted)
        document.commit()
