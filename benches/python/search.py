"""How fast and how good is search through Python, engine by engine?

Input: listings and queries whose right answers are known (see `search_inputs`). Each engine has a
process of its own, is asked in its own way from one thread, and takes turns with the others. What
is timed is the search alone: in CPU time of the whole process, or by the clock where a server does
the work. Building, adding and removing are by the clock; an added listing must be found by the
next search, a removed one must not.
"""

from __future__ import annotations

from benches.python.record import describe_machine
from benches.python.search_alone import measured_alone
from benches.python.search_engines import ENGINES
from benches.python.search_inputs import search_files
from benches.python.search_rounds import arguments, measured, python_command, report


def main() -> None:
    """Measure, print the tables, and record them when asked to."""
    options = arguments(__doc__, ENGINES)
    machine = describe_machine()
    commands = {name: python_command(name) for name in options.engines}
    with search_files(options.listings, options.queries) as files:
        engines = measured(commands, files, options.rounds, options.seconds)
        alone = measured_alone(files)
    report("search", options, machine, {"engines": engines, "alone": alone})
    print(alone)


if __name__ == "__main__":
    main()
