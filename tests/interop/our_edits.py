"""One random edit of one random shared type of our `Doc`, described as JSON and made.

An edit is `[kind, path, …arguments]`. A path begins with a root; each step is a key of a map, an
index into an array or an XML tree, or the number of an embedded type in a text. Indices into a text
count as its document does. `node/scripted.mjs` makes the same edit in Yjs, if that is in UTF-16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from typing import Any

from officina.crdt import (
    Array,
    BaseType,
    Doc,
    Map,
    Text,
    XmlElement,
    XmlFragment,
    XmlText,
)
from our_values import (
    EVERY_TYPE,
    KEYS,
    NUMBERS,
    PLAIN_TYPES,
    Described,
    anything,
    array_item,
    attributes,
    built,
    embed,
    node,
    shared,
    words,
)

Edit = list[Any]
"""`[kind, path, …arguments]`."""

ROOTS: dict[str, type[BaseType]] = {
    "text": Text,
    "array": Array,
    "map": Map,
    "everything": Map,
    "xml": XmlFragment,
}
_FREQUENCIES = [4, 2, 1, 3, 2]
_UNITS = {"codepoint": "utf-32-le", "utf16": "utf-16-le", "utf8": "utf-8"}
_UNIT_BYTES = {"codepoint": 4, "utf16": 2, "utf8": 1}


class Editor:
    """Edits one document at random.

    Args:
        doc: the document.
        rng: makes every choice.
        offsets: how `doc` counts text.
        numbers: those that it puts into maps, arrays and attributes.
        as_yjs: whether to make only edits that Yjs has as well.
    """

    def __init__(
        self,
        doc: Doc[Any],
        rng: Random,
        offsets: str = "codepoint",
        numbers: list[float] = NUMBERS,
        as_yjs: bool = False,
    ) -> None:
        self._doc = doc
        self._rng = rng
        self._offsets = offsets
        self._numbers = numbers
        self._as_yjs = as_yjs

    def edit(self) -> Edit:
        """Edits a root or something inside it; says how."""
        return self._made(self._chosen())

    def place(self, text: Text | XmlText) -> int:
        """An index into a text that is not inside of a character."""
        return self._rng.choice(self._places(text))

    def edit_in_the_crowd(self) -> Edit:
        """Types one letter or deletes one, always at the beginning, as `node/edits.mjs` does."""
        rng = self._rng
        root = rng.choice(["text", "array"])
        length = len(self._doc.get(root, type=ROOTS[root]))  # type: ignore[arg-type]
        if length == 0 or rng.random() < 0.8:
            at, letter = rng.randint(0, min(2, length)), rng.choice("abcde")
            content = [letter, None] if root == "text" else [[letter]]
            return self._made([f"{root}.insert", [root], at, *content])
        start = rng.randrange(min(3, length))
        return self._made([f"{root}.delete", [root], start, start + 1])

    def _made(self, edit: Edit) -> Edit:
        make(self._doc, edit)
        return edit

    def _chosen(self) -> Edit:
        [root] = self._rng.choices(list(ROOTS), _FREQUENCIES)
        kinds = EVERY_TYPE if root == "everything" else PLAIN_TYPES
        target, path = self._descend(self._doc.get(root, type=ROOTS[root]), [root])
        if isinstance(target, Text | XmlText):
            return self._text_edit(target, path, [] if root == "text" else kinds)
        if isinstance(target, Array):
            return self._array_edit(target, path, kinds)
        if isinstance(target, Map):
            return self._map_edit(target, path, kinds)
        return self._xml_edit(target, path)

    def _descend(self, target: Any, path: list[Any]) -> tuple[Any, list[Any]]:
        """A shared type inside `target`, often `target` itself, and the way there."""
        if path == ["text"] or len(path) == 5 or self._rng.random() < 0.5:
            return target, path
        steps = [step for step, inner in _inner(target) if isinstance(inner, BaseType)]
        if not steps:
            return target, path
        step = self._rng.choice(steps)
        return self._descend(_step(target, step), [*path, step])

    def _text_edit(self, text: Text | XmlText, path: list[Any], kinds: list[str]) -> Edit:
        rng = self._rng
        places = self._places(text)
        last = len(places) - 1
        act = rng.random()
        if isinstance(text, XmlText) and act < 0.08:
            return self._attribute_edit(path)
        if last == 0 or act < 0.4:
            with_attributes = attributes(rng) if rng.random() < 0.2 else None
            return ["text.insert", path, places[self._place(last)], words(rng), with_attributes]
        if act < 0.6:
            return ["text.delete", path, *self._stretch(places, 12)]
        if act < 0.8:
            return ["text.format", path, *self._stretch(places, 20), attributes(rng)]
        if act < 0.9:
            with_attributes = attributes(rng) if rng.random() < 0.2 else None
            content = self._embedded(kinds)
            return ["text.embed", path, places[self._place(last)], content, with_attributes]
        if not self._as_yjs and isinstance(text, Text) and act < 0.93:
            return ["text.edits", path, self._edits(places)]
        return ["text.delta", path, self._delta(places), rng.random() < 0.5]

    def _embedded(self, kinds: list[str]) -> Described:
        inner = [kind for kind in kinds if kind != "document"]
        return shared(self._rng, inner) if inner and self._rng.random() < 0.3 else embed(self._rng)

    def _delta(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """One to four operations from left to right; all that is taken up is there."""
        rng = self._rng
        operations: list[dict[str, Any]] = []
        at = 0
        for _ in range(rng.randint(1, 4)):
            act = rng.choice(["insert", "retain", "retain", "delete"])
            to = min(len(places) - 1, at + rng.randint(1, 12))
            if act == "insert" or to == at:
                content = embed(rng) if rng.random() < 0.2 else words(rng)
                operation: dict[str, Any] = {"insert": content}
            else:
                operation = {act: places[to] - places[at]}
                at = to
            if "delete" not in operation and rng.random() < 0.4:
                operation["attributes"] = attributes(rng)
            operations.append(operation)
        return operations

    def _edits(self, places: Sequence[int]) -> list[list[Any]]:
        """Up to four times a place, how much is deleted there, what is written; from the end."""
        rng = self._rng
        edits: list[list[Any]] = []
        behind = len(places) - 1
        for _ in range(rng.randint(1, 4)):
            at = rng.randint(0, behind)
            stop = rng.randint(at, min(behind, at + 6))
            written = words(rng) if rng.random() < 0.7 else ""
            edits.append([places[at], places[stop] - places[at], written])
            behind = at
        return edits

    def _array_edit(self, array: Array[Any], path: list[Any], kinds: list[str]) -> Edit:
        rng = self._rng
        length = len(array)
        if length == 0 or rng.random() < 0.6:
            content = (
                [shared(rng, kinds)]
                if rng.random() < 0.2
                else [array_item(rng, self._numbers) for _ in range(rng.randint(1, 4))]
            )
            return ["array.insert", path, self._place(length), content]
        if not self._as_yjs and rng.random() < 0.15:
            return ["array.move", path, rng.randrange(length), rng.randint(0, length)]
        return ["array.delete", path, *self._stretch(range(length + 1), 4)]

    def _map_edit(self, entries: Map[Any], path: list[Any], kinds: list[str]) -> Edit:
        key = self._rng.choice(KEYS)
        if key in entries and self._rng.random() < 0.3:
            return ["map.delete", path, key]
        return ["map.set", path, key, self._content(kinds)]

    def _xml_edit(self, tree: XmlFragment | XmlElement, path: list[Any]) -> Edit:
        rng = self._rng
        if isinstance(tree, XmlElement) and rng.random() < 0.35:
            return self._attribute_edit(path)
        length = len(tree.children)
        if length == 0 or rng.random() < 0.65:
            return ["xml.insert", path, self._place(length), node(rng)]
        return ["xml.delete", path, *self._stretch(range(length + 1), 2)]

    def _attribute_edit(self, path: list[Any]) -> Edit:
        key = self._rng.choice(KEYS)
        if self._rng.random() < 0.3:
            return ["attribute.delete", path, key]
        return ["attribute.set", path, key, anything(self._rng, self._numbers)]

    def _content(self, kinds: list[str]) -> Described:
        return (
            anything(self._rng, self._numbers)
            if self._rng.random() < 0.7
            else shared(self._rng, kinds)
        )

    def _place(self, length: int) -> int:
        """A place in `length`, at the end more often than chance would have it, as people type."""
        return length if self._rng.random() < 0.3 else self._rng.randint(0, length)

    def _stretch(self, places: Sequence[int], most: int) -> tuple[int, int]:
        start = self._rng.randrange(len(places) - 1)
        stop = min(len(places) - 1, start + self._rng.randint(1, most))
        return places[start], places[stop]

    def _places(self, text: Text | XmlText) -> Sequence[int]:
        """The indices that are not inside of a character, in order."""
        if self._offsets == "codepoint":
            return range(len(text) + 1)
        encoding, width = _UNITS[self._offsets], _UNIT_BYTES[self._offsets]
        characters = [
            character
            for piece, _ in text.diff()
            for character in (piece if isinstance(piece, str) else "\0")
        ]
        sizes = (len(character.encode(encoding)) // width for character in characters)
        return list(accumulate(sizes, initial=0))


def make(doc: Doc[Any], edit: Edit) -> None:
    """Makes an edit that was described for this document, or for one with the same content."""
    kind, [root, *steps], *arguments = edit
    target: Any = doc.get(root, type=ROOTS[root])
    for step in steps:
        target = _step(target, step)
    _MAKE[kind](target, *arguments)


def _inner(target: Any) -> list[tuple[str | int, Any]]:
    """What is inside a shared type, with the step that leads there."""
    if isinstance(target, Map):
        return [(key, target[key]) for key in sorted(target.keys())]
    if isinstance(target, Text | XmlText):
        embedded = [piece for piece, _ in target.diff() if isinstance(piece, BaseType)]
        return list(enumerate(embedded))
    return list(enumerate(target if isinstance(target, Array) else target.children))


def _step(target: Any, step: str | int) -> Any:
    return dict(_inner(target))[step]


def _insert_text(text: Any, index: int, string: str, attrs: dict[str, Any] | None) -> None:
    text.insert(index, string, attrs)


def _insert_embed(text: Any, index: int, value: Described, attrs: dict[str, Any] | None) -> None:
    text.insert_embed(index, built(value), attrs)


def _apply_delta(text: Any, delta: list[dict[str, Any]], sanitize: bool) -> None:
    text.apply_delta(delta, sanitize=sanitize)


def _apply_edits(text: Any, edits: list[list[Any]]) -> None:
    positions, deletions, insertions = zip(*edits, strict=True)
    text.apply_edits(list(positions), list(deletions), list(insertions))


def _insert_values(array: Any, index: int, values: list[Described]) -> None:
    array[index:index] = [built(value) for value in values]


def _delete(sequence: Any, start: int, stop: int) -> None:
    del sequence[start:stop]


def _delete_children(tree: Any, start: int, stop: int) -> None:
    del tree.children[start:stop]


def _set(entries: Any, key: str, value: Described) -> None:
    entries[key] = built(value)


def _remove(entries: Any, key: str) -> None:
    del entries[key]


_MAKE: dict[str, Callable[..., None]] = {
    "text.insert": _insert_text,
    "text.embed": _insert_embed,
    "text.format": lambda text, start, stop, attrs: text.format(start, stop, attrs),
    "text.delete": _delete,
    "text.delta": _apply_delta,
    "text.edits": _apply_edits,
    "array.insert": _insert_values,
    "array.delete": _delete,
    "array.move": lambda array, source, destination: array.move(source, destination),
    "map.set": _set,
    "map.delete": _remove,
    "xml.insert": lambda tree, index, child: tree.children.insert(index, built(child)),
    "xml.delete": _delete_children,
    "attribute.set": lambda tree, key, value: _set(tree.attributes, key, value),
    "attribute.delete": lambda tree, key: _remove(tree.attributes, key),
}
