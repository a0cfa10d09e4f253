"""Positions that stay with their content."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Assoc, Doc, Map, StickyIndex, Text, UndoManager
from officina.errors import DecodeError, LocalProtocolError


def a_text(content: str, **options: object) -> tuple[Doc, Text]:
    doc = Doc(client_id=7, **options)  # type: ignore[arg-type]
    doc["text"] = text = Text(content)
    return doc, text


def test_a_position_moves_with_what_is_inserted_before_it() -> None:
    _, text = a_text("a😀bc")
    after, before = text.sticky_index(2), text.sticky_index(2, Assoc.BEFORE)
    text.insert(2, "xy")
    assert after.get_index() == 4
    assert before.get_index() == 2
    text.insert(0, "😀")
    assert after.get_index() == 5
    assert (after.assoc, before.assoc) == (Assoc.AFTER, Assoc.BEFORE)


def test_a_position_whose_character_is_deleted_is_where_that_was() -> None:
    _, text = a_text("abcdef")
    position = text.sticky_index(3)
    del text[1:5]
    assert position.get_index() == 1


def test_a_position_follows_its_character_through_undo() -> None:
    _, text = a_text("abcdef")
    manager = UndoManager(scopes=[text])
    position = text.sticky_index(4)
    del text[3:5]
    manager.undo()
    assert position.get_index() == 4


def test_the_ends_stay_the_ends() -> None:
    _, text = a_text("abc")
    end, start = text.sticky_index(3), text.sticky_index(0, Assoc.BEFORE)
    text += "def"
    text.insert(0, "xyz")
    assert (start.get_index(), end.get_index()) == (0, 9)


def test_bytes_and_json_are_those_of_yjs() -> None:
    _, text = a_text("hello")
    unit, edge = text.sticky_index(2), text.sticky_index(0, Assoc.BEFORE)
    assert unit.encode() == bytes([0, 7, 2, 0])
    assert unit.to_json() == {"item": {"client": 7, "clock": 2}, "assoc": 0}
    assert edge.encode() == b"\x01\x04textA"
    assert edge.to_json() == {"tname": "text", "assoc": -1}


def test_a_position_in_an_inner_type_names_that() -> None:
    doc = Doc(client_id=7)
    doc["map"] = root = Map({"list": Array([])})
    position = StickyIndex.new(root["list"], 0, Assoc.AFTER)
    assert position.to_json() == {"type": {"client": 7, "clock": 0}, "assoc": 0}
    root["list"].extend([1, 2])
    assert position.get_index() == 2


def test_another_replica_finds_the_position() -> None:
    doc, text = a_text("hello")
    position = text.sticky_index(2)
    other = Doc()
    other.apply_update(doc.get_update())
    elsewhere = other.get("text", type=Text)
    elsewhere.insert(0, "oh, ")
    for copy in (
        StickyIndex.decode(position.encode(), elsewhere),
        StickyIndex.from_json(position.to_json(), elsewhere),
    ):
        assert copy.get_index() == 6
        assert copy == position
    alone = StickyIndex.decode(position.encode())
    with pytest.raises(RuntimeError):
        alone.get_index()
    with other.transaction() as transaction:
        assert alone.get_index(transaction) == 6


def test_json_of_yjs_may_name_the_type_as_well() -> None:
    _, text = a_text("hello")
    json = {"tname": "text", "item": {"client": 7, "clock": 1}, "type": None, "assoc": 0}
    assert StickyIndex.from_json(json, text).get_index() == 1


def test_content_that_has_not_arrived_has_no_index() -> None:
    _, text = a_text("hello")
    position = StickyIndex.from_json({"item": {"client": 9, "clock": 0}}, text)
    with pytest.raises(LocalProtocolError):
        position.get_index()


def test_positions_out_of_range_are_refused() -> None:
    _, text = a_text("abc")
    for index in (-1, 4):
        with pytest.raises(IndexError):
            text.sticky_index(index)
    with pytest.raises(LocalProtocolError):
        Text("new").sticky_index(0)


def test_damaged_positions_are_refused() -> None:
    for data in (b"", b"\x03", b"\x00\x07", b"\x00\x07\x03\x00\x00"):
        with pytest.raises(DecodeError):
            StickyIndex.decode(data)
    with pytest.raises(DecodeError):
        StickyIndex.from_json({})


def test_indices_count_what_the_document_counts() -> None:
    _, text = a_text("a😀b", offsets="utf16")
    assert text.sticky_index(3).encode() == bytes([0, 7, 3, 0])
    with pytest.raises(ValueError, match="inside a character"):
        text.sticky_index(2)
