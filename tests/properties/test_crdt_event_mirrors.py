"""An observer that carries out every event on its own copy always has the document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_values import canonical
from officina.crdt import Array, ArrayEvent, Doc, Map, MapEvent, Text, TextEvent
from properties.histories import History, content, histories
from reference.naive_text import NaiveText, Offsets


class Mirror:
    """Plain copies of the three roots, kept up to date by nothing but events."""

    def __init__(self, doc: Doc, offsets: Offsets = "codepoint") -> None:
        self._text = NaiveText(offsets)
        self._width = lambda text: len(_measured(text, offsets))
        self._array: list[Any] = []
        self._map: dict[str, Any] = {}
        doc.get("text", type=Text).observe(self._text_changed)
        doc.get("array", type=Array).observe(self._array_changed)
        doc.get("map", type=Map).observe(self._map_changed)

    @property
    def content(self) -> dict[str, Any]:
        return {"text": str(self._text), "array": self._array, "map": self._map}

    def _text_changed(self, event: TextEvent) -> None:
        at = 0
        for change in event.delta:
            if "insert" in change:
                self._text.insert(at, change["insert"])
                at += self._width(change["insert"])
            elif "delete" in change:
                self._text.delete(at, at + change["delete"])
            else:
                at += change["retain"]

    def _array_changed(self, event: ArrayEvent) -> None:
        at = 0
        for change in event.delta:
            if "insert" in change:
                self._array[at:at] = change["insert"]
                at += len(change["insert"])
            elif "delete" in change:
                del self._array[at : at + change["delete"]]
            else:
                at += change["retain"]

    def _map_changed(self, event: MapEvent) -> None:
        for key, change in event.keys.items():
            if change["action"] == "add":
                assert key not in self._map
            else:
                assert canonical(self._map[key]) == canonical(change["oldValue"])
            if change["action"] == "delete":
                del self._map[key]
            else:
                self._map[key] = change["newValue"]


def _measured(text: str, offsets: Offsets) -> NaiveText:
    measured = NaiveText(offsets)
    measured.insert(0, text)
    return measured


@pytest.mark.parametrize("offsets", ["codepoint", "utf8", "utf16"])
@given(history=histories, data=st.data())
def test_a_mirror_fed_by_events_equals_the_document_whatever_the_order_of_updates(
    offsets: Offsets, history: History, data: st.DataObject
) -> None:
    doc = Doc(offsets=offsets)
    mirror = Mirror(doc, offsets)

    for update in data.draw(st.permutations(history.updates)):
        doc.apply_update(update)

        assert canonical(mirror.content) == canonical(content(doc))


@given(histories, st.data())
def test_a_mirror_fed_by_one_event_for_many_updates_equals_the_document(
    history: History, data: st.DataObject
) -> None:
    """What was inserted and deleted again within the transaction does not show."""
    doc = Doc()
    mirror = Mirror(doc)
    half = data.draw(st.integers(0, len(history.updates)))

    for part in (history.updates[:half], history.updates[half:]):
        with doc.transaction():
            for update in part:
                doc.apply_update(update)

        assert canonical(mirror.content) == canonical(content(doc))
