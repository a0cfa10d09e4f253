"""How fast and how good is search through Python, engine by engine?

Input: listings and queries whose right answers are known (see `search_inputs`). Each engine has a
process of its own, is asked in its own way from one thread, and takes turns with the others. What
is timed is the search alone: in CPU time of the whole process, or by the clock where a server does
the work. Building, adding and removing are by the clock; an added listing must be found by the
next search, a removed one must not.
"""

from __future__ import annotations

import argparse
import sys

from benches.python.record import describe_machine, write_record
from benches.python.search_alone import measured_alone
from benches.python.search_engines import ENGINES
from benches.python.search_inputs import search_files
from benches.python.search_rounds import class_table, measured, python_command, table


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
        "--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="NAME"
    )
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    machine = describe_machine()
    commands = {name: python_command(name) for name in options.engines}
    with search_files(options.listings, options.queries or options.listings) as files:
        engines = measured(commands, files, options.rounds, options.seconds)
        alone = measured_alone(files)
    print(table(engines), class_table(engines), alone, sep="\n\n")
    if options.record:
        found = {
            "command": "python -m benches.python.search " + " ".join(sys.argv[1:]),
            "machine": machine,
            "listings": options.listings,
            "queries": options.queries or options.listings,
            "rounds": options.rounds,
            "engines": engines,
            "alone": alone,
        }
        what = "search" if options.listings == "100k" else f"search-{options.listings}"
        print(f"recorded in {write_record(what, found)}", file=sys.stderr)


if __name__ == "__main__":
    main()
