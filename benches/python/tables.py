"""The README's tables, made from the records: `python -m benches.python.tables` writes them anew.

A table stands between `<!-- measured: RECORD -->` and `<!-- end -->`. A test makes each again and
compares, so a number in the README is always one that was recorded.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benches.python import native, server
from benches.python.record import three_digits

Record = dict[str, Any]

_REPOSITORY = Path(__file__).parents[2]
_RESULTS = _REPOSITORY / "benches" / "results"
_README = _REPOSITORY / "README.md"
_MEASURED = re.compile(r"(<!-- measured: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """`page` with every table made anew from the record that it names."""
    return _MEASURED.sub(lambda match: f"{match[1]}{_table(match[2])}\n{match[3]}", page)


def _table(name: str) -> str:
    record: Record = json.loads((_RESULTS / name).read_text(encoding="utf-8"))
    tables = {"engine": engine_table, "native": native.table, "server": server_table}
    return tables[record["what"]](record)


def engine_table(record: Record) -> str:
    """One line per question: its longest input in milliseconds, and ratios over all its inputs."""
    ours, *peers = record["engines"]
    heads = ["", "longest input", *(f"{engine}, ms" for engine in record["engines"])]
    heads += [f"{peer} ÷ {ours}" for peer in peers]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for question, meaning in record["questions"].items():
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
    _README.write_text(with_tables(_README.read_text(encoding="utf-8")), encoding="utf-8")
