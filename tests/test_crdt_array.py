"""`Array`: items in order, of any plain value and of other shared types."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Doc, Map, Text
from officina.errors import LocalProtocolError


@pytest.fixture
def array() -> Array:
    return Doc(client_id=1).get("array", type=Array)


def test_items_are_kept_in_order(array: Array) -> None:
    array.append(1)
    array.extend(["two", None])
    array.insert(0, 0.5)

    assert array.to_py() == [0.5, 1, "two", None]
    assert list(array) == [0.5, 1, "two", None]
    assert len(array) == 4


def test_an_item_is_read_by_index_from_either_end(array: Array) -> None:
    array.extend([10, 20, 30])

    assert array[0] == 10
    assert array[-1] == 30
    assert array[1:] == [20, 30]


def test_an_index_outside_is_refused(array: Array) -> None:
    array.extend([1, 2])

    for index in (2, -3, 2**40):
        with pytest.raises(IndexError):
            array[index]
        with pytest.raises(IndexError):
            del array[index]
    with pytest.raises(IndexError):
        array.insert(3, "x")
    assert array.to_py() == [1, 2]


def test_an_item_can_be_replaced(array: Array) -> None:
    array.extend([1, 2, 3])

    array[1] = "two"

    assert array.to_py() == [1, "two", 3]


def test_items_can_be_deleted_alone_and_by_slice(array: Array) -> None:
    array.extend([0, 1, 2, 3, 4, 5])

    del array[0]
    del array[1:3]

    assert array.to_py() == [1, 4, 5]


def test_pop_takes_the_last_item_or_the_one_asked_for(array: Array) -> None:
    array.extend([1, 2, 3])

    assert array.pop() == 3
    assert array.pop(0) == 1
    assert array.to_py() == [2]


def test_clear_empties_an_array(array: Array) -> None:
    array.extend([1, 2])

    array.clear()

    assert array.to_py() == []


VALUES = [
    *(None, True, False, 0, 1, -1, 2**31, -(2**31), 2**53, 2**63 - 1, -(2**63), 0.5, 1e300),
    *("", "text", "😀", b"", b"\x00\xff", [], [1, [2, {"three": None}]], {}, {"a": {"b": [b"c"]}}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_plain_value_comes_back_as_it_was_also_in_another_document(
    array: Array, value: object
) -> None:
    array.append(value)
    copy = Doc()
    copy.apply_update(array.doc.get_update())

    assert array.to_py() == [value]
    assert copy.get("array", type=Array).to_py() == [value]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, object(), {1: 2}, {1, 2}], ids=repr)
def test_a_value_no_peer_could_read_is_refused_and_changes_nothing(
    array: Array, value: object
) -> None:
    array.append("kept")

    with pytest.raises((TypeError, ValueError, OverflowError)):
        array.append(value)

    assert array.to_py() == ["kept"]


def test_a_run_with_one_bad_value_is_refused_whole(array: Array) -> None:
    with pytest.raises(TypeError):
        array.extend([1, 2, object(), 3])

    assert array.to_py() == []


def test_a_list_that_contains_itself_is_refused(array: Array) -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises((ValueError, RecursionError)):
        array.append(endless)

    assert array.to_py() == []


def test_shared_types_can_be_items(array: Array) -> None:
    array.append(Text("text"))
    array.append(Array([1, Array(["inner"])]))
    array.append(Map({"key": "value"}))

    assert array.to_py() == ["text", [1, ["inner"]], {"key": "value"}]
    assert isinstance(array[0], Text)


def test_an_item_that_is_a_shared_type_can_be_edited(array: Array) -> None:
    array.append(Text("a"))

    array[0].insert(1, "b")

    assert array.to_py() == ["ab"]


def test_a_shared_type_that_was_deleted_refuses_edits(array: Array) -> None:
    array.append(Text("a"))
    orphan = array[0]
    del array[0]

    with pytest.raises(LocalProtocolError):
        orphan.insert(0, "b")

    assert array.to_py() == []


def test_an_array_is_read_from_its_end(array: Array) -> None:
    array.extend([1, 2, 3])

    assert list(reversed(array)) == [3, 2, 1]


def test_a_subclass_may_be_made_in_a_way_of_its_own() -> None:
    class Numbers(Array[int]):
        def __init__(self, *, up_to: int) -> None:
            super().__init__(list(range(up_to)))

    class Note(Text):
        def __init__(self) -> None:
            super().__init__("hello")

    doc = Doc({"numbers": Numbers(up_to=3), "note": Note()})

    assert doc.to_py() == {"numbers": [0, 1, 2], "note": "hello"}
    with pytest.raises(LocalProtocolError, match="anew"):
        doc["note"].__init__("again")
    assert str(doc["note"]) == "hello"
