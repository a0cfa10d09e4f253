from officina._native import crdt as crdt
from officina._native import search as search
from officina._native import sync as sync

__all__ = [
    "crdt",
    "search",
    "sync",
]
