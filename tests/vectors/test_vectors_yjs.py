"""Updates recorded from Yjs 13.6: read, kept, written again, and refused where they are damaged."""

from __future__ import annotations

import pytest

from json_values import canonical, from_json
from officina.crdt import Array, Doc, Map, Text, merge_updates
from officina.errors import DecodeError
from vectors.yjs_updates import NEGATIVES, VECTORS, Negative, Vector

every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
every_negative = pytest.mark.parametrize("negative", NEGATIVES, ids=lambda negative: negative.name)


def _delivered(vector: Vector) -> Doc:
    doc = Doc()
    for update in vector.updates:
        doc.apply_update(update)
    return doc


@every_vector
def test_a_recorded_update_gives_the_state_vector_that_yjs_has(vector: Vector) -> None:
    assert _delivered(vector).get_state() == vector.state


@every_vector
def test_a_recorded_update_gives_the_content_that_yjs_reads(vector: Vector) -> None:
    doc = _delivered(vector)

    content = {
        "text": str(doc.get("text", type=Text)),
        "array": doc.get("array", type=Array).to_py(),
        "map": doc.get("map", type=Map).to_py(),
    }

    assert canonical(content) == canonical(from_json(vector.reads["plain"]))


@every_vector
def test_a_document_written_and_read_again_is_the_same_document(vector: Vector) -> None:
    written = _delivered(vector).get_update()
    again = Doc()
    again.apply_update(written)

    assert again.get_state() == vector.state
    assert again.get_update() == written


@every_vector
def test_merged_updates_give_the_document_that_the_single_updates_give(vector: Vector) -> None:
    merged = Doc()
    merged.apply_update(merge_updates(*vector.updates))

    assert merged.get_state() == vector.state
    assert merged.get_update() == _delivered(vector).get_update()


@every_negative
def test_what_yjs_refuses_is_refused_and_changes_nothing(negative: Negative) -> None:
    doc = Doc(client_id=1)
    doc.get("text", type=Text).insert(0, "untouched")
    before = doc.get_update()

    with pytest.raises(DecodeError):
        doc.apply_update(negative.update)

    assert doc.get_update() == before
    assert str(doc.get("text", type=Text)) == "untouched"


@every_negative
def test_what_yjs_refuses_cannot_be_merged(negative: Negative) -> None:
    whole = Doc(client_id=1)
    whole.get("text", type=Text).insert(0, "whole")

    with pytest.raises(DecodeError):
        merge_updates(whole.get_update(), negative.update)


@every_vector
def test_an_update_cut_short_anywhere_is_refused(vector: Vector) -> None:
    doc = Doc(client_id=1)
    before = doc.get_update()

    for update in vector.updates:
        for length in range(len(update)):
            with pytest.raises(DecodeError):
                doc.apply_update(update[:length])

    assert doc.get_update() == before


@every_vector
def test_an_update_with_any_bit_flipped_is_refused_or_read_whole(vector: Vector) -> None:
    """What is accepted must be a document like any other: written, it can be read again."""
    for update in vector.updates:
        for bit in range(len(update) * 8):
            damaged = bytearray(update)
            damaged[bit // 8] ^= 1 << bit % 8
            doc = Doc(client_id=1)
            before = doc.get_update()
            try:
                doc.apply_update(bytes(damaged))
            except DecodeError:
                assert doc.get_update() == before
            else:
                again = Doc(client_id=1)
                again.apply_update(doc.get_update())
                assert again.get_state() == doc.get_state()
