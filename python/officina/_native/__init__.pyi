from officina._native import crdt as crdt
from officina._native import sync as sync

__all__ = [
    "crdt",
    "sync",
]
