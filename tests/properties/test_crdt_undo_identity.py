"""Undoing everything leads to the beginning, redoing everything to the end, a step to its start."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from officina.crdt import Array, Doc, Map, Text, UndoManager


def _value(rng: Random) -> Any:
    return rng.choice([lambda: rng.randint(0, 9), lambda: Text("new"), Array, Map])()


def _edit(root: Map[Any], rng: Random) -> None:
    target: Any = root
    while rng.random() < 0.8:
        if isinstance(target, Map):
            inner = [value for value in target.values() if not isinstance(value, int)]
        elif isinstance(target, Array):
            inner = [value for value in target if not isinstance(value, int)]
        else:
            break
        if not inner:
            break
        target = rng.choice(inner)
    if isinstance(target, Map):
        key = rng.choice("abc")
        if key in target and rng.random() < 0.4:
            del target[key]
        else:
            target[key] = _value(rng)
        return
    start = rng.randint(0, len(target))
    if rng.random() < 0.5:
        del target[start : start + rng.randint(0, 3)]
    elif isinstance(target, Text):
        target.insert(start, rng.choice(["a", "bc", "😀"]))
    else:
        target.insert(start, _value(rng))


def _document() -> tuple[Doc[Any], Map[Any]]:
    doc = Doc[Any]()
    doc["root"] = root = Map[Any](
        {"text": Text("hello"), "array": Array([1, 2]), "map": Map({"a": Text("inner")})}
    )
    return doc, root


@given(st.randoms(use_true_random=False), st.integers(1, 30), st.sampled_from([0, 10**12]))
def test_undoing_everything_is_the_identity(rng: Random, edits: int, timeout: int) -> None:
    doc, root = _document()
    beginning = root.to_py()
    manager = UndoManager(scopes=[root], capture_timeout_millis=timeout)
    for _ in range(edits):
        with doc.transaction():
            _edit(root, rng)
    end = root.to_py()
    for _ in range(2):
        while manager.undo():
            pass
        assert root.to_py() == beginning
        while manager.redo():
            pass
        assert root.to_py() == end


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_a_step_is_taken_back_to_where_it_began_whatever_was_taken_back_before(
    rng: Random, acts: int
) -> None:
    doc, root = _document()
    manager = UndoManager(scopes=[root], capture_timeout_millis=0)
    states, at = [root.to_py()], 0
    for _ in range(acts):
        act = rng.choice(["edit", "edit", "undo", "redo"])
        if act == "undo":
            assert manager.undo() == (at > 0)
            at = max(at - 1, 0)
        elif act == "redo":
            assert manager.redo() == (at + 1 < len(states))
            at = min(at + 1, len(states) - 1)
        else:
            with doc.transaction():
                _edit(root, rng)
            if len(manager.undo_stack) > at:
                states[at + 1 :] = [root.to_py()]
                at += 1
        assert root.to_py() == states[at]
