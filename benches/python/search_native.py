"""How fast and how good is search from Rust, engine by engine?

Runs the program in `benches/native/search`, once for each engine, with the input and by the rules
of `search`: CPU time of the whole process, from the typed text on, one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from pathlib import Path

from benches.python.record import describe_machine, write_record
from benches.python.search_inputs import search_files
from benches.python.search_rounds import Record, class_table, measured, native_command, table

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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument(
        "--seconds", type=float, default=10, help="per class of queries and round; default 10"
    )
    parser.add_argument("--listings", default="100k", metavar="NAME", help="default 100k")
    parser.add_argument("--queries", metavar="NAME", help="default: that of the listings")
    parser.add_argument(
        "--engines", nargs="+", choices=_ENGINES, default=list(_ENGINES), metavar="NAME"
    )
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    machine = describe_machine()
    queries = options.queries or options.listings
    engines = measured_natively(
        options.engines, options.listings, queries, options.rounds, options.seconds
    )
    print(table(engines), class_table(engines), sep="\n\n")
    if options.record:
        found = {
            "command": "python -m benches.python.search_native " + " ".join(sys.argv[1:]),
            "machine": machine,
            "listings": options.listings,
            "queries": queries,
            "rounds": options.rounds,
            "engines": engines,
        }
        what = f"search-native{'' if options.listings == '100k' else f'-{options.listings}'}"
        print(f"recorded in {write_record(what, found)}", file=sys.stderr)


if __name__ == "__main__":
    main()
