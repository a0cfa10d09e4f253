"""How long each engine takes: rounds in which all are asked, one after the other."""

from __future__ import annotations

import gc
import math
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benches.python.questions import Engine, Input, Question

_SHORT_WORK_S = 0.05
"""Work shorter than this is repeated until it adds up to it, and counts with its median."""


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


def measure(engines: list[Engine], about: Iterable[Input], rounds: int) -> Timings:
    """Ask everything `rounds` times, engines interleaved; every answer is checked."""
    timings = Timings()
    for subject in about:
        asked = {
            (engine.name, question): work
            for engine in engines
            if not engine.lacks.issuperset(subject.questions)
            for question, work in subject.prepare(engine).items()
            if question not in engine.lacks
        }
        for turn in range(rounds):
            order = engines[turn % len(engines) :] + engines[: turn % len(engines)]
            for question in subject.questions:
                for engine in order:
                    if (engine.name, question) in asked:
                        seconds = _time(asked[engine.name, question])
                        timings.add(question, subject.name, engine.name, seconds)
            print(f"{subject.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    return timings


def _time(question: Question) -> float:
    spent: list[float] = []
    result: Any = None
    gc.collect()
    gc.disable()
    try:
        while sum(spent) < _SHORT_WORK_S:
            result = None
            prepared = question.ready()
            start = time.thread_time()
            result = question.work(prepared)
            spent.append(time.thread_time() - start)
    finally:
        gc.enable()
    if question.answer(result) != question.expected:
        message = "the answer is wrong"
        raise AssertionError(message)
    return statistics.median(spent)
