"""Edits in columns: what a trace or an import holds goes in with one call."""

from __future__ import annotations

import random
from array import array

import numpy as np
import pytest

from officina.crdt import Doc, Text, TransactionEvent


def _text(**options: str) -> Text:
    doc = Doc(**options)  # type: ignore[arg-type]
    return doc.get("text", type=Text)


def test_columns_equal_the_same_edits_one_by_one() -> None:
    """Each edit is made in the text as the one before left it."""
    chance = random.Random(1)
    twin = ""
    rows: list[tuple[int, int, str]] = []
    for _ in range(500):
        at = chance.randint(0, len(twin))
        gone = chance.randint(0, min(3, len(twin) - at))
        come = chance.choice(["", "x", "word", "ß", "😀é"])
        rows.append((at, gone, come))
        twin = twin[:at] + come + twin[at + gone :]
    text = _text()
    text.apply_edits(
        np.array([at for at, _, _ in rows]),
        np.array([gone for _, gone, _ in rows], dtype=np.uint32),
        [come for _, _, come in rows],
    )
    assert str(text) == twin


@pytest.mark.parametrize(
    "column",
    [
        lambda numbers: numbers,
        tuple,
        lambda numbers: array("i", numbers),
        lambda numbers: np.array(numbers, dtype=np.int32),
        lambda numbers: np.array([[n, -1] for n in numbers])[:, 0],
    ],
)
def test_numbers_may_come_as_any_array_of_integers(column: object) -> None:
    """Lists, arrays, numpy's of any integer type, strided ones too."""
    text = _text()
    text.apply_edits(column([0, 1]), column([0, 0]), ["ac", "b"])  # type: ignore[operator]
    assert str(text) == "abc"


def test_all_of_it_is_one_change() -> None:
    """Observers are called once, with the whole change."""
    text = _text()
    events: list[TransactionEvent] = []
    deltas: list[object] = []
    text.doc.observe(events.append)
    text.observe(lambda event: deltas.append(event.delta))
    text.apply_edits([0, 1, 0], [0, 0, 1], ["ab", "x", ""])
    assert len(events) == 1
    assert deltas == [[{"insert": "xb"}]]


def test_an_edit_past_the_end_refuses_the_whole_list() -> None:
    """The error says which edit it was."""
    text = _text()
    text += "abc"
    with pytest.raises(IndexError, match="edit 1: index 9 is out of range for a length of 4"):
        text.apply_edits([0, 9], [0, 0], ["x", "y"])
    with pytest.raises(IndexError, match="-1 is no position"):
        text.apply_edits([-1], [0], ["x"])
    with pytest.raises(ValueError, match="equally long"):
        text.apply_edits([0, 1], [0], ["x"])
    with pytest.raises(TypeError):
        text.apply_edits(["0"], [0], ["x"])  # type: ignore[list-item]
    assert str(text) == "abc"


def test_other_units_count_as_the_document_does() -> None:
    """An edit inside a character ends the list there."""
    text = _text(offsets="utf8")
    text.apply_edits([0, 4], [0, 0], ["😀", "x"])
    assert str(text) == "😀x"
    with pytest.raises(ValueError, match="edit 1: index 2 lies inside a character"):
        text.apply_edits([5, 2], [0, 0], ["y", "z"])
    assert str(text) == "😀xy"
