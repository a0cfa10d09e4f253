"""Reads editing traces: what somebody typed, transaction by transaction.

```text
{"startContent": "", "endContent": "ab",
 "txns": [{"patches": [[0, 0, "a"]]}, {"patches": [[1, 0, "b"]]}]}
```

A patch is a position in Unicode code points, how many of them to delete there, and what to insert.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from officina.errors import DecodeError

Patch = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Trace:
    """One sequential trace.

    Attributes:
        start: the text before the first transaction.
        end: the text after the last.
        transactions: each one's patches, to be applied in order.
    """

    start: str
    end: str
    transactions: tuple[tuple[Patch, ...], ...]


def read_trace(path: Path) -> Trace:
    """Read a trace from `.json` or `.json.gz`.

    Raises:
        DecodeError: the file cannot be read, is no trace, or is a concurrent one.
    """
    try:
        raw = path.read_bytes()
        parsed = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, EOFError, ValueError) as error:
        raise DecodeError(f"cannot read {path}: {error}") from error
    try:
        return _trace(parsed)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DecodeError):
            raise
        raise DecodeError(f"{path} is no editing trace: {type(error).__name__} {error}") from error


def _trace(parsed: dict[str, Any]) -> Trace:
    transactions = parsed["txns"]
    if any("parents" in transaction or "agent" in transaction for transaction in transactions):
        raise DecodeError(
            "this trace is concurrent: its transactions name parents. "
            "Only sequential traces can be replayed, such as those with _flat in their name"
        )
    return Trace(
        str(parsed["startContent"]),
        str(parsed["endContent"]),
        tuple(
            tuple(
                (int(at), int(deleted), str(inserted)) for at, deleted, inserted in one["patches"]
            )
            for one in transactions
        ),
    )
