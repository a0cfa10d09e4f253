"""Sets of units, and ranges of units with attributes."""

from __future__ import annotations

import pytest

from officina.crdt import ContentAttribute, IdMap, IdSet
from officina.errors import DecodeError

A, B = ContentAttribute("author", "ada"), ContentAttribute("at", 7)


def shown(entries: IdMap) -> list[tuple[int, int, int, list[str]]]:
    return [
        (client, found.start, found.end, [noted.name for noted in found.attributes])
        for client, found in entries
    ]


def test_a_set_has_the_bytes_of_yjs() -> None:
    data = b"\x02\x09\x01\x02\x03\x05\x01\x00\x04"
    found = IdSet.decode(data)
    assert found.ranges() == [(5, 0, 4), (9, 2, 5)]
    assert found.encode() == data
    assert found.contains(9, 4)
    assert not found.contains(9, 5)
    assert found
    assert not IdSet()
    assert IdSet().encode() == b"\x00"


def test_damaged_sets_and_maps_are_refused() -> None:
    for data in (b"", b"\x01", b"\x01\x05\x01\x00\x00"):
        with pytest.raises(DecodeError):
            IdSet.decode(data)
        with pytest.raises(DecodeError):
            IdMap.decode(data)


def test_attributes_add_up_where_ranges_overlap() -> None:
    found = IdMap()
    found.insert(5, 0, 10, [A])
    found.insert(5, 4, 2, [B, A])
    found.insert(5, 50, 3, [])
    assert shown(found) == [
        (5, 0, 4, ["author"]),
        (5, 4, 6, ["author", "at"]),
        (5, 6, 10, ["author"]),
    ]
    gaps = found.attributions(5, 8, 4)
    assert [(part.start, part.end, len(part.attributes)) for part in gaps] == [
        (8, 10, 1),
        (10, 12, 0),
    ]
    assert found.contains(5, 9)
    found.remove(5, 0, 9)
    assert shown(found) == [(5, 9, 10, ["author"])]


def test_maps_combine_as_sets_do() -> None:
    one, two = IdMap(), IdMap()
    one.insert(1, 0, 10, [A])
    two.insert(1, 5, 10, [B])
    assert shown(one | two) == [
        (1, 0, 5, ["author"]),
        (1, 5, 10, ["author", "at"]),
        (1, 10, 15, ["at"]),
    ]
    assert shown(one & two) == [(1, 5, 10, ["author", "at"])]
    assert shown(one - two) == [(1, 0, 5, ["author"])]
    assert shown(one - two.as_id_set()) == [(1, 0, 5, ["author"])]
    assert IdMap.merge_many([one, two]) == one | two
    one |= two
    one -= two
    assert shown(one) == [(1, 0, 5, ["author"])]
    one &= two
    assert one.is_empty()
    assert not one


def test_a_filter_is_asked_about_the_attributes_of_each_range() -> None:
    found = IdMap()
    found.insert(1, 0, 5, [A])
    found.insert(2, 0, 5, [B])
    assert shown(found.filter(lambda noted: A in noted)) == [(1, 0, 5, ["author"])]
    with pytest.raises(ZeroDivisionError):
        found.filter(lambda _noted: 1 / 0)  # type: ignore[arg-type, return-value]


def test_a_set_becomes_a_map_and_back() -> None:
    units = IdSet.decode(b"\x01\x05\x01\x00\x04")
    found = IdMap.from_set(units, [A])
    assert shown(found) == [(5, 0, 4, ["author"])]
    assert found.as_id_set() == units


def test_a_map_has_the_bytes_of_pycrdt() -> None:
    written_by_pycrdt = (
        b"\x01\x05\x03\x00\x04\x01\x00\x00\x01aw\x01x\x04\x02\x02\x00\x01\x01\x01b|@\xe0\x00\x00"
        b"\x06\x04\x01\x00"
    )
    found = IdMap.decode(written_by_pycrdt)
    assert found.encode() == written_by_pycrdt
    assert [noted.value for noted in found.attributions(5, 4, 1)[0].attributes] == ["x", 7]


def test_attributes_are_compared_by_value() -> None:
    value = {"list": [1, None, True, 2.5]}
    assert ContentAttribute("a", value) == ContentAttribute("a", value) != A
    assert len({A, ContentAttribute("author", "ada"), B}) == 2
    assert ContentAttribute("a", value).value == value
    for refused in (b"bytes", object(), [b"bytes"]):
        with pytest.raises(TypeError):
            ContentAttribute("a", refused)
