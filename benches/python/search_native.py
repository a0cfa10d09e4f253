"""How fast and how good is search from Rust, engine by engine?

Runs the program in `benches/native/search`, once for each engine, with the input and by the rules
of `search`: CPU time of the whole process, from the typed text on, one thread.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from benches.python.record import describe_machine
from benches.python.search_inputs import search_files
from benches.python.search_rounds import Record, arguments, measured, native_command, report

_CRATE = Path(__file__).parents[1] / "native" / "search"
_PROGRAM = _CRATE / "target" / "release" / "officina-native-search-bench"
_ENGINES = {
    "officina": ("officina-search",),
    "tantivy": ("tantivy",),
    "symspell + tantivy": ("symspell", "tantivy"),
    "symspell_complete_rs + seekstorm": ("symspell_complete_rs", "seekstorm"),
}
"""The crates of each engine."""


def measured_natively(
    engines: list[str], listings: str, queries: str, rounds: int, limit_s: float
) -> Record:
    """What the engines did, with the versions of their crates."""
    program = Path(os.environ.get("OFFICINA_NATIVE_SEARCH_BENCH", _PROGRAM))
    commands = {name: native_command(program, name) for name in engines}
    with search_files(listings, queries) as files:
        found = measured(commands, files, rounds, limit_s)
    versions = _versions()
    return {
        name: {"version": ", ".join(versions[crate] for crate in _ENGINES[name]), **found[name]}
        for name in engines
    }


def _versions() -> dict[str, str]:
    lock = tomllib.loads((_CRATE / "Cargo.lock").read_text(encoding="utf-8"))
    return {package["name"]: package["version"] for package in lock["package"]}


def main() -> None:
    """Measure, print the tables, and record them when asked to."""
    options = arguments(__doc__, _ENGINES)
    machine = describe_machine()
    engines = measured_natively(
        options.engines, options.listings, options.queries, options.rounds, options.seconds
    )
    report("search-native", options, machine, {"engines": engines})


if __name__ == "__main__":
    main()
