"""Histories for hypothesis: what several authors did to one document, and the updates it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from officina.crdt import Array, Doc, Map, Text

AUTHORS = 3
_KEYS = ["a", "b", "ключ"]

characters = st.characters(codec="utf-8")
words = st.text(characters, min_size=1, max_size=6)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(characters, max_size=4)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(characters, max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
places = st.floats(0, 1)


@dataclass(frozen=True)
class InsertText:
    """Types `text` somewhere, `at` between the beginning (0) and the end (1)."""

    author: int
    at: float
    text: str

    def apply(self, doc: Doc) -> None:
        shared = doc.get("text", type=Text)
        shared.insert(round(self.at * len(shared)), self.text)


@dataclass(frozen=True)
class DeleteText:
    """Deletes up to `count` characters."""

    author: int
    at: float
    count: int

    def apply(self, doc: Doc) -> None:
        shared = doc.get("text", type=Text)
        start = round(self.at * len(shared))
        del shared[start : min(len(shared), start + self.count)]


@dataclass(frozen=True)
class InsertItem:
    """Puts a value into the array."""

    author: int
    at: float
    value: Any

    def apply(self, doc: Doc) -> None:
        shared = doc.get("array", type=Array)
        shared.insert(round(self.at * len(shared)), self.value)


@dataclass(frozen=True)
class DeleteItem:
    """Deletes one item of the array, if it has any."""

    author: int
    at: float

    def apply(self, doc: Doc) -> None:
        shared = doc.get("array", type=Array)
        if len(shared) > 0:
            del shared[round(self.at * (len(shared) - 1))]


@dataclass(frozen=True)
class SetKey:
    """Sets a key of the map."""

    author: int
    key: str
    value: Any

    def apply(self, doc: Doc) -> None:
        doc.get("map", type=Map)[self.key] = self.value


@dataclass(frozen=True)
class DeleteKey:
    """Deletes a key of the map, if it is there."""

    author: int
    key: str

    def apply(self, doc: Doc) -> None:
        shared = doc.get("map", type=Map)
        if self.key in shared:
            del shared[self.key]


@dataclass(frozen=True)
class Fetch:
    """The author takes over all that another author has."""

    author: int
    source: int


Step = InsertText | DeleteText | InsertItem | DeleteItem | SetKey | DeleteKey | Fetch

_authors = st.integers(0, AUTHORS - 1)
_keys = st.sampled_from(_KEYS)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(InsertText, _authors, places, words),
    st.builds(InsertText, _authors, places, words),
    st.builds(DeleteText, _authors, places, st.integers(1, 5)),
    st.builds(InsertItem, _authors, places, values),
    st.builds(DeleteItem, _authors, places),
    st.builds(SetKey, _authors, _keys, values),
    st.builds(DeleteKey, _authors, _keys),
    st.builds(Fetch, _authors, _authors),
)


@dataclass(frozen=True)
class History:
    """What was done.

    Attributes:
        updates: what each edit sent, in the order the edits were made.
        document: a document that has received all of them, each after those it depends on.
    """

    updates: list[bytes]
    document: Doc


def _play(script: list[Step]) -> History:
    docs = [Doc(client_id=author + 1) for author in range(AUTHORS)]
    document = Doc(client_id=AUTHORS + 1)
    updates: list[bytes] = []
    for step in script:
        doc = docs[step.author]
        if isinstance(step, Fetch):
            doc.apply_update(docs[step.source].get_update(doc.get_state()))
            continue
        before = doc.get_state()
        had = doc.get_update()
        step.apply(doc)
        if doc.get_update() != had:
            updates.append(doc.get_update(before))
            document.apply_update(updates[-1])
    return History(updates, document)


histories = st.lists(steps, min_size=1, max_size=14).map(_play)


def delivered(*updates: bytes) -> Doc:
    """A document that has been given `updates` in this order."""
    doc = Doc(client_id=AUTHORS + 2)
    for update in updates:
        doc.apply_update(update)
    return doc


def content(doc: Doc) -> dict[str, Any]:
    """All that a reader of the document sees."""
    return {
        "text": str(doc.get("text", type=Text)),
        "array": doc.get("array", type=Array).to_py(),
        "map": doc.get("map", type=Map).to_py(),
    }
