"""The documents' tables, made from the records: `python -m benches.python.tables` writes them anew.

A table stands between `<!-- measured: RECORD FORM -->` and `<!-- end -->`; the form is "all" there
is, a "short" choice of it, or the "goals" with what was reached of them. A test makes each again
and compares, so that a number in a document is always one that was recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benches.python import goals, native, search_goals, search_rounds, server
from benches.python.claims import claims_table
from benches.python.record import three_digits

Record = dict[str, Any]

_REPOSITORY = Path(__file__).parents[2]
_RESULTS = _REPOSITORY / "benches" / "results"
PAGES = (_REPOSITORY / "README.md", _REPOSITORY / "docs" / "measured.md")
"""The documents with tables."""
_MEASURED = re.compile(r"(<!-- measured: (\S+) (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHORT = (
    "local",
    "emitting",
    "remote",
    "remote list",
    "concurrent",
    "merge",
    "encode",
    "load",
    "open",
)
"""The questions about the engine that are not too many for a first look."""


def with_tables(page: str) -> str:
    """`page` with every table made anew from the record that it names."""
    return _MEASURED.sub(lambda match: f"{match[1]}{_table(match[2], match[3])}\n{match[4]}", page)


def _table(name: str, form: str) -> str:
    record: Record = json.loads((_RESULTS / name).read_text(encoding="utf-8"))
    tables: dict[tuple[str, str], Callable[[Record], str]] = {
        ("engine", "all"): lambda record: engine_table(record, record["questions"]),
        ("engine", "short"): lambda record: engine_table(record, _SHORT),
        ("engine", "goals"): lambda record: claims_table(goals.GOALS, record),
        ("native", "all"): native.table,
        ("native", "goals"): lambda record: claims_table(native.GOALS, record),
        ("server", "all"): server_table,
        ("search", "goals"): lambda record: claims_table(search_goals.GOALS, record),
        ("search-1m", "goals"): lambda record: claims_table(search_goals.GOALS_1M, record),
        ("search-native", "goals"): lambda record: claims_table(search_goals.NATIVE_GOALS, record),
        ("search-native-1m", "goals"): lambda record: claims_table(
            search_goals.NATIVE_GOALS_1M, record
        ),
    }
    if record["what"].startswith("search"):
        tables |= {
            (record["what"], "all"): lambda record: search_rounds.table(record["engines"]),
            (record["what"], "classes"): lambda record: search_rounds.class_table(
                record["engines"]
            ),
        }
    return tables[record["what"], form](record)


def engine_table(record: Record, questions: Iterable[str]) -> str:
    """One line per question: its longest input in milliseconds, and ratios over all its inputs."""
    ours, *peers = record["engines"]
    heads = ["", "longest input", *(f"{engine}, ms" for engine in record["engines"])]
    heads += [f"{peer} ÷ {ours}" for peer in peers]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for question in questions:
        meaning = record["questions"][question]
        times = record["median_ms"][question]
        about = max(times, key=lambda name: record["edits"][name])
        ratios = record["geometric_mean_ratio"][question]
        cells = [meaning, about, *(_digits(times[about].get(name)) for name in record["engines"])]
        cells += [_digits(ratios[f"{peer} / {ours}"], " ×") for peer in peers]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _digits(value: float | None, unit: str = "") -> str:
    return "–" if value is None else three_digits(value) + unit


def server_table(record: Record) -> str:
    """One table per shape."""
    shapes = record["shapes"].items()
    return "\n\n".join(
        server.table(shape, found["light"], found["highest"]) for shape, found in shapes
    )


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
