"""How fast is the engine, from Rust, next to other CRDTs for text?

Runs the program in `benches/native`, which holds all of them in one binary, and makes the tables.
Work is measured in CPU time and every answer is checked; what is reported is the median over
rounds in which the engines take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from benches.python.claims import (
    OURS,
    Claim,
    Goals,
    Record,
    Value,
    claims_table,
    least_times_as_fast,
    share_of_bytes,
    times_as_fast,
)
from benches.python.record import describe_machine, three_digits, write_record
from benches.python.traces import load_session, load_traces

_CRATE = Path(__file__).parents[1] / "native"
_PROGRAM = _CRATE / "target" / "release" / "officina-native-bench"
_ENGINES = {
    "officina": "officina-crdt",
    "cola": "cola",
    "diamond-types": "diamond-types",
    "loro": "loro",
    "yrs": "yrs",
}
"""The crate of each engine; ours first."""
_PEERS = [name for name in _ENGINES if name != OURS]
_QUESTIONS = {
    "local": "one transaction per edit",
    "emitting": "one transaction and one emitted update per edit",
    "remote": "these updates one by one into a new document",
    "encode": "document to bytes",
    "load": "encoded document to text",
    "concurrent": "concurrent updates one by one into a new document",
    "merge": "single updates merged without a document",
    "random": "1,000 random insertions and deletions",
}
_RANDOM_SIZES = (10_000, 100_000, 1_000_000)
_SHORT, _LONG = "friendsforever_flat", "automerge-paper"


def _share(peer: str, question: str) -> Value:
    """Our time by that of `peer`, for the input where it is largest."""
    least = least_times_as_fast([peer], [question])

    def value(record: Record) -> float | None:
        times = least(record)
        return None if times is None else 1 / times

    return value


def _ours(question: str, about: str) -> Value:
    def value(record: Record) -> float | None:
        times: dict[str, float] = record["median_ms"].get(question, {}).get(about, {})
        return times.get(OURS)

    return value


def _at(characters: int) -> str:
    return f"{characters} characters at random"


def _cost_per_update(record: Record) -> float | None:
    long, short = (_ours("merge", name)(record) for name in (_LONG, _SHORT))
    if long is None or short is None:
        return None
    edits: dict[str, int] = record["edits"]
    return long / short / edits[_LONG] * edits[_SHORT]


GOALS: Goals = [
    (
        "local edits with one update each, and these updates one by one into a new document",
        [
            Claim(
                least_times_as_fast(_PEERS, ["emitting", "remote"]),
                "≥",
                1,
                " × the first of the others on every trace",
            ),
            *(
                Claim(times_as_fast(peer, question), "≥", 8, f" × {peer} ({question})")
                for peer in ("yrs", "loro")
                for question in ("emitting", "remote")
            ),
        ],
    ),
    (
        "local edits, silent",
        [
            Claim(_share("diamond-types", "local"), "≤", 1.5, " × diamond-types on every trace"),
            Claim(
                least_times_as_fast(["cola", "loro", "yrs"], ["local"]),
                "≥",
                1,
                " × the first of the others on every trace",
            ),
        ],
    ),
    (
        "the concurrent trace into a new document",
        [
            Claim(
                least_times_as_fast(_PEERS, ["concurrent"]), "≥", 1, " × the first of the others"
            ),
            Claim(times_as_fast("cola", "concurrent"), "≥", 2.5, " × cola"),
            Claim(times_as_fast("yrs", "concurrent"), "≥", 10, " × yrs"),
        ],
    ),
    (
        "merge of single updates",
        [
            Claim(_ours("merge", _SHORT), "≤", 10, " ms for 26,078"),
            Claim(_cost_per_update, "≤", 1.5, " × the cost per update for 259,778"),
        ],
    ),
    (
        "random insertion or deletion",
        [
            Claim(_ours("random", _at(100_000)), "≤", 0.4, " ms per 1,000 at 10⁵ fragments"),
            Claim(_ours("random", _at(1_000_000)), "≤", 1, " ms per 1,000 at 10⁶ fragments"),
            Claim(least_times_as_fast(["loro"], ["random"]), "≥", 1, " × loro at every size"),
            Claim(_share("cola", "random"), "≤", 1.2, " × cola at every size"),
        ],
    ),
    (
        "encode; load to text",
        [
            Claim(least_times_as_fast(_PEERS, ["encode"]), "≥", 1, " × the first of the others"),
            Claim(times_as_fast("yrs", "load"), "≥", 1.5, " × yrs"),
        ],
    ),
    (
        "bytes",
        [
            Claim(share_of_bytes("encoded", "yrs", "encoded"), "≤", 1, " × yrs for V1"),
            Claim(share_of_bytes("v2", "yrs", "v2"), "≤", 1, " × yrs for V2"),
        ],
    ),
]


def measured(rounds: int) -> Record:
    """What the program found, for the record."""
    machine = describe_machine()
    traces, session = load_traces(), load_session()
    asked = {
        "rounds": rounds,
        "random_sizes": _RANDOM_SIZES,
        "traces": [
            {
                "name": trace.name,
                "edits": trace.edits,
                "end": trace.end,
                "merged_by": {_SHORT: [OURS, "yrs"], _LONG: [OURS]}.get(trace.name, []),
            }
            for trace in traces
        ],
        "sessions": [
            {
                "name": session.name,
                "turns": [
                    {"parents": turn.parents, "agent": turn.agent, "edits": turn.edits}
                    for turn in session.turns
                ],
            }
        ],
    }
    done = subprocess.run(
        [os.environ.get("OFFICINA_NATIVE_BENCH", _PROGRAM)],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Record = json.loads(done.stdout)
    versions = _versions()
    return {
        "command": "python -m benches.python.native " + " ".join(sys.argv[1:]),
        "machine": machine,
        "engines": {name: versions[crate] for name, crate in _ENGINES.items()},
        "questions": {key: _QUESTIONS[key] for key in _QUESTIONS if key in found["median_ms"]},
        "edits": {trace.name: len(trace.edits) for trace in traces}
        | {session.name: len(session.turns)}
        | {_at(size): size for size in _RANDOM_SIZES},
        "rounds": rounds,
        **found,
    }


def _versions() -> dict[str, str]:
    lock = tomllib.loads((_CRATE / "Cargo.lock").read_text(encoding="utf-8"))
    return {package["name"]: package["version"] for package in lock["package"]}


def table(record: Record) -> str:
    """The medians in milliseconds, an engine a column, as Markdown."""
    engines = list(record["engines"])
    lines = [f"| {' | '.join(['ms', 'input', *engines])} |", "|" + "---|" * (2 + len(engines))]
    for question, meaning in record["questions"].items():
        times = record["median_ms"][question]
        for about in sorted(times, key=lambda name: (record["edits"][name], name)):
            cells = [_digits(times[about].get(name)) for name in engines]
            lines.append(f"| {' | '.join([meaning, about, *cells])} |")
    return "\n".join(lines)


def _digits(value: float | None) -> str:
    return "–" if value is None else three_digits(value)


def main() -> None:
    """Measure, print the tables, and record them when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    found = measured(options.rounds)
    print(table(found), end="\n\n")
    print(claims_table(GOALS, found))
    if options.record:
        print(f"recorded in {write_record('native', found)}", file=sys.stderr)


if __name__ == "__main__":
    main()
