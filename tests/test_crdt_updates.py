"""States, updates and merges: what a document says it has, sends, and accepts."""

from __future__ import annotations

from typing import Any

import pytest

from officina.crdt import Doc, Text, merge_updates
from officina.errors import DecodeError

EMPTY_STATE = b"\x00"
EMPTY_UPDATE = b"\x00\x00"


def _text(doc: Doc) -> Text:
    return doc.get("text", type=Text)


def test_an_empty_document_has_an_empty_state_and_update() -> None:
    doc = Doc()

    assert doc.get_state() == EMPTY_STATE
    assert doc.get_update() == EMPTY_UPDATE


def test_a_client_id_can_be_chosen() -> None:
    assert Doc(client_id=7).client_id == 7
    assert Doc(client_id=2**53 - 1).client_id == 2**53 - 1


def test_two_documents_have_different_client_ids() -> None:
    assert len({Doc().client_id for _ in range(100)}) == 100


@pytest.mark.parametrize("client_id", [-1, 2**53, 2**64, 1.5, "1"])
def test_a_client_id_that_javascript_could_not_count_is_refused(client_id: Any) -> None:
    with pytest.raises(ValueError, match="from 0 to 2"):
        Doc(client_id=client_id)


def test_the_update_of_a_word_is_what_yjs_writes() -> None:
    """A `Y.Doc` with clientID 7, `getText("text").insert(0, "hello")`, `encodeStateAsUpdate`."""
    doc = Doc(client_id=7)
    _text(doc).insert(0, "hello")

    assert doc.get_update() == bytes.fromhex("01010700040104746578740568656c6c6f00")
    assert doc.get_state() == bytes.fromhex("010705")


def test_letters_typed_one_by_one_are_sent_as_one_run() -> None:
    typed, pasted = Doc(client_id=7), Doc(client_id=7)
    for index, letter in enumerate("hello"):
        _text(typed).insert(index, letter)
    _text(pasted).insert(0, "hello")

    assert typed.get_update() == pasted.get_update()


def test_a_diff_brings_only_what_is_missing() -> None:
    doc, copy = Doc(client_id=1), Doc(client_id=2)
    _text(doc).insert(0, "a" * 1000)
    copy.apply_update(doc.get_update())
    _text(doc).insert(0, "b")

    difference = doc.get_update(copy.get_state())
    copy.apply_update(difference)

    assert len(difference) < 50
    assert copy.get_state() == doc.get_state()


def test_one_authors_updates_delivered_out_of_order_read_bdac() -> None:
    """a@0, b@0, c@2, d@1 delivered as 1, 4, 3, 2."""
    doc = Doc(client_id=1)
    sent: list[bytes] = []
    subscription = doc.observe(lambda event: sent.append(event.update))
    for at, letter in [(0, "a"), (0, "b"), (2, "c"), (1, "d")]:
        _text(doc).insert(at, letter)
    doc.unobserve(subscription)

    reader = Doc(client_id=2)
    for number in (1, 4, 3, 2):
        reader.apply_update(sent[number - 1])

    assert str(_text(reader)) == "bdac"


def test_an_update_that_waits_for_another_is_kept_through_a_save() -> None:
    doc, half, reader = Doc(client_id=1), Doc(client_id=2), Doc(client_id=3)
    _text(doc).insert(0, "first ")
    first = doc.get_update()
    state = doc.get_state()
    _text(doc).insert(6, "second")

    half.apply_update(doc.get_update(state))
    assert str(_text(half)) == ""
    reader.apply_update(half.get_update())
    reader.apply_update(first)

    assert str(_text(reader)) == "first second"


def test_merging_nothing_is_an_empty_update() -> None:
    assert merge_updates() == EMPTY_UPDATE


def test_merged_updates_are_smaller_than_their_sum() -> None:
    doc = Doc(client_id=1)
    sent: list[bytes] = []
    subscription = doc.observe(lambda event: sent.append(event.update))
    for index in range(500):
        _text(doc).insert(index, "x")
    doc.unobserve(subscription)

    merged = merge_updates(*sent)

    assert len(merged) < 600 < sum(map(len, sent))
    assert merged == doc.get_update()


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"\x01", b"\x00", b"\x01\x01\x07\x00\x04"])
def test_bytes_that_are_no_update_are_refused_and_change_nothing(garbage: bytes) -> None:
    doc = Doc()
    _text(doc).insert(0, "kept")
    before = doc.get_update()

    with pytest.raises(DecodeError):
        doc.apply_update(garbage)
    with pytest.raises(DecodeError):
        merge_updates(before, garbage)

    assert doc.get_update() == before


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"\x01", b"\x02\x01\x01"])
def test_bytes_that_are_no_state_vector_are_refused(garbage: bytes) -> None:
    with pytest.raises(DecodeError):
        Doc().get_update(garbage)


def test_only_bytes_are_updates() -> None:
    with pytest.raises(TypeError):
        Doc().apply_update("text")
    with pytest.raises(TypeError):
        merge_updates("text")
