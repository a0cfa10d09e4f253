"""Many updates at once have the effect of each on its own."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence

import pytest

from officina.crdt import Doc, Text, TransactionEvent
from officina.errors import DecodeError


def _typed(edits: int, seed: int) -> tuple[str, list[bytes]]:
    """What an author wrote and the update of each edit."""
    chance = random.Random(seed)
    doc = Doc(client_id=7)
    text = doc["text"] = Text()
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    for _ in range(edits):
        at = chance.randint(0, len(text))
        if at < len(text) and chance.random() < 0.3:
            del text[at : at + 2]
        else:
            text.insert(at, chance.choice(["a", "word ", "ß", "😀"]))
    doc.unobserve(subscription)
    return str(text), updates


@pytest.mark.parametrize("seed", range(5))
def test_a_list_of_updates_equals_each_on_its_own(seed: int) -> None:
    """In order or shuffled, with duplicates."""
    written, updates = _typed(200, seed)
    shuffled = updates + updates[::3]
    random.Random(seed).shuffle(shuffled)
    for batch in (updates, shuffled):
        doc = Doc()
        doc.apply_updates(batch)
        assert str(doc.get("text", type=Text)) == written
        assert doc.pending == {}
        one_by_one = Doc()
        for update in batch:
            one_by_one.apply_update(update)
        assert doc.get_update() == one_by_one.get_update()


def test_a_list_is_one_change() -> None:
    """Observers are called once."""
    written, updates = _typed(50, 1)
    doc = Doc()
    events: list[TransactionEvent] = []
    deltas: list[object] = []
    doc.observe(events.append)
    doc.get("text", type=Text).observe(lambda event: deltas.append(event.delta))
    doc.apply_updates(updates)
    assert len(events) == 1
    assert deltas == [[{"insert": written}]]


def test_what_came_first_is_not_replaced_by_what_somebody_else_claims() -> None:
    """A forged update begins before what it claims; still the list is one change."""
    ada = Doc({"text": Text()}, client_id=7)
    typed: list[bytes] = []
    ada.observe_updates(typed.append)
    for letter in "abc":
        ada.get("text", type=Text).insert(0, letter)
    forged = Doc({"text": Text("aXYZ")}, client_id=7)
    log = [*typed[:2], forged.get_update(), typed[2]]
    one_by_one = Doc()
    for update in log:
        one_by_one.apply_update(update)
    doc = Doc()
    events: list[TransactionEvent] = []
    doc.observe(events.append)
    doc.apply_updates(log)
    assert str(doc.get("text", type=Text)) == str(one_by_one.get("text", type=Text)) == "bYZa"
    assert len(events) == 1


def test_one_damaged_update_refuses_the_list() -> None:
    """Nothing of it is applied, and the error says which one it was."""
    _, updates = _typed(10, 2)
    doc = Doc()
    with pytest.raises(DecodeError, match="update 1 of the list"):
        doc.apply_updates([updates[0], updates[1][:-1], updates[2]])
    assert doc.get_update() == Doc().get_update()


@pytest.mark.parametrize("kind", [list, tuple, deque])
def test_any_sequence_will_do(kind: Callable[[list[bytes]], Sequence[bytes]]) -> None:
    """Also one that cannot be sliced."""
    written, updates = _typed(10, 2)
    doc = Doc()
    doc.apply_updates(kind(updates))
    assert str(doc.get("text", type=Text)) == written


def test_an_empty_list_changes_nothing() -> None:
    """No event either."""
    doc = Doc()
    events: list[TransactionEvent] = []
    doc.observe(events.append)
    doc.apply_updates([])
    assert events == []
