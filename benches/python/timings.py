"""How long each engine takes: rounds in which all of them and all questions take turns."""

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
_TURN_S = 0.01
"""Then so much of it is done in one turn."""

_Asked = tuple[str, str]
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


def measure(engines: list[Engine], about: Iterable[Input], rounds: int) -> Timings:
    """Ask everything `rounds` times, questions and engines interleaved; every answer is checked."""
    timings = Timings()
    for subject in about:
        asked = {
            (question, engine.name): work
            for engine in engines
            if not engine.lacks.issuperset(subject.questions)
            for question, work in subject.prepare(engine).items()
            if question not in engine.lacks
        }
        for turn in range(rounds):
            order = engines[turn % len(engines) :] + engines[: turn % len(engines)]
            each = [(question, engine.name) for question in subject.questions for engine in order]
            took = _in_turns({which: asked[which] for which in each if which in asked})
            for (question, engine), seconds in took.items():
                timings.add(question, subject.name, engine, statistics.median(seconds))
            print(f"{subject.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    return timings


def _in_turns(asked: dict[_Asked, Question]) -> dict[_Asked, list[float]]:
    """What each piece of work took, as often as it was done in a round."""
    spent: dict[_Asked, list[float]] = {which: [] for which in asked}
    gc.disable()
    try:
        while short := [which for which in asked if sum(spent[which]) < _SHORT_WORK_S]:
            gc.collect()
            for which in short:
                spent[which] += _turn(asked[which])
    finally:
        gc.enable()
    return spent


def _turn(question: Question) -> list[float]:
    spent: list[float] = []
    result: Any = None
    while sum(spent) < _TURN_S:
        result = None
        prepared = question.ready()
        start = time.thread_time()
        result = question.work(prepared)
        spent.append(time.thread_time() - start)
    if question.answer(result) != question.expected:
        message = "the answer is wrong"
        raise AssertionError(message)
    return spent
