"""`Map`: keys and values; of two values set at once, all replicas keep the same one."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Doc, Map, Text
from officina.errors import LocalProtocolError


@pytest.fixture
def shared() -> Map:
    return Doc(client_id=1).get("map", type=Map)


def test_a_map_is_read_like_a_dictionary(shared: Map) -> None:
    shared["a"] = 1
    shared["b"] = "two"

    assert shared["a"] == 1
    assert shared.get("b") == "two"
    assert shared.get("c") is None
    assert shared.get("c", "default") == "default"
    assert "a" in shared
    assert "c" not in shared
    assert len(shared) == 2
    assert sorted(shared) == ["a", "b"]
    assert sorted(shared.keys()) == ["a", "b"]
    assert dict(shared.items()) == shared.to_py() == {"a": 1, "b": "two"}


def test_a_key_set_again_has_the_last_value(shared: Map) -> None:
    shared["a"] = 1
    shared["a"] = 2

    assert shared.to_py() == {"a": 2}


def test_a_missing_key_is_a_key_error(shared: Map) -> None:
    with pytest.raises(KeyError):
        shared["a"]
    with pytest.raises(KeyError):
        del shared["a"]


def test_a_deleted_key_is_gone_and_can_come_back(shared: Map) -> None:
    shared["a"] = 1
    del shared["a"]

    assert shared.to_py() == {}
    shared["a"] = 2
    assert shared.to_py() == {"a": 2}


def test_pop_returns_what_it_removes(shared: Map) -> None:
    shared["a"] = 1

    assert shared.pop("a") == 1
    assert shared.pop("a", "default") == "default"
    assert shared.to_py() == {}


def test_update_sets_many_keys(shared: Map) -> None:
    shared.update({"a": 1, "b": 2})

    assert shared.to_py() == {"a": 1, "b": 2}


def test_clear_empties_a_map(shared: Map) -> None:
    shared.update({"a": 1, "b": 2})

    shared.clear()

    assert shared.to_py() == {}


def test_keys_are_strings(shared: Map) -> None:
    with pytest.raises(LocalProtocolError):
        shared[1] = "one"

    assert shared.to_py() == {}


def test_shared_types_can_be_values(shared: Map) -> None:
    shared["text"] = Text("text")
    shared["array"] = Array([1])
    shared["map"] = Map({"inner": Map({"key": Text("deep")})})

    assert shared.to_py() == {"text": "text", "array": [1], "map": {"inner": {"key": "deep"}}}
    shared["map"]["inner"]["key"].insert(4, "er")
    assert shared["map"].to_py() == {"inner": {"key": "deeper"}}


def test_of_two_values_set_at_once_both_replicas_keep_the_same() -> None:
    one, two = Doc(client_id=1), Doc(client_id=2)
    one.get("map", type=Map)["key"] = "one"
    two.get("map", type=Map)["key"] = "two"

    one.apply_update(two.get_update())
    two.apply_update(one.get_update())

    assert one.get("map", type=Map).to_py() == two.get("map", type=Map).to_py() == {"key": "two"}


def test_a_value_set_after_seeing_another_wins_whoever_sets_it() -> None:
    one, two = Doc(client_id=1), Doc(client_id=2)
    two.get("map", type=Map)["key"] = "first"
    one.apply_update(two.get_update())

    one.get("map", type=Map)["key"] = "second"
    two.apply_update(one.get_update())

    assert two.get("map", type=Map).to_py() == {"key": "second"}


def test_a_shared_type_assigned_to_where_it_is_stays_as_it_is() -> None:
    """What `+=` does to the items of documents, maps and arrays."""
    doc = Doc({"map": Map({"text": Text("a")}), "array": Array([Text("a")]), "text": Text("a")})

    doc["text"] += "b"
    doc["map"]["text"] += "b"
    doc["array"][0] += "b"

    assert doc.to_py() == {"map": {"text": "ab"}, "array": ["ab"], "text": "ab"}


def test_bytes_are_numbers_in_json(shared: Map) -> None:
    shared["bytes"] = b"xy"

    assert str(shared) == '{"bytes":[120,121]}'


def test_no_other_object_is_a_key(shared: Map) -> None:
    shared["1"] = True

    assert 1 not in shared
    assert 1 not in shared.doc


def test_a_shared_type_in_a_plain_value_is_refused_with_a_way_out(shared: Map) -> None:
    with pytest.raises(TypeError, match="put it into an Array or a Map"):
        shared["list"] = [Text()]
