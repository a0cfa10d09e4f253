"""officina's own engine, asked through `officina.crdt`."""

from __future__ import annotations

from importlib.metadata import version

from benches.python.traces import Edit
from officina.crdt import Doc, Text


class OfficinaEngine:
    """`officina.crdt.Doc` with one text."""

    name = "officina"
    version = version("officina")

    def type_all(self, edits: list[Edit]) -> Doc:
        document = Doc()
        _type(document, edits)
        return document

    def record(self, edits: list[Edit]) -> list[bytes]:
        document = Doc()
        updates: list[bytes] = []
        subscription = document.observe(lambda event: updates.append(event.update))
        _type(document, edits)
        document.unobserve(subscription)
        return updates

    def apply_all(self, updates: list[bytes]) -> Doc:
        document = Doc()
        for update in updates:
            document.apply_update(update)
        return document

    def encode(self, document: Doc) -> bytes:
        return document.get_update()

    def load(self, encoded: bytes) -> str:
        document = Doc()
        document.apply_update(encoded)
        return self.text(document)

    def text(self, document: Doc) -> str:
        return str(document.get("text", type=Text))


def _type(document: Doc, edits: list[Edit]) -> None:
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
