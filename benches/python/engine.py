"""How fast is the engine, through Python, next to pycrdt and loro?

Input: recorded editing sessions (see `traces`) and three of the crdt-benchmarks (see `inputs`).
In each round all questions about an input and all engines, each in a process of its own, take turns
of a few milliseconds, in an order that changes from round to round, so that a machine that slows
down slows all of them; what is reported is the median over the rounds.
Work in one thread is measured in CPU time, so that what else runs disturbs it less; work in several
threads, by the clock. Every answer is checked.
"""

from __future__ import annotations

import argparse
import sys

from benches.python import inputs
from benches.python.claims import Record, claims_table
from benches.python.engines import ENGINES, engine_named
from benches.python.goals import GOALS
from benches.python.memory import FORMS, megabytes_per_document
from benches.python.questions import QUESTIONS, Engine
from benches.python.record import describe_machine, three_digits, write_record
from benches.python.sizes import bytes_written
from benches.python.threads import large_update, longest_stall_ms, speed_up
from benches.python.timings import geometric_mean_ratio, measure
from benches.python.traces import Trace, load_traces
from benches.python.workers import Worker

_PARTS = ("traces", "small", "memory", "threads", "sizes")
_REMEMBERED = (inputs.USUAL, "automerge-paper")


def findings(engines: list[Engine], parts: list[str], rounds: int) -> Record:
    """Everything measured, for the record."""
    machine = describe_machine()
    traces = load_traces()
    asked = inputs.all_inputs(parts)
    workers = [Worker(engine.name, parts) for engine in engines]
    median_ms = measure(workers, asked, rounds).median_ms()
    del workers
    first, *peers = [engine.name for engine in engines]
    found: Record = {
        "command": "python -m benches.python.engine " + " ".join(sys.argv[1:]),
        "machine": machine,
        "engines": {engine.name: engine.version for engine in engines},
        "questions": {key: QUESTIONS[key] for key in QUESTIONS if key in median_ms},
        "edits": {each.name: each.edits for each in asked},
        "rounds": rounds,
        "median_ms": median_ms,
        "geometric_mean_ratio": {
            key: {f"{peer} / {first}": geometric_mean_ratio(times, first, peer) for peer in peers}
            for key, times in median_ms.items()
        },
    }
    if "memory" in parts:
        found["memory_mb"] = _memory(engines, traces)
    if "threads" in parts:
        found |= _threads(engines, traces, rounds)
    if "sizes" in parts:
        found["bytes"] = bytes_written(traces)
    return found


def _memory(engines: list[Engine], traces: list[Trace]) -> Record:
    return {
        trace.name: {
            form: {engine.name: megabytes_per_document(engine, trace, form) for engine in engines}
            for form in FORMS
        }
        for trace in traces
        if trace.name in _REMEMBERED or len(traces) == 1
    }


def _threads(engines: list[Engine], traces: list[Trace], rounds: int) -> Record:
    trace = max(traces, key=lambda trace: len(trace.edits))
    stalls: dict[str, float] = {}
    for engine in engines:
        if "large update" not in engine.lacks:
            update = large_update(engine)
            stalls[engine.name] = longest_stall_ms(engine, update)
    return {
        "two_threads": {engine.name: speed_up(engine, trace, rounds) for engine in engines},
        "longest_stall_ms": stalls,
    }


def table(found: Record) -> str:
    """The medians as a Markdown table, with each peer's ratio to the first engine."""
    first, *peers = found["engines"]
    heads = ["question", "input", f"{first}, ms"]
    for peer in peers:
        heads += [f"{peer}, ms", "ratio"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for question, meaning in found["questions"].items():
        times = found["median_ms"][question]
        for about, by_engine in times.items():
            cells = [meaning, about, _digits(by_engine.get(first))]
            for peer in peers:
                ratio = geometric_mean_ratio({about: by_engine}, first, peer)
                cells += [_digits(by_engine.get(peer)), _digits(ratio, " ×")]
            lines.append(f"| {' | '.join(cells)} |")
        if len(times) > 1:
            cells = ["", "**geometric mean**", ""]
            for peer in peers:
                ratio = found["geometric_mean_ratio"][question][f"{peer} / {first}"]
                cells += ["", f"**{_digits(ratio, ' ×')}**"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _digits(value: float | None, unit: str = "") -> str:
    return "–" if value is None else three_digits(value) + unit


def main() -> None:
    """Measure, print the tables, and record them when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="NAME"
    )
    parser.add_argument(
        "--parts", nargs="+", choices=_PARTS, default=list(_PARTS), metavar="PART", help=f"{_PARTS}"
    )
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    engines = [engine_named(name) for name in options.engines]
    found = findings(engines, options.parts, options.rounds)
    print(table(found), end="\n\n")
    print(claims_table(GOALS, found))
    if options.record:
        print(f"recorded in {write_record('engine', found)}", file=sys.stderr)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the paragraphs of the module's docstring."""


if __name__ == "__main__":
    main()
