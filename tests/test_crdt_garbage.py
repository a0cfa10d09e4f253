"""Documents go when nobody refers to them any more, and not before."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from officina.crdt import Array, Doc, Map, Text, UndoManager

Observe = Callable[[Doc[Any], Callable[..., None]], object]

OBSERVED: dict[str, Observe] = {
    "document": lambda doc, look: doc.observe(look),
    "updates": lambda doc, look: doc.observe_updates(look),
    "subdocuments": lambda doc, look: doc.observe_subdocs(look),
    "everything": lambda doc, look: doc.observe_deep(look),
    "text": lambda doc, look: doc["text"].observe(look),
    "text, deep": lambda doc, look: doc["text"].observe_deep(look),
}


class Editor:
    """Looks at what it edits, as programs do."""

    def __init__(self, observe: Observe) -> None:
        self.doc = Doc({"text": Text(), "array": Array()})
        self.text = self.doc["text"]
        self.seen = 0
        observe(self.doc, self.look)

    def look(self, event: object) -> None:
        self.seen += 1


@pytest.mark.parametrize("observed", OBSERVED)
def test_an_observer_that_refers_to_its_document_goes_with_it(observed: str) -> None:
    editor = Editor(OBSERVED[observed])
    inner = Doc()
    editor.doc["array"].append(inner)
    editor.text += "x"
    assert editor.seen > 0
    undo = UndoManager(scopes=[editor.text])
    gone = [weakref.ref(it) for it in (editor, editor.doc, editor.text, undo)]

    del editor, inner, undo
    gc.collect()

    assert [reference() for reference in gone] == [None] * len(gone)


@pytest.mark.parametrize("held", ["document", "text", "undo manager"])
def test_an_observer_stays_as_long_as_anything_can_change_the_document(held: str) -> None:
    seen: list[int] = []

    def make() -> Any:
        doc = Doc({"text": Text()})
        text = doc["text"]
        text.observe(lambda event: seen.append(len(text)))
        undo = UndoManager(scopes=[text])
        text += "x"
        return {"document": doc, "text": text, "undo manager": undo}[held]

    left = make()
    gc.collect()
    match left:
        case Doc():
            left["text"] += "y"
        case Text():
            left += "y"
        case _:
            left.undo()

    assert seen == [1, 0 if held == "undo manager" else 2]


def test_an_observer_of_a_subdocument_stays_with_the_parent() -> None:
    parent: Doc[Any] = Doc({"map": Map()})
    seen: list[object] = []

    def listen() -> None:
        parent["map"]["sub"] = Doc()
        inner = parent["map"]["sub"]
        inner.observe(lambda event: seen.append(inner))

    listen()
    gc.collect()
    parent["map"]["sub"]["text"] = Text("x")

    assert len(seen) == 1


def test_the_collector_may_look_at_any_time() -> None:
    is_over = threading.Event()

    def collect() -> None:
        while not is_over.is_set():
            gc.collect()

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _ in range(200):
            editor = Editor(OBSERVED["text"])
            source = Doc({"text": Text("typed " * 500)})
            editor.doc.apply_update(source.get_update())
            subscription = editor.text.observe(editor.look)
            editor.text += "x"
            editor.text.unobserve(subscription)
            editor.text += "y"
            assert editor.seen == 4
    finally:
        is_over.set()
        collector.join()
