"""How fast is the engine, through Python, next to pycrdt and loro?

Input: four recorded editing sessions (see `traces`). Each round asks every question of every
engine, in an order that changes from round to round, so that a machine that slows down slows all
of them; what is reported is the median over the rounds. Every answer is checked against the
recorded text.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import math
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benches.python.questions import QUESTIONS, Engine, Question, prepare
from benches.python.record import three_digits, write_record
from benches.python.traces import Trace, load_traces

_ENGINES = {
    "officina": ("benches.python.officina_engine", "OfficinaEngine"),
    "pycrdt": ("benches.peers.pycrdt_engine", "PycrdtEngine"),
    "loro": ("benches.peers.loro_engine", "LoroEngine"),
}
_SHORT_WORK_S = 0.05
"""Work shorter than this is repeated until it adds up to it, and counts with its median."""


@dataclass(slots=True)
class Timings:
    """Seconds per round, for each trace, question and engine."""

    seconds: dict[tuple[str, str, str], list[float]] = field(
        default_factory=dict[tuple[str, str, str], list[float]]
    )

    def add(self, trace: str, question: str, engine: str, seconds: float) -> None:
        """Keep the time of one round."""
        self.seconds.setdefault((trace, question, engine), []).append(seconds)

    def median_ms(self, trace: str, question: str, engine: str) -> float:
        """The median over the rounds, in milliseconds."""
        return statistics.median(self.seconds[trace, question, engine]) * 1e3

    def ratio(self, traces: Iterable[str], question: str, engine: str, to: str) -> float:
        """How many times as long `to` takes as `engine`: geometric mean over the traces."""
        logarithms = [
            math.log(self.median_ms(trace, question, to) / self.median_ms(trace, question, engine))
            for trace in traces
        ]
        return math.exp(statistics.fmean(logarithms))


def measure(engines: list[Engine], traces: list[Trace], rounds: int) -> Timings:
    """Ask everything `rounds` times, engines interleaved."""
    timings = Timings()
    for trace in traces:
        prepared = {engine.name: prepare(engine, trace) for engine in engines}
        for turn in range(rounds):
            order = engines[turn % len(engines) :] + engines[: turn % len(engines)]
            for question in QUESTIONS:
                for engine in order:
                    seconds = _time(prepared[engine.name][question], trace.end)
                    timings.add(trace.name, question, engine.name, seconds)
            _say(f"{trace.name}: round {turn + 1} of {rounds}")
    return timings


def _time(question: Question, expected: str) -> float:
    spent: list[float] = []
    result: Any = None
    gc.collect()
    gc.disable()
    try:
        while sum(spent) < _SHORT_WORK_S:
            start = time.perf_counter()
            result = question.work()
            spent.append(time.perf_counter() - start)
    finally:
        gc.enable()
    if question.answer(result) != expected:
        message = "the answer is not the text that was recorded"
        raise AssertionError(message)
    return statistics.median(spent)


def table(timings: Timings, engines: list[Engine], traces: list[Trace]) -> str:
    """The medians as a Markdown table, with each peer's ratio to the first engine."""
    first, *peers = [engine.name for engine in engines]
    heads = ["trace", "question", f"{first}, ms"]
    for peer in peers:
        heads += [f"{peer}, ms", "ratio"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    names = [trace.name for trace in traces]
    for question in QUESTIONS:
        for name in names:
            cells = [name, question, three_digits(timings.median_ms(name, question, first))]
            for peer in peers:
                cells += [
                    three_digits(timings.median_ms(name, question, peer)),
                    f"{three_digits(timings.ratio([name], question, first, peer))} ×",
                ]
            lines.append(f"| {' | '.join(cells)} |")
        cells = ["**geometric mean**", question, ""]
        for peer in peers:
            cells += ["", f"**{three_digits(timings.ratio(names, question, first, peer))} ×**"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def findings(
    timings: Timings, engines: list[Engine], traces: list[Trace], rounds: int
) -> dict[str, Any]:
    """Everything measured, for the record."""
    names = [trace.name for trace in traces]
    first, *peers = [engine.name for engine in engines]
    return {
        "command": "python -m benches.python.engine " + " ".join(sys.argv[1:]),
        "engines": {engine.name: engine.version for engine in engines},
        "questions": QUESTIONS,
        "edits": {trace.name: len(trace.edits) for trace in traces},
        "rounds": rounds,
        "median_ms": {
            question: {
                name: {
                    engine.name: round(timings.median_ms(name, question, engine.name), 4)
                    for engine in engines
                }
                for name in names
            }
            for question in QUESTIONS
        },
        "geometric_mean_ratio": {
            question: {
                f"{peer} / {first}": round(timings.ratio(names, question, first, peer), 3)
                for peer in peers
            }
            for question in QUESTIONS
        },
    }


def main() -> None:
    """Measure, print the table, and record it when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument(
        "--engines", nargs="+", choices=_ENGINES, default=list(_ENGINES), metavar="NAME"
    )
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    engines = [_engine(name) for name in options.engines]
    traces = load_traces()
    timings = measure(engines, traces, options.rounds)
    print(table(timings, engines, traces))
    if options.record:
        found = findings(timings, engines, traces, options.rounds)
        _say(f"recorded in {write_record('engine', found)}")


def _engine(name: str) -> Engine:
    module, cls = _ENGINES[name]
    engine: Engine = getattr(importlib.import_module(module), cls)()
    return engine


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the paragraphs of the module's docstring."""


if __name__ == "__main__":
    main()
