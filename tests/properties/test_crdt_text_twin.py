"""Our text and a list of characters, edited side by side, stay equal in every unit of offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officina.crdt import Doc, Text
from properties.histories import places, words
from reference.naive_text import NaiveText, Offsets

_units = pytest.mark.parametrize("offsets", ["codepoint", "utf8", "utf16"])
_inserts = st.tuples(st.just("insert"), places, words)
_deletes = st.tuples(st.just("delete"), places, places)
_edits = st.lists(_inserts | _inserts | _deletes, max_size=30)


def _boundary(twin: NaiveText, where: float) -> int:
    boundaries = twin.boundaries()
    return boundaries[round(where * (len(boundaries) - 1))]


def _edit(text: Text, twin: NaiveText, act: str, where: float, what: str | float) -> None:
    at = _boundary(twin, where)
    if isinstance(what, str):
        text.insert(at, what)
        twin.insert(at, what)
    else:
        start, stop = sorted((at, _boundary(twin, what)))
        del text[start:stop]
        twin.delete(start, stop)


@_units
@given(edits=_edits)
def test_a_text_equals_its_twin_after_every_edit(
    offsets: Offsets, edits: list[tuple[str, float, str | float]]
) -> None:
    text, twin = Doc(offsets=offsets).get("text", type=Text), NaiveText(offsets)

    for act, where, what in edits:
        _edit(text, twin, act, where, what)

        assert str(text) == str(twin)
        assert len(text) == len(twin)


@_units
@given(edits=_edits)
def test_a_text_edited_in_one_transaction_equals_its_twin(
    offsets: Offsets, edits: list[tuple[str, float, str | float]]
) -> None:
    doc = Doc(offsets=offsets)
    text, twin = doc.get("text", type=Text), NaiveText(offsets)

    with doc.transaction():
        for act, where, what in edits:
            _edit(text, twin, act, where, what)

    assert str(text) == str(twin)


@_units
@given(edits=_edits, data=st.data())
def test_a_slice_of_a_text_is_the_slice_of_its_twin(
    offsets: Offsets, edits: list[tuple[str, float, str | float]], data: st.DataObject
) -> None:
    text, twin = Doc(offsets=offsets).get("text", type=Text), NaiveText(offsets)
    for act, where, what in edits:
        _edit(text, twin, act, where, what)

    start, stop = sorted(_boundary(twin, data.draw(places)) for _ in range(2))

    kept = NaiveText(offsets)
    kept.insert(0, str(twin))
    kept.delete(stop, len(kept))
    kept.delete(0, start)
    assert text[start:stop] == str(kept)


@given(edits=_edits)
def test_a_text_rebuilt_from_its_updates_equals_its_twin(
    edits: list[tuple[str, float, str | float]],
) -> None:
    doc, copy, twin = Doc(client_id=1), Doc(client_id=2), NaiveText()
    subscription = doc.observe(lambda event: copy.apply_update(event.update))
    text = doc.get("text", type=Text)

    for act, where, what in edits:
        _edit(text, twin, act, where, what)

    assert str(copy.get("text", type=Text)) == str(twin)
    doc.unobserve(subscription)
