"""One random edit of one random shared type of our `Doc`; the caller's generator chooses all."""

from __future__ import annotations

from random import Random
from typing import Any

from officina.crdt import Array, Doc, Map, Text

_WORDS = [
    *(
        "a",
        "b",
        "word ",
        "two words ",
        "\n",
        "ß",
        "é",
        "e\u0301",
        "a\u0302\u0323",
        "漢字",
        "한글",
        "עברית",
        "\u200d",
    ),
    *(
        "😀",
        "👩‍👩‍👧",
        "\U0001d4b3",
        "🇪🇺",
        "\U0010ffff",
        "\0",
        "plain ascii, a little longer than the rest; ",
    ),
]
_KEYS = ["a", "b", "c", "key", "ключ", "🔑"]
_NUMBERS = [
    *(
        0,
        1,
        -1,
        63,
        64,
        -64,
        2**31 - 1,
        2**31,
        -(2**31),
        2**53 - 1,
        -(2**53),
        2**53,
        2**63 - 1,
        -(2**63),
    ),
    *(0.0, -0.0, 0.5, -1.25, 0.1, 1e300, 5e-324, 3.4028234663852886e38),
    *(float("nan"), float("inf"), float("-inf")),
]


def words(rng: Random) -> str:
    """One to four pieces of text: letters, combining marks, CJK, astral and control characters."""
    return "".join(rng.choices(_WORDS, k=rng.randint(1, 4)))


def anything(rng: Random, depth: int = 0) -> Any:
    """Any plain value a shared type can hold."""
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind == 0:
        return rng.choice(_NUMBERS)
    if kind == 1:
        return rng.randint(-1000, 1000)
    if kind == 2:
        return words(rng)
    if kind == 3:
        return rng.random() < 0.5
    if kind == 4:
        return None
    if kind == 5:
        return rng.randbytes(rng.randint(0, 9))
    if kind == 6:
        return [anything(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(_KEYS): anything(rng, depth + 1) for _ in range(rng.randint(0, 3))}


def edit_at_random(doc: Doc, rng: Random) -> None:
    """Edits the root `text`, `array` or `map`, or a shared type inside the last two."""
    name = rng.choice(["text", "text", "text", "text", "array", "array", "map"])
    kinds: dict[str, Any] = {"text": Text, "array": Array, "map": Map}
    shared = _descend(doc.get(name, type=kinds[name]), rng)
    if isinstance(shared, Text):
        _edit_text(shared, rng)
    elif isinstance(shared, Array):
        _edit_array(shared, rng)
    else:
        _edit_map(shared, rng)


def edit_in_the_crowd(doc: Doc, rng: Random) -> None:
    """Types one letter or deletes one, always at the beginning, as `node/edits.mjs` does."""
    root: Any = doc.get("text", type=Text) if rng.random() < 0.5 else doc.get("array", type=Array)
    length = len(root)
    if length == 0 or rng.random() < 0.8:
        root.insert(rng.randint(0, min(2, length)), rng.choice("abcde"))
    else:
        del root[rng.randrange(min(3, length))]


def _edit_text(text: Text, rng: Random) -> None:
    length = len(text)
    if length == 0 or rng.random() < 0.6:
        text.insert(_place(rng, length), words(rng))
    else:
        start = rng.randrange(length)
        del text[start : min(length, start + rng.randint(1, 12))]


def _edit_array(array: Array, rng: Random) -> None:
    length = len(array)
    act = rng.random()
    if length == 0 or act < 0.4:
        array.insert(_place(rng, length), _content(rng))
    elif act < 0.6:
        array.extend([anything(rng) for _ in range(rng.randint(1, 4))])
    else:
        start = rng.randrange(length)
        del array[start : min(length, start + rng.randint(1, 4))]


def _edit_map(shared: Map, rng: Random) -> None:
    key = rng.choice(_KEYS)
    if key in shared and rng.random() < 0.3:
        del shared[key]
    else:
        shared[key] = _content(rng)


def _content(rng: Random) -> Any:
    if rng.random() < 0.7:
        return anything(rng)
    return rng.choice(
        [
            Text(words(rng)),
            Array([rng.randint(0, 9), words(rng)]),
            Map({rng.choice(_KEYS): words(rng)}),
        ]
    )


def _place(rng: Random, length: int) -> int:
    return length if rng.random() < 0.3 else rng.randint(0, length)


def _descend(shared: Any, rng: Random, depth: int = 0) -> Any:
    if isinstance(shared, Text) or depth == 4 or rng.random() < 0.55:
        return shared
    children = shared.values() if isinstance(shared, Map) else shared
    inner = [child for child in children if isinstance(child, Text | Array | Map)]
    return _descend(rng.choice(inner), rng, depth + 1) if inner else shared
