"""What the engine is meant to reach through Python, next to pycrdt, loro and Yjs."""

from __future__ import annotations

import math

from benches.python.claims import (
    Claim,
    Goals,
    Record,
    cost,
    figure,
    least_times_as_fast,
    share_of_bytes,
    times_as_fast,
)

_LARGEST_TO_SMALLEST = math.log(1_000_000) / math.log(10_000)
_LINEAR = 1.5
"""Cost per item of ten times the input, next to that of the input: caches are allowed to matter."""


def _cost_per_update(record: Record) -> float | None:
    counts = [
        record["edits"][about]
        for question in ("merge long", "merge")
        for about in record["median_ms"].get(question, {})
    ]
    if len(counts) != 2:
        return None
    return cost("merge long", "merge", per=counts[0] / counts[1])(record)


def _memory(trace: str, *, limit: float) -> tuple[str, list[Claim]]:
    forms = (("encoded", " MB"), ("saved", " MB from our snapshot"))
    claims = [
        Claim(figure("memory_mb", trace, form, "officina"), "≤", limit, of) for form, of in forms
    ]
    return f"memory per loaded {trace}", claims


GOALS: Goals = [
    (
        "local edits, one transaction each",
        [
            Claim(times_as_fast("pycrdt", "local"), "≥", 60, " × pycrdt"),
            Claim(least_times_as_fast(["pycrdt"], ["local"]), "≥", 30, " × pycrdt on every trace"),
            Claim(times_as_fast("loro", "local"), "≥", 4, " × loro"),
        ],
    ),
    (
        "the same, emitting one update each",
        [
            Claim(times_as_fast("pycrdt", "emitting"), "≥", 50, " × pycrdt"),
            Claim(times_as_fast("loro", "emitting"), "≥", 8, " × loro"),
        ],
    ),
    (
        "all edits in one transaction",
        [Claim(cost("at once", "local"), "≤", 1, " × one transaction per edit")],
    ),
    (
        "remote, update by update",
        [
            Claim(times_as_fast("pycrdt", "remote"), "≥", 6, " × pycrdt"),
            Claim(times_as_fast("loro", "remote"), "≥", 15, " × loro"),
        ],
    ),
    (
        "remote, as one list",
        [
            Claim(times_as_fast("pycrdt", "remote list"), "≥", 15, " × pycrdt"),
            Claim(times_as_fast("loro", "remote list"), "≥", 15, " × loro"),
        ],
    ),
    (
        "the concurrent trace into a new document",
        [
            Claim(times_as_fast("loro", "concurrent"), "≥", 100, " × loro"),
            Claim(times_as_fast("pycrdt", "concurrent"), "≥", 5, " × pycrdt"),
        ],
    ),
    (
        "merge of single updates",
        [
            Claim(times_as_fast("pycrdt", "merge"), "≥", 200, " × pycrdt"),
            Claim(_cost_per_update, "≤", _LINEAR, " × the cost per update for ten times as many"),
            Claim(
                share_of_bytes("merged", "officina", "v1"), "≤", 1.05, " × the full state's bytes"
            ),
        ],
    ),
    (
        "encode V1, again and for the first time; load to text; open our snapshot",
        [
            Claim(times_as_fast("pycrdt", "encode"), "≥", 4, " × pycrdt"),
            Claim(times_as_fast("pycrdt", "encode first"), "≥", 1, " × pycrdt at first"),
            Claim(times_as_fast("pycrdt", "load"), "≥", 2, " × pycrdt"),
            Claim(times_as_fast("loro", "open"), "≥", 1, " × loro"),
        ],
    ),
    (
        "bytes",
        [
            Claim(share_of_bytes("v1", "yjs", "v1"), "≤", 1, " × Yjs for V1"),
            Claim(share_of_bytes("v2", "yjs", "v2"), "≤", 1, " × Yjs for V2"),
        ],
    ),
    (
        "arrays: extend by 6,000; read 6,000 built at random",
        [
            Claim(times_as_fast("pycrdt", "extend"), "≥", 200, " × pycrdt"),
            Claim(times_as_fast("pycrdt", "read array"), "≥", 300, " × pycrdt"),
            Claim(times_as_fast("loro", "read array"), "≥", 1, " × loro"),
        ],
    ),
    (
        "B2.3 exchange; B3.1 map",
        [
            Claim(times_as_fast("pycrdt", "exchange"), "≥", 20, " × pycrdt"),
            Claim(times_as_fast("pycrdt", "map"), "≥", 6, " × pycrdt"),
            Claim(times_as_fast("loro", "exchange"), "≥", 3, " × loro"),
            Claim(times_as_fast("loro", "map"), "≥", 2, " × loro"),
        ],
    ),
    (
        "one Python observer attached",
        [
            Claim(cost("watching document", "watching nothing"), "≤", 1.3, " × (document)"),
            Claim(cost("watching text", "watching nothing"), "≤", 1.3, " × (text)"),
        ],
    ),
    _memory("friendsforever_flat", limit=0.25),
    _memory("automerge-paper", limit=0.5),
    (
        "two threads applying updates to two documents",
        [Claim(figure("two_threads", "officina"), "≥", 1.8, " × one")],
    ),
    (
        "longest event-loop stall during a 400,000-item update",
        [Claim(figure("longest_stall_ms", "officina"), "≤", 10, " ms")],
    ),
    (
        "growth of random single-character edits",
        [
            Claim(
                cost("random 1,000,000", "random 10,000"),
                "≤",
                _LARGEST_TO_SMALLEST,
                " × from 10⁴ to 10⁶ characters (log n)",
            )
        ],
    ),
]
"""The work, and what is claimed of it."""
