"""How an experiment ends: with what it did, or with a difference."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


class Difference(AssertionError):
    """Two replicas disagree, or one of them failed; says how to see it again."""


@dataclass(frozen=True)
class Outcome:
    """What an experiment did: how many operations of each kind, in how many updates."""

    operations: Counter[str]
    updates: int
