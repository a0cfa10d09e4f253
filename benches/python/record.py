"""Dated records of what was measured, and how their numbers are written."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_RESULTS = Path(__file__).parents[1] / "results"


def write_record(what: str, findings: dict[str, Any]) -> Path:
    """Write `benches/results/<date>-<what>.json`, replacing an earlier one of the same day."""
    today = datetime.now(UTC).date().isoformat()
    path = _RESULTS / f"{today}-{what}.json"
    path.parent.mkdir(exist_ok=True)
    record = {"what": what, "date": today, "machine": describe_machine(), **findings}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, system and interpreter."""
    return {
        "processor": _first_value("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_kib": _first_value("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average_before": os.getloadavg()[0],
    }


def three_digits(value: float) -> str:
    """`value` with three significant digits, as people read them: 0.0123, 4.56, 7,890."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _first_value(path: str, key: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), None)
