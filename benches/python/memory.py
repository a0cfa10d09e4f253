"""What a loaded document holds: resident memory, in a process of its own.

Run as a program it is that process: it loads the same bytes many times and prints how much memory
each document took.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benches.python.engines import engine_named
from benches.python.process import resident_bytes
from benches.python.questions import Engine
from benches.python.traces import Trace

_TOTAL_EDITS = 40_000_000
"""Edits of all loaded documents together: enough to drown what the process itself needs, and what
loading the last one has left for the next."""


def megabytes_per_document(engine: Engine, trace: Trace, *, saved: bool) -> float:
    """Resident memory of one loaded document, in MB (10⁶ bytes).

    Args:
        engine: the library.
        trace: the session that the document holds.
        saved: opened from what `save` wrote rather than from what `encode` did; nothing is read
            from the document in either case.
    """
    document = engine.replica(1)
    engine.type(document, trace.edits)
    encoded = engine.save(document) if saved else engine.encode(document)
    copies = max(10, _TOTAL_EDITS // len(trace.edits))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document"
        path.write_bytes(encoded)
        command = [sys.executable, "-m", __name__, engine.name, "saved" if saved else "encoded"]
        printed = subprocess.check_output([*command, str(path), str(copies)], text=True)
    return float(printed)


def _loaded(engine: Engine, encoded: bytes, *, saved: bool) -> Any:
    if saved:
        return engine.open(encoded)
    document = engine.replica(1)
    engine.apply(document, [encoded])
    return document


def main() -> None:
    """Load and print."""
    name, form, path, copies = sys.argv[1:]
    engine, saved = engine_named(name), form == "saved"
    encoded = Path(path).read_bytes()
    _loaded(engine, encoded, saved=saved)
    gc.collect()
    before = resident_bytes()
    documents = [_loaded(engine, encoded, saved=saved) for _ in range(int(copies))]
    print((resident_bytes() - before) / len(documents) / 1e6)


if __name__ == "__main__":
    main()
