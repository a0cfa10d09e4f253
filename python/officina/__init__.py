"""The workshop where designs are made together: a Yjs-compatible CRDT engine and sync server."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
