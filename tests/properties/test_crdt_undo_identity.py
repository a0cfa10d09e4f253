"""Undoing everything leads back to the beginning, and redoing everything to the end."""

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


@given(st.randoms(use_true_random=False), st.integers(1, 30), st.sampled_from([0, 10**12]))
def test_undoing_everything_is_the_identity(rng: Random, edits: int, timeout: int) -> None:
    doc = Doc()
    doc["root"] = root = Map(
        {"text": Text("hello"), "array": Array([1, 2]), "map": Map({"a": Text("inner")})}
    )
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
