"""Random histories of edits, undos and redos: made with our engine, replayed by Yjs, compared.

A `History` is one document with an undo manager and two more that send it updates. What every
step did is written down; Yjs repeats the steps with the same client id, and after each of them
both must have the same content, the same state vector, the same deleted ranges, the same number
of steps on both stacks, and the same positions.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from officina.crdt import (
    Array,
    Assoc,
    Doc,
    IdSet,
    Map,
    Snapshot,
    StickyIndex,
    Text,
    UndoManager,
)
from yjs_host import YjsHost, encode

_ROOTS: dict[str, type[Text] | type[Array[Any]] | type[Map[Any]]] = {
    "text": Text,
    "array": Array,
    "map": Map,
}
_KEYS = ["a", "b", "c"]
_CLIENT = 5
_OTHERS = [3, 9]

Edit = list[Any]


class Difference(AssertionError):
    """Yjs and ours disagree; says after which step of which history."""


def _roots(doc: Doc[Any]) -> list[Any]:
    return [doc.get(name, type=kind) for name, kind in _ROOTS.items()]


class History:
    """One seed's history; `run` raises a `Difference`."""

    def __init__(self, yjs: YjsHost, seed: int, length: int) -> None:
        self._yjs, self._seed, self._length = yjs, seed, length
        self._rng = rng = Random(seed)
        self._doc: Doc[Any] = Doc(client_id=_CLIENT, offsets="utf16")
        self._text, self._array, self._map = _roots(self._doc)
        self._others: list[Doc[Any]] = [
            Doc(client_id=client, offsets="utf16") for client in _OTHERS
        ]
        for other in self._others:
            _roots(other)
        self._timeout = rng.choice([0, 10**12])
        self._scopes = rng.choice([[], ["text"], ["array", "map"], list(_ROOTS)])
        self._manager = UndoManager(
            doc=self._doc,
            scopes=[self._doc.get(name, type=_ROOTS[name]) for name in self._scopes],
            capture_timeout_millis=self._timeout,
        )
        self._over = False
        self._positions: list[StickyIndex] = []
        self._steps: list[list[Any]] = []
        self._trace: list[dict[str, Any]] = []

    def run(self) -> None:
        for _ in range(self._length):
            if not self._over:
                self._step()
        if self._rng.random() < 0.5:
            while self._manager.can_undo() and not self._over:
                self._take("undo", self._manager.undo)
        replay = self._yjs.call(
            "undoHistory",
            client=_CLIENT,
            gc=True,
            scopes=self._scopes,
            timeout=self._timeout,
            steps=self._steps,
        )
        for index, (ours, theirs) in enumerate(zip(self._trace, replay, strict=True)):
            for what in ours:
                if ours[what] != theirs.get(what):
                    history = "\n".join(map(repr, self._steps[: index + 1]))
                    raise Difference(
                        f"seed {self._seed}, step {index}, {what}, "
                        f"scopes {self._scopes}, timeout {self._timeout}:\n"
                        f"  ours {ours[what]!r}\n  Yjs  {theirs.get(what, theirs)!r}\n{history}"
                    )

    def _step(self) -> None:
        rng = self._rng
        choice = rng.random()
        if choice < 0.45:
            self._edit("edit", None)
        elif choice < 0.5:
            self._edit("other", "other")
        elif choice < 0.62:
            self._receive()
        elif choice < 0.8:
            self._take("undo", self._manager.undo)
        elif choice < 0.9:
            self._take("redo", self._manager.redo)
        elif choice < 0.95:
            self._record("stop", self._manager.stop_capturing)
        elif choice < 0.96 and self._scopes:
            self._record("clear", self._manager.clear)
        elif len(self._positions) < 4:
            index = rng.randint(0, len(self._text))
            assoc = rng.choice([Assoc.AFTER, Assoc.BEFORE])
            self._positions.append(self._text.sticky_index(index, assoc))
            self._record("position", lambda: None, index, int(assoc))

    def _edit(self, kind: str, origin: str | None) -> None:
        with self._doc.transaction(origin=origin):
            count = self._rng.choice([1, 1, 1, 2, 5])
            done = [_edit_at_random(self._doc, self._rng) for _ in range(count)]
        self._record(kind, lambda: None, done)

    def _receive(self) -> None:
        other = self._rng.choice(self._others)
        if self._rng.random() < 0.7:
            other.apply_update(self._doc.get_update(other.get_state()))
        for _ in range(self._rng.choice([1, 3])):
            _edit_at_random(other, self._rng)
        update = other.get_update(self._doc.get_state())
        self._record("remote", lambda: self._doc.apply_update(update), encode(update))

    def _take(self, kind: str, step: Callable[[], bool]) -> None:
        """Takes a step; one without effect ends a history whose scope is the whole document."""
        if step() or self._scopes:
            self._record(kind, lambda: None)
        else:
            self._over = True

    def _record(self, kind: str, act: Any, *arguments: Any) -> None:
        act()
        self._steps.append([kind, *arguments])
        deleted: dict[int, list[list[int]]] = {}
        for client, start, end in _deleted(self._doc).ranges():
            deleted.setdefault(client, []).append([start, end])
        self._trace.append(
            {
                "content": [type_.to_py() for type_ in (self._text, self._array, self._map)],
                "state": encode(self._doc.get_state()),
                "deleted": [[client, ranges] for client, ranges in sorted(deleted.items())],
                "stacks": self._stacks(),
                "positions": [[encode(p.encode()), p.get_index()] for p in self._positions],
            }
        )

    def _stacks(self) -> list[int] | None:
        """How many steps there are, unless Yjs counts empty transactions of its own as well."""
        if not self._scopes:
            return None
        return [len(self._manager.undo_stack), len(self._manager.redo_stack)]


def _deleted(doc: Doc[Any]) -> IdSet:
    version = Snapshot.from_doc(doc).encode()
    return IdSet.decode(version[: len(version) - len(doc.get_state())])


def _new_value(rng: Random) -> tuple[Any, Any]:
    """A value for us, and the same for Yjs."""
    kind = rng.choice(["plain", "plain", "plain", "map", "array", "text"])
    if kind == "plain":
        value = rng.randint(0, 99)
        return value, value
    made: Any = {"map": Map, "array": Array, "text": Text}[kind]()
    return made, {"$": kind}


def _edit_at_random(doc: Doc[Any], rng: Random) -> Edit:
    root = rng.choice(list(_ROOTS))
    target: Any = doc.get(root, type=_ROOTS[root])
    path: list[str | int] = [root]
    while rng.random() < 0.7:
        inner = _inner(target)
        if not inner:
            break
        step = rng.choice(inner)
        path.append(step)
        target = target[step]
    if isinstance(target, Text):
        return _edit_text(target, path, rng)
    if isinstance(target, Array):
        return _edit_array(target, path, rng)
    return _edit_map(target, path, rng)


def _inner(target: Any) -> list[Any]:
    if isinstance(target, Array):
        return [i for i, value in enumerate(target) if isinstance(value, Text | Array | Map)]
    if isinstance(target, Map):
        return [key for key in sorted(target.keys()) if isinstance(target[key], Text | Array | Map)]
    return []


def _edit_text(text: Text, path: list[str | int], rng: Random) -> Edit:
    length = len(text)
    if length and rng.random() < 0.45:
        start = rng.randrange(length)
        count = rng.randint(1, min(length - start, rng.choice([1, 4, 50])))
        del text[start : start + count]
        return ["deleteText", path, start, count]
    index = rng.choice([length, rng.randint(0, length)])
    count = 400 if rng.random() < 0.05 else rng.choice([1, 1, 3, 8])
    written = "".join(rng.choice("abcdeé") for _ in range(count))
    text.insert(index, written)
    return ["insertText", path, index, written]


def _edit_array(array: Array[Any], path: list[str | int], rng: Random) -> Edit:
    length = len(array)
    if length and rng.random() < 0.45:
        start = rng.randrange(length)
        count = rng.randint(1, min(length - start, 4))
        del array[start : start + count]
        return ["delete", path, start, count]
    index = rng.choice([length, rng.randint(0, length)])
    pairs = [_new_value(rng) for _ in range(rng.choice([1, 1, 3]))]
    array[index:index] = [ours for ours, _ in pairs]
    return ["insert", path, index, [theirs for _, theirs in pairs]]


def _edit_map(entries: Map[Any], path: list[str | int], rng: Random) -> Edit:
    key = rng.choice(_KEYS)
    if key in entries and rng.random() < 0.3:
        del entries[key]
        return ["remove", path, key]
    ours, theirs = _new_value(rng)
    entries[key] = ours
    return ["set", path, key, theirs]
