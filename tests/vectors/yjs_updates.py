"""Reads `yjs-13.6-updates.json`: what Yjs emits, what it reads back, and what it refuses."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("yjs-13.6-updates.json")


@dataclass(frozen=True, slots=True)
class Vector:
    """Updates in the order they are delivered, and what a Yjs document then is.

    Attributes:
        name: what the updates hold.
        updates: V1 updates, one or several.
        state: the state vector of the Yjs document.
        pending: whether Yjs still waits for updates it has not seen.
        reads: the whole description that `tests/interop/node/documents.mjs` gives.
    """

    name: str
    updates: tuple[bytes, ...]
    state: bytes
    pending: bool
    reads: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Negative:
    """Bytes that Yjs refuses."""

    name: str
    update: bytes


def _load() -> tuple[list[Vector], list[Negative]]:
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    vectors = [
        Vector(
            name=entry["name"],
            updates=tuple(b64decode(update) for update in entry["updates"]),
            state=b64decode(entry["reads"]["state"]),
            pending=entry["reads"]["pending"],
            reads=entry["reads"],
        )
        for entry in content["vectors"]
    ]
    negatives = [
        Negative(entry["name"], b64decode(entry["update"])) for entry in content["negatives"]
    ]
    return vectors, negatives


VECTORS, NEGATIVES = _load()
