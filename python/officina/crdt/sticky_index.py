"""On which side of an index a position sticks to the content."""

from __future__ import annotations

from enum import IntEnum


class Assoc(IntEnum):
    """Which neighbor a sticky index stays with."""

    AFTER = 0
    """What follows it."""
    BEFORE = -1
    """What precedes it."""
