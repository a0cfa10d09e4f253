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
from typing import Any, Literal, get_args

from benches.python.engines import engine_named
from benches.python.process import resident_bytes
from benches.python.questions import Engine
from benches.python.traces import Trace

_TOTAL_EDITS = 40_000_000
"""Edits of all loaded documents together: enough to drown what the process itself needs, and what
loading the last one has left for the next."""

Form = Literal["encoded", "edited", "saved"]
"""How a document is held: loaded from what `encode` wrote, and nothing read from it; the same, and
one character typed; opened from what `save` wrote, and nothing read from it."""

FORMS: tuple[Form, ...] = get_args(Form)


def megabytes_per_document(engine: Engine, trace: Trace, form: Form) -> float:
    """Resident memory of one loaded document, in MB (10⁶ bytes).

    Args:
        engine: the library.
        trace: the session that the document holds.
        form: how it is held.
    """
    document = engine.replica(1)
    engine.type(document, trace.edits)
    written = engine.save(document) if form == "saved" else engine.encode(document)
    copies = max(10, _TOTAL_EDITS // len(trace.edits))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document"
        path.write_bytes(written)
        command = [sys.executable, "-m", __name__, engine.name, form, str(path), str(copies)]
        printed = subprocess.check_output(command, text=True)
    return float(printed)


def _loaded(engine: Engine, written: bytes, form: str) -> Any:
    if form == "saved":
        return engine.open(written)
    document = engine.replica(2)
    engine.apply(document, [written])
    if form == "edited":
        engine.type(document, [(0, 0, "x")])
    return document


def main() -> None:
    """Load and print."""
    name, form, path, copies = sys.argv[1:]
    engine, written = engine_named(name), Path(path).read_bytes()
    _loaded(engine, written, form)
    gc.collect()
    before = resident_bytes()
    documents = [_loaded(engine, written, form) for _ in range(int(copies))]
    print((resident_bytes() - before) / len(documents) / 1e6)


if __name__ == "__main__":
    main()
