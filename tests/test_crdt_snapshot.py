"""Versions of a document, and the document as it was in one."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Doc, Map, Snapshot, Text
from officina.errors import DecodeError, LocalProtocolError


def a_history() -> tuple[Doc, Text, Snapshot]:
    doc = Doc(client_id=7, skip_gc=True)
    doc["text"] = text = Text("hello world")
    version = Snapshot.from_doc(doc)
    del text[0:6]
    text += "!"
    return doc, text, version


def test_a_document_is_read_as_of_a_version() -> None:
    doc, text, version = a_history()
    then = Doc.from_snapshot(version, doc)
    assert then.get("text", type=Text).to_py() == "hello world"
    assert str(text) == "world!"
    assert Snapshot.from_doc(then) == version


def test_every_kind_of_type_is_read_as_of_a_version() -> None:
    doc = Doc(skip_gc=True)
    doc["list"], doc["map"] = items, entries = Array([1, 2, 3]), Map({"key": "old"})
    version = Snapshot.from_doc(doc)
    del items[1]
    entries["key"] = "new"
    entries["other"] = True
    then = Doc.from_snapshot(version, doc)
    assert then.get("list", type=Array).to_py() == [1, 2, 3]
    assert then.get("map", type=Map).to_py() == {"key": "old"}


def test_versions_have_the_bytes_of_yjs() -> None:
    doc, _, version = a_history()
    assert version.encode() == bytes([0, 1, 7, 11])
    later = Snapshot.from_doc(doc)
    assert later.encode() == bytes([1, 7, 1, 0, 6, 1, 7, 12])
    assert Snapshot.decode(later.encode()) == later != version
    assert len({version, later, Snapshot.decode(later.encode())}) == 2


def test_content_that_was_dropped_is_missed() -> None:
    doc = Doc()
    doc["text"] = text = Text("hello")
    version = Snapshot.from_doc(doc)
    text.clear()
    with pytest.raises(LocalProtocolError, match="dropped"):
        Doc.from_snapshot(version, doc)


def test_a_version_ahead_of_the_document_is_refused() -> None:
    doc, _, _ = a_history()
    with pytest.raises(LocalProtocolError, match="not received"):
        Doc.from_snapshot(Snapshot.from_doc(doc), Doc(skip_gc=True))


def test_a_document_without_collection_hands_its_past_on() -> None:
    doc, _, version = a_history()
    copy = Doc(skip_gc=True)
    copy.apply_update(doc.get_update())
    assert Doc.from_snapshot(version, copy).get("text", type=Text).to_py() == "hello world"


def test_damaged_snapshots_are_refused() -> None:
    for data in (b"", b"\x00", b"\xff", b"\x00\x00\x00"):
        with pytest.raises(DecodeError):
            Snapshot.decode(data)
