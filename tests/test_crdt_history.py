"""What a text was, who wrote it, and moving within an array."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Doc, Map, Snapshot, Text, UndoManager
from officina.errors import LocalProtocolError


def test_the_difference_between_two_versions_is_a_delta() -> None:
    doc = Doc(skip_gc=True)
    doc["text"] = text = Text("hello 😀 world")
    old = Snapshot.from_doc(doc)
    del text[6:8]
    text.insert(0, "oh ")
    new = Snapshot.from_doc(doc)
    text.clear()
    assert text.delta_between(old, new) == [{"insert": "oh "}, {"retain": 6}, {"delete": 2}]
    assert text.delta_between(new, old) == [{"delete": 3}, {"retain": 6}, {"insert": "😀 "}]
    assert text.delta_between(new) == [{"delete": 14}]
    assert text.delta_between(new, new) == []


def test_the_difference_to_a_version_that_was_dropped_is_refused() -> None:
    doc = Doc()
    doc["text"] = text = Text("hello")
    old = Snapshot.from_doc(doc)
    text.clear()
    with pytest.raises(LocalProtocolError, match="dropped"):
        text.delta_between(old)


def test_every_stretch_of_a_text_names_its_author() -> None:
    ours, theirs = Doc(client_id=1), Doc(client_id=2)
    ours["text"] = text = Text("hello world")
    theirs.apply_update(ours.get_update())
    theirs.get("text", type=Text).insert(5, "😀😀")
    ours.apply_update(theirs.get_update(ours.get_state()))
    assert text.attribution() == [(1, 0, 5), (2, 5, 7), (1, 7, 13)]
    assert text.attribution(6, 8) == [(2, 6, 7), (1, 7, 8)]
    with pytest.raises(IndexError):
        text.attribution(0, 14)


def test_an_element_moves_as_one_step() -> None:
    doc = Doc()
    doc["array"] = array = Array([0, 1, 2, 3])
    manager = UndoManager(scopes=[array], capture_timeout_millis=0)
    array.move(0, 3)
    assert array.to_py() == [1, 2, 0, 3]
    array.move(-1, 0)
    assert array.to_py() == [3, 1, 2, 0]
    array.move(0, 4)
    assert array.to_py() == [1, 2, 0, 3]
    assert len(manager.undo_stack) == 3
    while manager.undo():
        pass
    assert array.to_py() == [0, 1, 2, 3]


def test_a_shared_type_moves_with_its_content() -> None:
    doc = Doc()
    doc["array"] = array = Array([Map({"text": Text("hello")}), 1])
    array.move(0, 2)
    assert array.to_py() == [1, {"text": "hello"}]
    text = array[1]["text"]
    text += " world"
    assert array.to_py() == [1, {"text": "hello world"}]


def test_moves_out_of_range_are_refused() -> None:
    doc = Doc()
    doc["array"] = array = Array([0, 1])
    for source, destination in ((2, 0), (0, 3), (0, -1)):
        with pytest.raises(IndexError):
            array.move(source, destination)
    assert array.to_py() == [0, 1]
