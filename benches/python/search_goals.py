"""What the search index is meant to reach, by the size of the corpus."""

from __future__ import annotations

from benches.python.claims import OURS, Claim, Goals, Record, Value

_TOP = ("a", "f", "j", "d")
"""Exact titles, swapped words, joined words, beginnings."""
_LEAST_RECALL = {
    **dict.fromkeys("af", 1.0),
    **dict.fromkeys(("h", "hs", "z"), 1.0),
    **dict.fromkeys("bdj", 0.99),
    **dict.fromkeys("cg", 0.98),
    **dict.fromkeys("emp", 0.97),
}


def _ours(key: str) -> Value:
    def value(record: Record) -> float | None:
        found: float | None = record["engines"][OURS].get(key)
        return found

    return value


def _alone(key: str) -> Value:
    def value(record: Record) -> float | None:
        found: float | None = record.get("alone", {}).get(key)
        return found

    return value


def _times_as_many(peer: str) -> Value:
    """Our queries per second by those of `peer`."""

    def value(record: Record) -> float | None:
        engines = record["engines"]
        if peer not in engines:
            return None
        return float(engines[OURS]["queries_per_s"] / engines[peer]["queries_per_s"])

    return value


def _slowest_median(record: Record) -> float | None:
    """The largest median of the classes that should be quickest."""
    medians = [float(record["engines"][OURS]["classes"][kind]["p50_us"]) for kind in _TOP]
    return max(medians)


def _classes_with_recall(record: Record) -> float | None:
    """How many classes reach their recall, as it is printed."""
    classes: Record = record["engines"][OURS]["classes"]
    reached = [
        kind
        for kind, least in _LEAST_RECALL.items()
        if kind in classes and round(classes[kind]["recall"], 3) >= least
    ]
    return len(reached)


def _recall_of(kind: str) -> Value:
    return lambda record: float(record["engines"][OURS]["classes"][kind]["recall"])


def _least_ratio_of_medians(peer: str) -> Value:
    """The median time of `peer` by ours, for the class where that is least."""

    def value(record: Record) -> float | None:
        if peer not in record["engines"]:
            return None
        ours, theirs = (record["engines"][name]["classes"] for name in (OURS, peer))
        return min(float(theirs[kind]["p50_us"] / ours[kind]["p50_us"]) for kind in ours)

    return value


GOALS: Goals = [
    (
        "all queries, through Python",
        [
            Claim(_ours("queries_per_s"), "≥", 22_000, " queries/s"),
            Claim(_times_as_many("tantivy"), "≥", 8, " × tantivy"),
            Claim(_times_as_many("PostgreSQL"), "≥", 25, " × PostgreSQL"),
            Claim(_times_as_many("RapidFuzz"), "≥", 1000, " × RapidFuzz"),
        ],
    ),
    (
        "time of a query",
        [
            Claim(_ours("p50_us"), "≤", 30, " µs (p50)"),
            Claim(_ours("p99_us"), "≤", 400, " µs (p99)"),
            Claim(
                _slowest_median,
                "≤",
                12,
                " µs (p50 of exact titles, beginnings, swapped and joined words)",
            ),
        ],
    ),
    (
        "quality",
        [
            Claim(_ours("recall"), "≥", 0.992, " recall@10"),
            Claim(_ours("rank"), "≥", 0.947, " MRR@10"),
            Claim(
                _classes_with_recall, "≥", len(_LEAST_RECALL), " classes with the recall asked for"
            ),
        ],
    ),
    ("memory", [Claim(_ours("resident_mb"), "≤", 60, " MB")]),
    (
        "build; open a file",
        [Claim(_alone("build_s"), "≤", 1, " s"), Claim(_alone("open_ms"), "≤", 20, " ms")],
    ),
    (
        "add; remove, visible at once",
        [Claim(_ours("add_ms"), "≤", 0.1, " ms"), Claim(_ours("remove_ms"), "≤", 0.1, " ms")],
    ),
    ("two threads", [Claim(_alone("threads"), "≥", 1.8, " × one")]),
]
"""For 100,000 listings."""

GOALS_1M: Goals = [
    (
        "all queries, through Python",
        [
            Claim(_ours("queries_per_s"), "≥", 8000, " queries/s"),
            Claim(_times_as_many("tantivy"), "≥", 20, " × tantivy"),
        ],
    ),
    (
        "time of a query",
        [
            Claim(_ours("p50_us"), "≤", 60, " µs (p50)"),
            Claim(_ours("p99_us"), "≤", 2000, " µs (p99)"),
        ],
    ),
    (
        "quality",
        [
            Claim(_ours("recall"), "≥", 0.985, " recall@10"),
            Claim(_ours("rank"), "≥", 0.935, " MRR@10"),
            Claim(_recall_of("z"), "≥", 0.995, " of what is nowhere found nowhere"),
        ],
    ),
    ("memory", [Claim(_ours("resident_mb"), "≤", 300, " MB")]),
    (
        "build; open a file",
        [Claim(_alone("build_s"), "≤", 10, " s"), Claim(_alone("open_ms"), "≤", 50, " ms")],
    ),
    (
        "add; remove, visible at once",
        [Claim(_ours("add_ms"), "≤", 0.1, " ms"), Claim(_ours("remove_ms"), "≤", 0.1, " ms")],
    ),
    ("two threads", [Claim(_alone("threads"), "≥", 1.8, " × one")]),
]
"""For a million."""

_SEEKSTORM = "symspell_complete_rs + seekstorm"
NATIVE_GOALS: Goals = [
    (
        "all queries, from Rust",
        [
            Claim(_times_as_many("symspell + tantivy"), "≥", 3, " × symspell + tantivy"),
            Claim(_times_as_many(_SEEKSTORM), "≥", 1, f" × {_SEEKSTORM}"),
        ],
    ),
    (
        "median of every class",
        [Claim(_least_ratio_of_medians(_SEEKSTORM), "≥", 1, f" × {_SEEKSTORM}")],
    ),
]
"""For 100,000 listings."""
NATIVE_GOALS_1M: Goals = [
    (
        "all queries, from Rust",
        [
            Claim(_times_as_many("symspell + tantivy"), "≥", 1, " × symspell + tantivy"),
            Claim(_times_as_many(_SEEKSTORM), "≥", 1, f" × {_SEEKSTORM}"),
        ],
    ),
]
"""For a million."""
