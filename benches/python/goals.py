"""What the engine is meant to reach, next to what was measured: a table made from a record."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benches.python.record import three_digits
from benches.python.timings import geometric_mean_ratio

Record = dict[str, Any]
Value = Callable[[Record], float | None]
"""Takes one figure from a record; None where it was not measured."""

_LARGEST_TO_SMALLEST = math.log(1_000_000) / math.log(10_000)
_LINEAR = 1.5
"""Cost per item of ten times the input, next to that of the input: caches are allowed to matter."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure and the limit that it should keep."""

    value: Value
    sense: str
    limit: float
    of: str

    def goal(self) -> str:
        """As in "≥ 60 × pycrdt"."""
        return f"{self.sense} {three_digits(self.limit)}{self.of}"

    def measured(self, record: Record) -> str:
        """The figure alone, or "not measured"."""
        value = self.value(record)
        return "not measured" if value is None else three_digits(value)

    def is_met(self, record: Record) -> bool:
        """Whether the figure was measured and keeps its limit."""
        value = self.value(record)
        if value is None:
            return False
        return value >= self.limit if self.sense == "≥" else value <= self.limit


def _times(peer: str, *questions: str) -> Value:
    """How many times as fast as `peer`, over all inputs; it answers the last question."""

    def value(record: Record) -> float | None:
        ours, theirs = (record["median_ms"].get(key, {}) for key in (questions[0], questions[-1]))
        joined = {
            about: {"ours": ours[about]["officina"], "theirs": theirs[about][peer]}
            for about in ours.keys() & theirs.keys()
            if "officina" in ours[about] and peer in theirs[about]
        }
        return geometric_mean_ratio(joined, "ours", "theirs")

    return value


def _least_times(peer: str, question: str) -> Value:
    def value(record: Record) -> float | None:
        times = record["median_ms"].get(question, {}).values()
        return min((each[peer] / each["officina"] for each in times), default=None)

    return value


def _cost(question: str, than: str, *, per: float = 1.0) -> Value:
    """Our time for one question by that for another and by `per`: geometric mean over inputs."""

    def value(record: Record) -> float | None:
        ours = [_our_mean_ms(record, key) for key in (question, than)]
        return None if None in ours else ours[0] / ours[1] / per  # type: ignore[operator]

    return value


def _our_mean_ms(record: Record, question: str) -> float | None:
    times = record["median_ms"].get(question, {}).values()
    if not times or not all("officina" in each for each in times):
        return None
    return math.exp(math.fsum(math.log(each["officina"]) for each in times) / len(times))


def _per_update(record: Record) -> float | None:
    counts = [
        record["edits"][about]
        for question in ("merge long", "merge")
        for about in record["median_ms"].get(question, {})
    ]
    if len(counts) != 2:
        return None
    return _cost("merge long", "merge", per=counts[0] / counts[1])(record)


def _bytes(form: str, of: str, to: str) -> Value:
    """The largest share that `form` of ours has of the bytes that `of` wrote in the form `to`."""

    def value(record: Record) -> float | None:
        sizes = record.get("bytes", {}).values()
        shares = [
            each["officina"][form] / each[of][to] for each in sizes if form in each["officina"]
        ]
        return max(shares, default=None)

    return value


def _plain(*path: str) -> Value:
    def value(record: Record) -> float | None:
        found: Any = record
        for step in path:
            found = found.get(step, {})
        return found if isinstance(found, float) else None

    return value


def _memory(trace: str, *, limit: float) -> tuple[str, list[Claim]]:
    forms = (("encoded", " MB"), ("saved", " MB from our snapshot"))
    claims = [
        Claim(_plain("memory_mb", trace, form, "officina"), "≤", limit, of) for form, of in forms
    ]
    return f"memory per loaded {trace}", claims


GOALS: list[tuple[str, list[Claim]]] = [
    (
        "local edits, one transaction each",
        [
            Claim(_times("pycrdt", "local"), "≥", 60, " × pycrdt"),
            Claim(_least_times("pycrdt", "local"), "≥", 30, " × pycrdt on every trace"),
            Claim(_times("loro", "local"), "≥", 4, " × loro"),
        ],
    ),
    (
        "the same, emitting one update each",
        [
            Claim(_times("pycrdt", "emitting"), "≥", 50, " × pycrdt"),
            Claim(_times("loro", "emitting"), "≥", 8, " × loro"),
        ],
    ),
    (
        "all edits in one transaction",
        [Claim(_cost("at once", "local"), "≤", 1, " × one transaction per edit")],
    ),
    (
        "remote, update by update",
        [
            Claim(_times("pycrdt", "remote"), "≥", 6, " × pycrdt"),
            Claim(_times("loro", "remote"), "≥", 15, " × loro"),
        ],
    ),
    (
        "remote, as one list",
        [
            Claim(_times("pycrdt", "remote list"), "≥", 15, " × pycrdt"),
            Claim(_times("loro", "remote list"), "≥", 15, " × loro"),
        ],
    ),
    (
        "the concurrent trace into a new document",
        [
            Claim(_times("loro", "concurrent"), "≥", 100, " × loro"),
            Claim(_times("pycrdt", "concurrent"), "≥", 5, " × pycrdt"),
        ],
    ),
    (
        "merge of single updates",
        [
            Claim(_times("pycrdt", "merge"), "≥", 200, " × pycrdt"),
            Claim(_per_update, "≤", _LINEAR, " × the cost per update for ten times as many"),
            Claim(_bytes("merged", "officina", "v1"), "≤", 1.05, " × the full state's bytes"),
        ],
    ),
    (
        "encode V1; load to text; open our snapshot",
        [
            Claim(_times("pycrdt", "encode"), "≥", 4, " × pycrdt"),
            Claim(_times("pycrdt", "load"), "≥", 2, " × pycrdt"),
            Claim(_times("loro", "open"), "≥", 1, " × loro"),
        ],
    ),
    (
        "bytes",
        [
            Claim(_bytes("v1", "yjs", "v1"), "≤", 1, " × Yjs for V1"),
            Claim(_bytes("v2", "yjs", "v2"), "≤", 1, " × Yjs for V2"),
        ],
    ),
    (
        "arrays: extend by 6,000; read 6,000 built at random",
        [
            Claim(_times("pycrdt", "extend"), "≥", 200, " × pycrdt"),
            Claim(_times("pycrdt", "read array"), "≥", 300, " × pycrdt"),
            Claim(_times("loro", "read array"), "≥", 1, " × loro"),
        ],
    ),
    (
        "B2.3 exchange; B3.1 map",
        [
            Claim(_times("pycrdt", "exchange"), "≥", 20, " × pycrdt"),
            Claim(_times("pycrdt", "map"), "≥", 6, " × pycrdt"),
            Claim(_times("loro", "exchange"), "≥", 3, " × loro"),
            Claim(_times("loro", "map"), "≥", 2, " × loro"),
        ],
    ),
    (
        "one Python observer attached",
        [
            Claim(_cost("watching document", "watching nothing"), "≤", 1.3, " × (document)"),
            Claim(_cost("watching text", "watching nothing"), "≤", 1.3, " × (text)"),
        ],
    ),
    _memory("friendsforever_flat", limit=0.25),
    _memory("automerge-paper", limit=0.5),
    (
        "two threads applying updates to two documents",
        [Claim(_plain("two_threads", "officina"), "≥", 1.8, " × one")],
    ),
    (
        "longest event-loop stall during a 400,000-item update",
        [Claim(_plain("longest_stall_ms", "officina"), "≤", 10, " ms")],
    ),
    (
        "growth of random single-character edits",
        [
            Claim(
                _cost("random 1,000,000", "random 10,000"),
                "≤",
                _LARGEST_TO_SMALLEST,
                " × from 10⁴ to 10⁶ characters (log n)",
            )
        ],
    ),
]
"""The work, and what is claimed of it."""


def goal_table(record: Record) -> str:
    """Every goal with our figure beside it, as Markdown."""
    lines = ["| work | goal | measured | reached |", "|---|---|---|---|"]
    for work, claims in GOALS:
        goals = "; ".join(claim.goal() for claim in claims)
        figures = "; ".join(claim.measured(record) for claim in claims)
        reached = sum(claim.is_met(record) for claim in claims)
        verdict = "yes" if reached == len(claims) else f"{reached} of {len(claims)}"
        lines.append(f"| {work} | {goals} | {figures} | {verdict} |")
    return "\n".join(lines)
