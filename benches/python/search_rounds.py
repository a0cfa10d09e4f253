"""Search engines side by side: one process each, asked in turns, and tables of what they did."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benches.python.record import three_digits, write_record
from benches.python.search_inputs import CLASSES, Files, Query, read_queries
from benches.python.search_quality import overall, quality

Record = dict[str, Any]

_CHANGES = 20


@dataclass(slots=True)
class _Answers:
    """What one engine answered: the times of every round, and the ids that it found."""

    built: Record
    microseconds: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    found: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    changes: Record = field(default_factory=dict[str, Any])


def measured(
    commands: Mapping[str, list[str]], files: Files, rounds: int, limit_s: float
) -> Record:
    """Ask all engines, by name; each round another begins.

    Args:
        commands: how each engine's process is started, without the paths that it is given.
        files: what it indexes and is asked.
        rounds: how often each is asked everything; what counts for a query is the median.
        limit_s: how long each class of queries is asked in a round.
    """
    with ExitStack() as stack:
        engines: dict[str, subprocess.Popen[str]] = {}
        answers: dict[str, _Answers] = {}
        for name, command in commands.items():
            folder = stack.enter_context(TemporaryDirectory())
            arguments = [*command, str(files.listings), str(files.queries), folder]
            engines[name] = stack.enter_context(
                subprocess.Popen(
                    arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            answers[name] = _Answers(_heard(engines[name]))
            _note(f"{name}: built in {answers[name].built['build_s']} s")
        order = list(engines)
        for turn in range(rounds):
            for name in order[turn % len(order) :] + order[: turn % len(order)]:
                answer = _told(engines[name], f"round {limit_s}")
                for query, took in answer["microseconds"].items():
                    answers[name].microseconds.setdefault(int(query), []).append(took)
                answers[name].found |= {int(at): ids for at, ids in answer["found"].items()}
                answers[name].built["resident_mb"] = answer["resident_mb"]
                _note(f"{name}: round {turn + 1} of {rounds}")
        for name, engine in engines.items():
            answers[name].changes = _told(engine, f"changes {_CHANGES}")
    queries = list(read_queries(files.queries))
    return {name: _summary(queries, answered) for name, answered in answers.items()}


def arguments(about: str | None, engines: Iterable[str]) -> argparse.Namespace:
    """What to measure, from the command line: of these engines, all if none are named."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument(
        "--seconds", type=float, default=10, help="per class of queries and round; default 10"
    )
    parser.add_argument("--listings", default="100k", metavar="NAME", help="default 100k")
    parser.add_argument("--queries", metavar="NAME", help="default: that of the listings")
    names = list(engines)
    parser.add_argument("--engines", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    options.queries = options.queries or options.listings
    return options


def report(what: str, options: argparse.Namespace, machine: Record, findings: Record) -> None:
    """Print the tables of what was found, and record it when asked to."""
    print(table(findings["engines"]), class_table(findings["engines"]), sep="\n\n")
    if options.record:
        found = {
            "command": " ".join(
                ["python", "-m", f"benches.python.{what.replace('-', '_')}", *sys.argv[1:]]
            ),
            "machine": machine,
            "listings": options.listings,
            "queries": options.queries,
            "rounds": options.rounds,
            **findings,
        }
        name = what if options.listings == "100k" else f"{what}-{options.listings}"
        print(f"recorded in {write_record(name, found)}", file=sys.stderr)


def _told(engine: subprocess.Popen[str], command: str) -> Record:
    assert engine.stdin is not None
    engine.stdin.write(command + "\n")
    engine.stdin.flush()
    return _heard(engine)


def _heard(engine: subprocess.Popen[str]) -> Record:
    assert engine.stdout is not None
    line = engine.stdout.readline()
    if not line:
        message = f"{engine.args!r} ended with {engine.wait()}"
        raise ChildProcessError(message)
    answer: Record = json.loads(line)
    return answer


def _summary(queries: list[Query], answers: _Answers) -> Record:
    """Speed and quality, over all and by class; classes count alike, however much was asked."""
    took: dict[str, list[float]] = {}
    for query in queries:
        if query.id in answers.microseconds:
            times = answers.microseconds[query.id]
            took.setdefault(query.kind, []).append(statistics.median(times))
    scores = quality(queries, answers.found)
    mean = overall(scores)
    mean_us = statistics.fmean(statistics.fmean(times) for times in took.values())
    return {
        **answers.built,
        "queries_per_s": round(1e6 / mean_us, 1),
        **_percentiles(time for times in took.values() for time in times),
        "recall": round(mean.recall, 4),
        "rank": round(mean.rank, 4),
        **{key: _median(times) for key, times in answers.changes.items()},
        "classes": {
            kind: {
                "asked": len(times),
                "mean_us": round(statistics.fmean(times), 2),
                **_percentiles(times),
                "recall": round(scores[kind].recall, 4),
                "rank": round(scores[kind].rank, 4),
            }
            for kind, times in took.items()
        },
    }


def _percentiles(times: Iterable[float]) -> Record:
    ordered = sorted(times)
    return {
        "p50_us": round(ordered[len(ordered) // 2], 2),
        "p99_us": round(ordered[len(ordered) * 99 // 100], 2),
    }


def _median(times: list[float]) -> float | None:
    return round(statistics.median(times), 4) if times else None


def table(engines: Record) -> str:
    """One line per engine, as Markdown."""
    heads = ["", "queries/s", "p50 / p99, ms", "recall@10", "MRR@10"]
    heads += ["build, s", "memory / disk, MB", "add / remove, ms"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, found in engines.items():
        cells = [
            name,
            three_digits(found["queries_per_s"]),
            _pair(found["p50_us"] / 1e3, found["p99_us"] / 1e3),
            f"{found['recall']:.3f}",
            f"{found['rank']:.3f}",
            three_digits(found["build_s"]),
            _pair(found["resident_mb"], found["disk_mb"]),
            _pair(found["add_ms"], found["remove_ms"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def class_table(engines: Record) -> str:
    """Recall, reciprocal rank and times by class, as Markdown."""
    heads = ["", "", *engines]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for kind, meaning in CLASSES.items():
        if all(kind in found["classes"] for found in engines.values()):
            by_engine = [found["classes"][kind] for found in engines.values()]
            cells = [
                f"{each['recall']:.2f} / {each['rank']:.2f}, "
                f"{_pair(each['p50_us'] / 1e3, each['p99_us'] / 1e3)}"
                for each in by_engine
            ]
            lines.append(f"| {kind} | {' | '.join([meaning, *cells])} |")
    return "\n".join(lines)


def _pair(first: float | None, second: float | None) -> str:
    return " / ".join("–" if each is None else three_digits(each) for each in (first, second))


def python_command(name: str) -> list[str]:
    """Starts the process of an engine that is asked through Python."""
    return [sys.executable, "-m", "benches.python.search_worker", name]


def native_command(program: Path, name: str) -> list[str]:
    """Starts the process of an engine that is asked from Rust."""
    return [str(program), name]


def _note(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
