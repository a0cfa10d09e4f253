"""Documents inside documents: one object a place, options for every replica, events."""

from __future__ import annotations

import gc
import threading
from typing import Any
from uuid import UUID

import pytest

from officina.crdt import Array, Doc, Map, Snapshot, SubdocsEvent, Text

Heard = list[tuple[list[str], list[str], list[str]]]


def listen(doc: Doc[Any]) -> Heard:
    """Notes what every event says as (added, removed, loaded)."""
    heard: Heard = []
    doc.observe_subdocs(lambda event: heard.append((event.added, event.removed, event.loaded)))
    return heard


def parent_and_replica(**options: Any) -> tuple[Doc[Any], Doc[Any]]:
    """A document with a subdocument "inner" under map["sub"], and a replica of it."""
    parent: Doc[Any] = Doc({"map": Map({"sub": Doc(guid="inner", **options)})}, client_id=1)
    replica: Doc[Any] = Doc({"map": Map()}, client_id=2)
    replica.apply_update(parent.get_update())
    return parent, replica


def test_a_guid_is_random_unless_it_is_given() -> None:
    assert UUID(Doc().guid).version == 4
    assert Doc().guid != Doc().guid
    assert Doc(guid="mine").guid == "mine"


def test_every_read_of_one_place_gives_the_same_document() -> None:
    inner: Doc[Any] = Doc(guid="inner")
    parent: Doc[Any] = Doc()
    parent["map"] = entries = Map({"sub": inner})
    assert entries["sub"] is inner
    inner["text"] = Text("hello")
    del inner
    gc.collect()
    assert str(entries["sub"].get("text", type=Text)) == "hello"
    assert entries["sub"].guid == "inner"


def test_a_replica_opens_its_own_and_syncs_it_by_its_own_updates() -> None:
    parent, replica = parent_and_replica()
    ours = parent["map"]["sub"]
    ours["text"] = Text("hello")
    theirs = replica["map"]["sub"]
    assert theirs.guid == "inner"
    assert list(theirs) == []
    theirs.apply_update(ours.get_update())
    assert str(replica["map"]["sub"]["text"]) == "hello"
    assert parent.get_update() == replica.get_update()


def test_edits_carry_the_client_id_of_the_parent() -> None:
    parent, replica = parent_and_replica(client_id=7)
    assert parent["map"]["sub"].client_id == 1
    assert replica["map"]["sub"].client_id == 2


def test_subdocuments_stand_in_arrays_as_well() -> None:
    parent: Doc[Any] = Doc()
    parent["array"] = array = Array([1, Doc(guid="a"), "x"])
    array.append(Doc(guid="b"))
    assert [value.guid for value in array if isinstance(value, Doc)] == ["a", "b"]
    assert sorted(subdoc.guid for subdoc in parent.subdocs) == ["a", "b"]
    del array[1]
    assert [subdoc.guid for subdoc in parent.subdocs] == ["b"]


def test_plain_values_keep_subdocuments_and_json_names_them() -> None:
    parent, replica = parent_and_replica()
    assert parent["map"].to_py()["sub"] is parent["map"]["sub"]
    assert replica.to_py()["map"]["sub"].guid == "inner"
    assert str(parent["map"]) == '{"sub":{"guid":"inner"}}'


def test_a_document_is_in_one_place_only() -> None:
    parent, _ = parent_and_replica()
    entries = parent["map"]
    with pytest.raises(RuntimeError):
        entries["again"] = entries["sub"]
    twice: Doc[Any] = Doc()
    with pytest.raises(RuntimeError):
        entries.update({"a": twice, "b": twice})
    with pytest.raises(TypeError):
        parent["root"] = Doc()
    assert list(entries) == ["sub"]


def test_options_reach_every_replica() -> None:
    meta = {"title": "x", "tags": [1, None]}
    parent, replica = parent_and_replica(auto_load=True, meta=meta)
    for doc in (parent, replica):
        inner = doc["map"]["sub"]
        assert (inner.auto_load, inner.should_load, inner.meta) == (True, True, meta)
    _, replica = parent_and_replica()
    inner = replica["map"]["sub"]
    assert (inner.auto_load, inner.should_load, inner.meta) == (False, False, None)


def test_options_are_written_as_yjs_writes_them() -> None:
    parent: Doc[Any] = Doc({"m": Map()}, client_id=1)
    parent["m"]["s"] = Doc(guid="g", auto_load=True, meta=5)
    block = b"\x29\x01\x01m\x01s" + b"\x01g\x76\x02\x08autoLoad\x78\x04meta\x7d\x05"
    assert parent.get_update() == b"\x01\x01\x01\x00" + block + b"\x00"


def test_options_that_others_write_are_read_and_passed_on() -> None:
    options = b"\x76\x04\x08autoLoad\x79\x0ashouldLoad\x78\x08encoding\x7d\x01\x02gc\x78"
    update = b"\x01\x01\x05\x00\x29\x01\x01m\x01s\x03abc" + options + b"\x00"
    doc: Doc[Any] = Doc({"m": Map()})
    doc.apply_update(update)
    assert doc["m"]["s"].guid == "abc"
    assert doc["m"]["s"].should_load
    assert doc.get_update() == update


def test_observers_hear_what_came_and_what_is_gone() -> None:
    parent: Doc[Any] = Doc({"map": Map()})
    entries = parent["map"]
    heard = listen(parent)
    entries["a"] = Doc(guid="a")
    entries["b"] = Doc(guid="b", should_load=False)
    entries["a"] = Doc(guid="c")
    del entries["b"]
    entries["plain"] = 1
    assert heard == [
        (["a"], [], ["a"]),
        (["b"], [], []),
        (["c"], ["a"], ["c"]),
        ([], ["b"], []),
    ]


def test_one_transaction_is_one_event() -> None:
    parent: Doc[Any] = Doc({"map": Map()})
    heard = listen(parent)
    with parent.transaction():
        parent["map"]["a"] = Doc(guid="a", should_load=False)
        parent["map"]["b"] = Doc(guid="b", should_load=False)
        del parent["map"]["a"]
    assert heard == [(["b"], [], [])]


def test_a_replica_hears_of_them_too() -> None:
    parent, replica = parent_and_replica()
    heard = listen(replica)
    parent["map"]["auto"] = Doc(guid="auto", auto_load=True)
    del parent["map"]["sub"]
    replica.apply_update(parent.get_update())
    assert heard == [(["auto"], ["inner"], ["auto"])]


def test_an_event_prints_its_guids() -> None:
    events: list[SubdocsEvent] = []
    parent: Doc[Any] = Doc({"map": Map()})
    parent.observe_subdocs(events.append)
    parent["map"]["a"] = Doc(guid="a")
    assert repr(events[0]) == 'SubdocsEvent(added=["a"], removed=[], loaded=["a"])'


def test_loading_is_told_once() -> None:
    parent, replica = parent_and_replica()
    updates: list[bytes] = []
    replica.observe(lambda event: updates.append(event.update))
    heard = listen(replica)
    inner = replica["map"]["sub"]
    inner.load()
    inner.load()
    parent["map"]["sub"].load()
    assert inner.should_load
    assert heard == [([], [], ["inner"])]
    assert updates == []


def test_a_document_alone_can_be_loaded_and_destroyed() -> None:
    doc: Doc[Any] = Doc({"text": Text("x")}, should_load=False)
    heard: list[object] = []
    doc.observe(heard.append)
    doc.load()
    assert doc.should_load
    doc.destroy()
    assert doc.is_destroyed
    doc["text"] += "y"
    assert heard == []


def test_a_destroyed_subdocument_is_replaced_by_a_new_one() -> None:
    parent, _ = parent_and_replica(meta=1)
    old = parent["map"]["sub"]
    old["text"] = Text("old")
    nested: Doc[Any] = Doc(guid="nested")
    old["map"] = Map({"nested": nested})
    heard = listen(parent)
    old.destroy()
    new = parent["map"]["sub"]
    assert new is not old
    assert (new.guid, new.meta, new.should_load, list(new)) == ("inner", 1, False, [])
    assert old.is_destroyed
    assert nested.is_destroyed
    assert not new.is_destroyed
    assert heard == [(["inner"], ["inner"], [])]
    old.destroy()
    new.load()
    assert heard[1:] == [([], [], ["inner"])]


def test_a_removed_subdocument_is_destroyed_but_can_still_be_read() -> None:
    parent, _ = parent_and_replica()
    inner = parent["map"]["sub"]
    inner["text"] = Text("kept")
    heard = listen(parent)
    del parent["map"]["sub"]
    assert inner.is_destroyed
    inner.load()
    assert str(inner["text"]) == "kept"
    assert heard == [([], ["inner"], [])]


def test_map_events_show_subdocuments() -> None:
    parent, _ = parent_and_replica()
    inner = parent["map"]["sub"]
    changes: list[dict[str, Any]] = []
    parent["map"].observe(lambda event: changes.append(event.keys))
    other: Doc[Any] = Doc(guid="other")
    parent["map"]["sub"] = other
    assert changes == [{"sub": {"action": "update", "oldValue": inner, "newValue": other}}]


def open_in_threads(replica: Doc[Any]) -> list[Doc[Any]]:
    """Opens the subdocument in four threads at once, each writing into it."""
    start = threading.Barrier(4)
    found: list[Doc[Any]] = []

    def read() -> None:
        start.wait()
        inner = replica["map"]["sub"]
        inner.get("map", type=Map)[str(threading.get_ident())] = True
        found.append(inner)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    return found


def test_threads_that_read_one_place_get_one_document() -> None:
    for _ in range(20):
        _, replica = parent_and_replica()
        found = open_in_threads(replica)
        assert len(found) == 4
        assert all(inner is found[0] for inner in found)
        assert len(found[0]["map"]) == 4


def test_every_replica_keeps_what_is_deleted_in_a_document_that_is_made_so() -> None:
    _, replica = parent_and_replica(skip_gc=True)
    inner = replica["map"]["sub"]
    inner["text"] = Text("hello")
    snapshot = Snapshot.from_doc(inner)
    del inner["text"][0:4]
    old: Doc[Any] = Doc.from_snapshot(snapshot, inner)
    assert str(old.get("text", type=Text)) == "hello"


@pytest.mark.parametrize("depth", [0, 1])
def test_a_document_that_is_moved_stays_the_same(depth: int) -> None:
    doc = Doc({"array": Array()})
    array, inner = doc["array"], Doc(guid="inner")
    array.append(Map({"in": inner}) if depth else inner)
    array.append(1)
    inner["text"] = Text("content")
    heard = listen(doc)

    array.move(0, 2)

    found = array[1]["in"] if depth else array[1]
    assert found is inner
    assert not inner.is_destroyed
    assert heard == [(["inner"], ["inner"], [])]
    array.move(1, 0)
    inner["text"] += "!"
    assert str((array[0]["in"] if depth else array[0])["text"]) == "content!"
    del array[0]
    assert inner.is_destroyed


def test_a_document_that_was_moved_is_loaded_and_destroyed_where_it_is() -> None:
    doc = Doc({"array": Array()})
    array, inner = doc["array"], Doc(guid="inner", should_load=False)
    array.extend([inner, 1, 2])
    heard = listen(doc)

    with doc.transaction():
        array.move(0, 3)
        inner.load()
    with doc.transaction():
        array.move(2, 0)
        inner.destroy()

    assert heard[0] == (["inner"], ["inner"], ["inner"])
    assert array[0] is not inner
    assert array[0].guid == "inner"
    with doc.transaction():
        array.append(other := Doc(guid="other"))
        array.move(3, 0)
    assert heard[-1] == (["other"], [], ["other"])
    assert array[0] is other


def test_a_document_in_a_value_is_its_guid_in_json() -> None:
    doc = Doc({"map": Map({"sub": Doc(guid="inner")})})

    assert str(doc["map"]) == '{"sub":{"guid":"inner"}}'
