"""Figures with the limits that they should keep, and the table that shows both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benches.python.record import three_digits
from benches.python.timings import geometric_mean_ratio

Record = dict[str, Any]
Value = Callable[[Record], float | None]
"""Takes one figure from a record; None where it was not measured."""

OURS = "officina"


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
        """Whether the figure was measured and keeps its limit, as it is printed."""
        value = self.value(record)
        if value is None:
            return False
        value = float(f"{value:.3g}")
        return value >= self.limit if self.sense == "≥" else value <= self.limit


Goals = list[tuple[str, list[Claim]]]
"""Some work, and what is claimed of it."""


def claims_table(goals: Goals, record: Record) -> str:
    """Every goal with our figure beside it, as Markdown."""
    lines = ["| work | goal | measured | reached |", "|---|---|---|---|"]
    for work, claims in goals:
        limits = "; ".join(claim.goal() for claim in claims)
        figures = "; ".join(claim.measured(record) for claim in claims)
        reached = sum(claim.is_met(record) for claim in claims)
        verdict = "yes" if reached == len(claims) else f"{reached} of {len(claims)}"
        lines.append(f"| {work} | {limits} | {figures} | {verdict} |")
    return "\n".join(lines)


def times_as_fast(peer: str, question: str) -> Value:
    """How many times as long `peer` takes as we do: geometric mean over all inputs."""

    def value(record: Record) -> float | None:
        return geometric_mean_ratio(record["median_ms"].get(question, {}), OURS, peer)

    return value


def least_times_as_fast(peers: Iterable[str], questions: Iterable[str]) -> Value:
    """The same for the input, question and peer where we do worst; 1 is a tie."""
    peers, questions = tuple(peers), tuple(questions)

    def value(record: Record) -> float | None:
        ratios = [
            times[peer] / times[OURS]
            for question in questions
            for times in record["median_ms"].get(question, {}).values()
            for peer in peers
            if peer in times and OURS in times
        ]
        return min(ratios, default=None)

    return value


def cost(question: str, than: str, *, per: float = 1.0) -> Value:
    """Our time for one question by that for another and by `per`: geometric mean over inputs."""

    def value(record: Record) -> float | None:
        asked, other = (_mean_ms(record, key) for key in (question, than))
        return None if asked is None or other is None else asked / other / per

    return value


def figure(*path: str) -> Value:
    """A number that the record holds as it is."""

    def value(record: Record) -> float | None:
        found: Any = record
        for step in path:
            found = found.get(step, {})
        return found if isinstance(found, float) else None

    return value


def share_of_bytes(form: str, of: str, to: str) -> Value:
    """Bytes of our `form` by those of the form `to` of engine `of`, where they are most."""

    def value(record: Record) -> float | None:
        sizes = record.get("bytes", {}).values()
        shares = [each[OURS][form] / each[of][to] for each in sizes if form in each[OURS]]
        return max(shares, default=None)

    return value


def _mean_ms(record: Record, question: str) -> float | None:
    times = record["median_ms"].get(question, {}).values()
    if not times or not all(OURS in each for each in times):
        return None
    return math.exp(math.fsum(math.log(each[OURS]) for each in times) / len(times))
