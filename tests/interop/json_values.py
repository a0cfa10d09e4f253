"""Values that crossed from JavaScript as JSON, and when they count as equal to Python's."""

from __future__ import annotations

import math
from base64 import b64decode
from typing import Any


def from_json(value: Any) -> Any:
    """A value as Python holds it, from the portrait that `node/portrait.mjs` draws of it."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$" in value:
        return _tagged(value["$"], value["value"])
    return {key: from_json(item) for key, item in value.items()}


def canonical(value: Any) -> Any:
    """The same for equal values: numbers count by value, since JavaScript has one kind of them.

    1 and 1.0 are equal, 0.0 and -0.0 are not, and NaN equals itself.
    """
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, float):
        return _canonical_float(value)
    return value


def first_difference(left: Any, right: Any, path: str = "") -> str:
    """Where two unequal structures part, and what each holds there."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        key = next(key for key in left if left[key] != right[key])
        return first_difference(left[key], right[key], f"{path}.{key}")
    if isinstance(left, list) and isinstance(right, list):
        for index, (a, b) in enumerate(zip(left, right, strict=False)):
            if a != b:
                return first_difference(a, b, f"{path}[{index}]")
        return f"{path}: {len(left)} against {len(right)} entries"
    return f"{path}: {str(left)[:400]!r} against {str(right)[:400]!r}"


def _tagged(kind: str, value: Any) -> Any:
    if kind == "bytes":
        return b64decode(value)
    if kind == "bigint":
        return int(value)
    if kind == "number":
        return float(value)
    return None  # undefined


def _canonical_float(value: float) -> Any:
    negative_zero = value == 0 and math.copysign(1, value) < 0
    if negative_zero or not math.isfinite(value):
        return ("number", repr(value))
    return int(value) if value.is_integer() else value
