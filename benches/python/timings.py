"""How long each engine takes: rounds in which all of them and all questions take turns."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from benches.python.questions import Input
from benches.python.workers import Worker

_SHORT_WORK_S = 0.05
"""Work shorter than this is repeated until it adds up to it, and counts with its median."""

_Asked = tuple[str, Worker]
"""A question and the engine that is asked it."""


@dataclass(slots=True)
class Timings:
    """Seconds of CPU time per round, for each question, input and engine."""

    seconds: dict[tuple[str, str, str], list[float]] = field(
        default_factory=dict[tuple[str, str, str], list[float]]
    )

    def add(self, question: str, about: str, engine: str, seconds: float) -> None:
        """Keep the time of one round."""
        self.seconds.setdefault((question, about, engine), []).append(seconds)

    def median_ms(self) -> dict[str, dict[str, dict[str, float]]]:
        """The medians over the rounds, in milliseconds: by question, input and engine."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for (question, about, engine), seconds in self.seconds.items():
            by_input = found.setdefault(question, {}).setdefault(about, {})
            by_input[engine] = round(statistics.median(seconds) * 1e3, 5)
        return found


def geometric_mean_ratio(times: dict[str, dict[str, float]], engine: str, to: str) -> float | None:
    """How many times as long `to` takes as `engine`, over all inputs; None if one is missing."""
    if not times or not all({engine, to} <= by_engine.keys() for by_engine in times.values()):
        return None
    logarithms = [math.log(by_engine[to] / by_engine[engine]) for by_engine in times.values()]
    return math.exp(statistics.fmean(logarithms))


def measure(workers: list[Worker], about: Iterable[Input], rounds: int) -> Timings:
    """Ask everything `rounds` times, questions and engines interleaved; every answer is checked."""
    timings = Timings()
    for subject in about:
        can = {worker.engine: worker.prepare(subject.name) for worker in workers}
        for turn in range(rounds):
            order = workers[turn % len(workers) :] + workers[: turn % len(workers)]
            each = [(question, worker) for question in subject.questions for worker in order]
            took = _in_turns(
                [(asked, worker) for asked, worker in each if asked in can[worker.engine]]
            )
            for (question, worker), seconds in took.items():
                timings.add(question, subject.name, worker.engine, statistics.median(seconds))
            print(f"{subject.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    return timings


def _in_turns(asked: list[_Asked]) -> dict[_Asked, list[float]]:
    """What each piece of work took, as often as it was done in a round."""
    spent: dict[_Asked, list[float]] = {which: [] for which in asked}
    while short := [which for which in asked if sum(spent[which]) < _SHORT_WORK_S]:
        for worker in dict.fromkeys(worker for _, worker in short):
            worker.collect()
        for question, worker in short:
            spent[question, worker] += worker.turn(question)
    return spent
