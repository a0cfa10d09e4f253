"""Random values, and what they become in each engine.

A value is described as JSON, so that Yjs can be given the same one (`node/scripted.mjs` builds it
there). What JSON has no word for is tagged as in `node/portrait.mjs`; shared types and subdocuments
are tagged with their kind: `{"$": "array", "value": [1]}`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from random import Random
from typing import Any

from json_values import from_json
from officina.crdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

Described = Any
"""A value as JSON."""

# fmt: off
_WORDS = [
    "a", "b", "word ", "two words ", "\n", "ß", "é", "e\u0301", "a\u0302\u0323", "漢字", "한글",
    "עברית", "\u200d", "😀", "👩‍👩‍👧", "\U0001d4b3", "🇪🇺", "\U0010ffff", "\0",
    "plain ascii, a little longer than the rest; ",
]
NUMBERS_IN_THE_SAME_BYTES: list[float] = [
    0, 1, -1, 63, 64, -64, 127, 128, 2**31 - 1, 2**53, 2**63 - 1, -(2**63),
    -0.0, 0.5, -1.25, 0.1, 1e300, 5e-324, 3.4028234663852886e38,
    float("nan"), float("inf"), float("-inf"),
]
"""Integers of more than 31 bits and integral floats are others: here they stay what they are."""
NUMBERS = [*NUMBERS_IN_THE_SAME_BYTES, 2**31, -(2**31), 2**53 - 1, -(2**53), 0.0, 3.0]
MARKS: list[tuple[str, Any]] = [
    ("bold", True), ("bold", None), ("italic", True), ("italic", None), ("color", "red"),
    ("color", "blue"), ("color", None), ("size", 1.5), ("link", None),
    ("link", {"href": "https://example.org", "nested": [1, None]}),
]
# fmt: on
KEYS = ["a", "b", "c", "key", "ключ", "🔑", "～"]
TAGS = ["p", "h1", "li", "IMG"]


def words(rng: Random) -> str:
    """One to four pieces of text: letters, combining marks, CJK, astral and control characters."""
    return "".join(rng.choices(_WORDS, k=rng.randint(1, 4)))


def attributes(rng: Random) -> dict[str, Any]:
    """One or two formats of text; `None` takes one away."""
    return dict(rng.sample(MARKS, rng.choice([1, 1, 2])))


def anything(rng: Random, numbers: list[float], depth: int = 0) -> Described:
    """Any plain value a shared type can hold."""
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind == 0:
        return _number(rng.choice(numbers))
    if kind == 1:
        return rng.randint(-1000, 1000)
    if kind == 2:
        return words(rng)
    if kind == 3:
        return rng.random() < 0.5
    if kind == 4:
        return None
    if kind == 5:
        return {"$": "bytes", "value": b64encode(rng.randbytes(rng.randint(0, 9))).decode("ascii")}
    if kind == 6:
        return [anything(rng, numbers, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(KEYS): anything(rng, numbers, depth + 1) for _ in range(rng.randint(0, 3))}


def array_item(rng: Random, numbers: list[float]) -> Described:
    """Any plain value that Yjs accepts in an array: big integers only inside of another."""
    value = anything(rng, numbers)
    is_big = isinstance(value, dict) and value.get("$") == "bigint"
    return [value] if is_big else value


def embed(rng: Random) -> Described:
    """JSON only, as formats and embeds are."""
    return rng.choice(
        [
            {"image": "cat.png"},
            {"mention": words(rng), "at": rng.randint(0, 99)},
            {"nested": {"list": [1, "zwei", None, True]}},
        ]
    )


def shared(rng: Random, kinds: list[str]) -> Described:
    """A shared type, or a subdocument, of one of `kinds`."""
    kind = rng.choice(kinds)
    return {"$": kind, **_PARTS[kind](rng)}


def node(rng: Random) -> Described:
    """What an XML tree is made of."""
    return shared(rng, ["element", "element", "xmlText"])


PLAIN_TYPES = ["text", "array", "map"]
EVERY_TYPE = [*PLAIN_TYPES, "element", "fragment", "xmlText", "document"]

_PARTS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "text": lambda rng: {"value": words(rng)},
    "array": lambda rng: {"value": [rng.randint(0, 9), words(rng)]},
    "map": lambda rng: {"value": {rng.choice(KEYS): words(rng)}},
    "xmlText": lambda rng: {"value": words(rng)},
    "fragment": lambda rng: {"children": [words(rng)]},
    "element": lambda rng: {
        "name": rng.choice(TAGS),
        "attributes": {rng.choice(KEYS): words(rng)} if rng.random() < 0.5 else {},
        "children": [words(rng)] if rng.random() < 0.4 else [],
    },
    "document": lambda rng: {
        "guid": f"guid-{rng.getrandbits(24)}",
        "meta": {"title": words(rng)},
        "autoLoad": rng.random() < 0.3,
    },
}

_BUILD: dict[str, Callable[[Any], Any]] = {
    "text": lambda parts: Text(parts["value"]),
    "array": lambda parts: Array(parts["value"]),
    "map": lambda parts: Map(parts["value"]),
    "xmlText": lambda parts: XmlText(parts["value"]),
    "fragment": lambda parts: XmlFragment(parts["children"]),
    "element": lambda parts: XmlElement(parts["name"], parts["attributes"], parts["children"]),
    "document": lambda parts: Doc(
        guid=parts["guid"], meta=parts["meta"], auto_load=parts["autoLoad"]
    ),
}


def built(value: Described) -> Any:
    """The value itself, for our engine."""
    if isinstance(value, dict) and value.get("$") in _BUILD:
        return _BUILD[value["$"]](value)
    return from_json(value)


def _number(value: float) -> Described:
    if isinstance(value, float):
        is_json = value == value and abs(value) != float("inf")
        return value if is_json else {"$": "number", "value": repr(value)}
    return value if abs(value) < 2**53 else {"$": "bigint", "value": str(value)}
