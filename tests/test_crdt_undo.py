"""What users see of undo: steps, scopes, origins, and stacks that outlive the process."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Doc, IdSet, Map, StackItem, Text, UndoManager
from officina.errors import DecodeError, LocalProtocolError


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        return self.now


def desk(**options: object) -> tuple[Doc, Text, UndoManager, Clock]:
    """A document with a text whose every change is a step of its own."""
    doc = Doc()
    doc["text"] = text = Text()
    clock = Clock()
    manager = UndoManager(scopes=[text], capture_timeout_millis=0, timestamp=clock, **options)  # type: ignore[arg-type]
    return doc, text, manager, clock


def test_edits_are_taken_back_one_by_one_and_made_again() -> None:
    _, text, manager, _ = desk()
    text += "hello"
    text += " world"
    del text[0]
    assert manager.undo()
    assert str(text) == "hello world"
    assert manager.undo()
    assert str(text) == "hello"
    assert manager.redo()
    assert manager.redo()
    assert str(text) == "ello world"
    assert not manager.redo()
    assert not manager.can_redo()


def test_nothing_to_undo_is_no_error() -> None:
    _, _, manager, _ = desk()
    assert not manager.can_undo()
    assert not manager.undo()
    assert not UndoManager().undo()


def test_changes_in_quick_succession_are_one_step() -> None:
    doc = Doc()
    doc["text"] = text = Text()
    clock = Clock()
    manager = UndoManager(scopes=[text], capture_timeout_millis=100, timestamp=clock)
    text += "a"
    clock.now += 99
    text += "b"
    clock.now += 100
    text += "c"
    assert len(manager.undo_stack) == 2
    manager.undo()
    assert str(text) == "ab"
    manager.undo()
    assert str(text) == ""


def test_a_change_after_stop_capturing_is_a_step_of_its_own() -> None:
    doc = Doc()
    doc["text"] = text = Text()
    manager = UndoManager(scopes=[text], timestamp=Clock())
    text += "a"
    manager.stop_capturing()
    text += "b"
    assert len(manager.undo_stack) == 2


def test_the_clock_is_asked_once_for_each_captured_change() -> None:
    doc, text, _manager, clock = desk()
    doc["map"] = Map()
    text += "a"
    assert clock.calls == 1
    doc["map"]["key"] = 1
    assert clock.calls == 1


def test_a_clock_may_use_the_document() -> None:
    doc = Doc()
    doc["text"] = text = Text()
    manager = UndoManager(scopes=[text], capture_timeout_millis=0, timestamp=lambda: len(text))
    text += "ab"
    assert manager.undo()


def test_an_error_of_the_clock_is_raised_and_the_change_is_kept() -> None:
    doc = Doc()
    doc["text"] = text = Text()

    def broken() -> int:
        raise ValueError("no time")

    manager = UndoManager(scopes=[text], timestamp=broken)
    with pytest.raises(ValueError, match="no time"):
        text.insert(0, "a")
    assert str(text) == "a"
    assert len(manager.undo_stack) == 1


def test_what_others_wrote_stays() -> None:
    doc, text, manager, _ = desk()
    text += "mine"
    other = Doc()
    other.apply_update(doc.get_update())
    other.get("text", type=Text).insert(2, "YOURS")
    doc.apply_update(other.get_update(doc.get_state()))
    assert str(text) == "miYOURSne"
    assert manager.undo()
    assert str(text) == "YOURS"
    assert manager.redo()
    assert str(text) == "miYOURSne"


def test_only_types_in_scope_are_captured() -> None:
    doc = Doc()
    doc["text"], doc["map"] = text, entries = Text(), Map()
    manager = UndoManager(scopes=[text])
    entries["key"] = 1
    assert not manager.can_undo()
    manager.expand_scope(entries)
    entries["key"] = 2
    assert manager.undo()
    assert entries.to_py() == {"key": 1}


def test_types_inside_a_scope_are_in_it() -> None:
    doc = Doc()
    doc["root"] = root = Array([Map({"list": Array([1])})])
    manager = UndoManager(scopes=[root], capture_timeout_millis=0)
    inner = root[0]["list"]
    inner.append(2)
    del root[0]
    assert manager.undo()
    assert root.to_py() == [{"list": [1, 2]}]
    assert manager.undo()
    assert root.to_py() == [{"list": [1]}]


def test_without_scopes_the_whole_document_is_captured() -> None:
    doc = Doc()
    manager = UndoManager(doc=doc, capture_timeout_millis=0)
    doc["text"] = text = Text("hello")
    assert str(text) == "hello"
    text.clear()
    assert manager.undo()
    assert str(text) == "hello"


def test_origins_that_are_included_are_captured_and_no_others() -> None:
    doc, text, manager, _ = desk()
    manager.include_origin("mine")
    with doc.transaction(origin="mine"):
        text += "a"
    with doc.transaction(origin="theirs"):
        text += "b"
    text += "c"
    assert len(manager.undo_stack) == 1
    manager.undo()
    assert str(text) == "bc"
    manager.exclude_origin("mine")
    text += "d"
    assert len(manager.undo_stack) == 1


def test_an_event_tells_that_a_change_was_an_undo() -> None:
    doc, text, manager, _ = desk()
    text += "a"
    origins = []
    doc.observe(lambda event: origins.append(event.origin))  # type: ignore[arg-type, return-value]
    manager.undo()
    assert origins == [manager.origin]


def test_an_undo_inside_a_transaction_is_refused() -> None:
    doc, text, manager, _ = desk()
    text += "a"
    with doc.transaction(), pytest.raises(LocalProtocolError):
        manager.undo()
    assert manager.undo()


def test_a_manager_belongs_to_one_document() -> None:
    _, _, manager, _ = desk()
    other = Doc()
    other["text"] = text = Text()
    with pytest.raises(LocalProtocolError):
        manager.expand_scope(text)


def test_a_new_change_forgets_what_could_be_made_again() -> None:
    _, text, manager, _ = desk()
    text += "a"
    manager.undo()
    assert manager.can_redo()
    text += "b"
    assert not manager.can_redo()


def test_clear_forgets_every_step() -> None:
    _, text, manager, _ = desk()
    text += "a"
    manager.clear()
    assert not manager.can_undo()
    assert not manager.undo()
    assert str(text) == "a"


def test_a_stack_outlives_its_process() -> None:
    doc = Doc(skip_gc=True)
    doc["text"] = text = Text()
    manager = UndoManager(scopes=[text], capture_timeout_millis=0)
    text += "hello world"
    del text[5:]
    text += "!"
    manager.undo()
    saved = doc.get_update()
    undo = [item.encode() for item in manager.undo_stack]
    redo = [item.encode() for item in manager.redo_stack]

    loaded = Doc()
    manager = UndoManager(
        doc=loaded,
        undo_stack=[StackItem.decode(item, meta=index) for index, item in enumerate(undo)],
        redo_stack=[StackItem.decode(item) for item in redo],
    )
    loaded.apply_update(saved)
    text = loaded.get("text", type=Text)
    assert [item.meta for item in manager.undo_stack] == [0, 1]
    assert manager.redo()
    assert str(text) == "hello!"
    assert manager.undo()
    assert manager.undo()
    assert str(text) == "hello world"
    assert manager.undo()
    assert str(text) == ""


def test_stack_items_say_what_they_did_and_can_be_joined() -> None:
    doc, text, manager, _ = desk()
    text += "ab"
    del text[0]
    first, second = manager.undo_stack
    assert first.insertions.ranges() == [(doc.client_id, 0, 2)]
    assert second.deletions.ranges() == [(doc.client_id, 0, 1)]
    a = StackItem(doc, first.deletions, first.insertions, meta="a")
    b = StackItem(doc, second.deletions, second.insertions, meta="b")
    assert StackItem.merge(a, b).meta == "a"
    joined = StackItem.merge(a, b, lambda one, two: f"{one}{two}")
    assert joined.meta == "ab"
    assert joined.insertions == first.insertions
    assert joined.deletions == second.deletions
    assert IdSet.decode(joined.deletions.encode()) == joined.deletions
    restored = UndoManager(scopes=[text], undo_stack=[joined])
    assert [item.meta for item in restored.undo_stack] == ["ab"]


def test_damaged_stack_items_are_refused() -> None:
    for data in (b"", b"\x02", b"\x01\x00", b"\x01\x00\x00\x00", b"\x01\x00\x00\x00\x00\x00"):
        with pytest.raises(DecodeError):
            StackItem.decode(data)


def test_deleted_content_is_dropped_again_once_the_manager_is_gone() -> None:
    doc, text, manager, _ = desk()
    text += "kept as long as somebody may undo it"
    text.clear()
    assert b"somebody" in doc.get_update()
    del manager
    text += "dropped at once"
    text.clear()
    assert b"dropped" not in doc.get_update()


def receive_what_leaves_two_marks(*origins: str, clock: Clock) -> tuple[Doc, UndoManager]:
    """Has a document with an undo manager tidy up after an update."""
    docs = [Doc({"text": Text()}, client_id=client) for client in (1, 2)]
    ours, theirs = (doc.get("text", type=Text) for doc in docs)
    ours.insert(0, "abcd")
    docs[1].apply_update(docs[0].get_update())
    ours.format(1, 3, {"bold": True})
    del theirs[0:4]
    manager = UndoManager(scopes=[ours], capture_timeout_millis=0, timestamp=clock)
    for origin in origins:
        manager.include_origin(origin)
    docs[0].apply_update(docs[1].get_update(docs[0].get_state()))
    return docs[0], manager


def test_tidying_after_an_update_is_a_step_as_in_yjs() -> None:
    clock = Clock()
    doc, manager = receive_what_leaves_two_marks(clock=clock)
    assert clock.calls == 1
    assert len(manager.undo_stack) == 1
    assert manager.undo()
    # The bytes are those of npm yjs 13.6 after the same.
    assert doc.get_update().hex() == (
        "0106010001010474657874018101000281010201c60100010104626f6c640474727565"
        "c60102010304626f6c64046e756c6cc60100010404626f6c6404747275650101010005"
    )
    assert manager.redo()


def test_tidying_is_no_step_of_a_manager_that_tracks_origins() -> None:
    _, manager = receive_what_leaves_two_marks("editor", clock=Clock())
    assert not manager.can_undo()


def test_what_others_set_in_a_deleted_map_comes_back_in_the_order_in_which_it_was_set() -> None:
    """As in Yjs, whose maps remember that order; it decides which clocks the copies get."""
    ours, second, third = (Doc(client_id=client) for client in (1, 2, 3))
    ours["names"] = Map({"alpha": 1, "omega": 2})
    ours["list"] = array = Array([Map()])
    for doc, key in ((third, "omega"), (second, "alpha")):
        doc.apply_update(ours.get_update())
        doc.get("list", type=Array)[0][key] = True
        ours.apply_update(doc.get_update(ours.get_state()))
    manager = UndoManager(scopes=[array])
    del array[0]
    updates: list[bytes] = []
    subscription = ours.observe(lambda event: updates.append(event.update))
    assert manager.undo()
    subscription.drop()
    [update] = updates
    assert update.index(b"omega") < update.index(b"alpha")
    assert array.to_py() == [{"omega": True, "alpha": True}]


def test_an_undo_beside_what_was_brought_back_twice_is_the_same_everywhere() -> None:
    """The deleted `x` stands right of `z`, but what it came back as stands left of it."""
    doc: Doc = Doc(client_id=5)
    doc["list"] = outer = Array()
    manager = UndoManager(scopes=[outer], capture_timeout_millis=0)
    outer.append(Array(["w", "x"]))
    del outer[0][1]
    manager.undo()
    other: Doc = Doc(client_id=6)
    other.apply_update(doc.get_update())
    other.get("list", type=Array)[0].append("z")
    with doc.transaction(origin="other"):
        doc.apply_update(other.get_update(doc.get_state()))
    del outer[0]

    manager.undo()

    reader: Doc = Doc()
    reader.apply_update(doc.get_update())
    assert outer.to_py() == [["w", "x", "z"]]
    assert reader.get("list", type=Array).to_py() == [["w", "x", "z"]]


def test_what_came_back_and_was_cut_apart_since_goes_as_a_whole() -> None:
    doc = Doc({"text": Text("inner")})
    text = doc.get("text", type=Text)
    manager = UndoManager(scopes=[text], capture_timeout_millis=0)
    text.insert(0, "abc")
    del text[:3]
    manager.undo()
    text.insert(1, "X")

    manager.undo()
    assert str(text) == "abcinner"
    manager.undo()
    assert str(text) == "inner"
    manager.redo()
    manager.redo()
    assert str(text) == "aXbcinner"


def test_what_came_back_beside_something_else_goes_alone() -> None:
    doc = Doc({"map": Map({"text": Text("inner")})})
    root = doc.get("map", type=Map)
    manager = UndoManager(scopes=[root], capture_timeout_millis=0)
    root["text"].insert(0, "a")
    del root["text"][1]
    del root["text"]

    texts: list[str] = []
    while manager.undo():
        texts.append(str(root["text"]))
    assert texts == ["anner", "ainner", "inner"]


def test_a_step_of_another_manager_takes_away_what_came_back_and_what_was_added_to_it() -> None:
    doc = Doc()
    array = doc.get("array", type=Array)
    first = UndoManager(scopes=[array], capture_timeout_millis=0)
    second = UndoManager(scopes=[array], capture_timeout_millis=10**12)
    origins: list[object] = []
    doc.observe(lambda event: origins.append(event.origin))
    for manager in (first, second):
        manager.include_origin("user")
    with doc.transaction(origin="user"):
        array.append(0)
    first.undo()
    second.include_origin(origins[-1])
    second.clear()

    with doc.transaction(origin="user"):
        array.extend([1, 2, 3])
    with doc.transaction(origin="user"):
        del array[:]
    first.undo()
    with doc.transaction(origin="user"):
        array.append(4)
    assert array.to_py() == [1, 2, 3, 4]

    assert len(second.undo_stack) == 1
    second.undo()
    assert array.to_py() == []


@pytest.mark.parametrize("attached_first", [True, False])
def test_a_saved_stack_takes_away_what_was_brought_back(attached_first: bool) -> None:
    doc = Doc({"text": Text()}, client_id=1)
    text = doc.get("text", type=Text)
    live = UndoManager(scopes=[text], capture_timeout_millis=0)
    text += "one"
    text += " two"
    for _ in range(2):
        del text[0:1]
        live.undo()
    saved = [step.encode() for step in live.undo_stack]

    copy = Doc({"text": Text()}, client_id=2)
    same = copy.get("text", type=Text)
    steps = [StackItem.decode(step) for step in saved]
    if attached_first:
        restored = UndoManager(scopes=[same], undo_stack=steps)
        copy.apply_update(doc.get_update())
    else:
        copy.apply_update(doc.get_update())
        restored = UndoManager(scopes=[same], undo_stack=steps)
    assert str(same) == "one two"
    for expected in ("one", ""):
        live.undo()
        restored.undo()
        assert (str(text), str(same)) == (expected, expected)


@pytest.mark.parametrize("before", ["", "w"])
@pytest.mark.parametrize("cut", [False, True])
def test_a_text_comes_back_as_it_was_with_what_was_put_where_a_part_had_been(
    before: str, cut: bool
) -> None:
    doc, other = Doc(client_id=1), Doc(client_id=2)
    doc["root"] = root = Array([Text(before)])
    manager = UndoManager(scopes=[root], capture_timeout_millis=0)
    at = len(before)
    root[0].insert(at, "ab")
    other.apply_update(doc.get_update())
    del root[0][at : at + 2]
    manager.undo()
    if cut:
        root[0].insert(at + 1, "Z")
    other.get("root", type=Array)[0].insert(at + 1, "X")
    doc.apply_update(other.get_update())
    whole = str(root[0])
    assert whole == before + ("aZbX" if cut else "abX")

    root.pop(0)
    manager.undo()
    assert str(root[0]) == whole
    while len(manager.undo_stack) > 0:
        manager.undo()
    assert str(root[0]) == before + "X"
    while manager.redo():
        pass
    assert len(root) == 0
