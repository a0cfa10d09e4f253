"""How an experiment ends: with what it did, or with a difference."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

YJS_FAILS = "step that fails in Yjs"
YJS_DISAGREES = "Yjs disagrees with itself"
YJS_LEAVES_WAITING = "blocks that Yjs leaves waiting"
YJS_BRINGS_BACK_OTHERS = "step that brings back less, or in another order, in Yjs"
YJS_TAKES_OTHERS = "step that takes away other units in Yjs"


class Difference(AssertionError):
    """Two replicas disagree, or one of them failed; says how to see it again."""


@dataclass(frozen=True)
class Outcome:
    """What an experiment did.

    Args:
        operations: how many of each kind, all of them compared.
        updates: in how many updates.
        set_aside: how often Yjs itself was at fault, in which way (see `node/yjs_faults.mjs`), so
            that there was nothing to compare with.
        outgrown: whether it ended early because its document had become too large.
    """

    operations: Counter[str]
    updates: int
    set_aside: Counter[str] = field(default_factory=Counter)
    outgrown: bool = False
