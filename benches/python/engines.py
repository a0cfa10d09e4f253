"""The engines that are compared, by name; each is imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module

from benches.python.questions import Engine

_ADAPTERS = {
    "officina": ("benches.python.officina_engine", "OfficinaEngine"),
    "pycrdt": ("benches.peers.pycrdt_engine", "PycrdtEngine"),
    "loro": ("benches.peers.loro_engine", "LoroEngine"),
}
ENGINES = tuple(_ADAPTERS)
"""Their names; the first is ours."""


def engine_named(name: str) -> Engine:
    """The adapter of one library."""
    module, cls = _ADAPTERS[name]
    engine: Engine = getattr(import_module(module), cls)()
    return engine
