"""Differential fuzz against Yjs: `python tests/interop/fuzz.py --edits 200000 --seed 1 --record`.

Runs episodes of random edits, undos and redos (see `differential.py`), with each a history in which
every step is compared (see `undo_histories.py`), until as many as asked for have been compared, and
prints the seed of each that fails.
`--record` writes a dated record to `benches/results/`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import officina
from differential import Episode
from experiment import Difference
from undo_histories import History
from yjs_host import NodeMissing, YjsHost

_STEPS = 50
"""How long a history is."""

_RESULTS = Path(__file__).parents[2] / "benches" / "results"


@dataclass(frozen=True)
class Campaign:
    """What a run of many episodes did, where it found differences, and what it set aside.

    Args:
        outgrown: how many episodes ended early because their documents had become too large.
    """

    first_seed: int
    episodes: int
    outgrown: int
    operations: Counter[str]
    updates: int
    seconds: float
    failures: tuple[str, ...]
    set_aside: Counter[str]


def run(yjs: YjsHost, first_seed: int, lengths: Iterator[int], edits: int | None) -> Campaign:
    """Runs an episode of each of `lengths`, and a history with the same seed.

    Args:
        yjs: the Node process.
        first_seed: of the first of them; the next ones count up.
        lengths: how many operations an episode has.
        edits: stops when so many operations have been compared, or belong to episodes that failed.
    """
    started = time.perf_counter()
    count = updates = outgrown = lost = 0
    operations: Counter[str] = Counter()
    set_aside: Counter[str] = Counter()
    failures: list[str] = []
    for count, wanted in enumerate(lengths, start=1):
        seed = first_seed + count - 1
        for experiment in (Episode(yjs, seed, wanted), History(yjs, seed, _STEPS)):
            try:
                outcome = experiment.run()
            except Difference as difference:
                lost += wanted
                failures.append(f"seed {seed}: {difference}")
                print(failures[-1], file=sys.stderr)
            else:
                operations += outcome.operations
                updates += outcome.updates
                set_aside += outcome.set_aside
                outgrown += outcome.outgrown
        if edits is not None and operations.total() + lost >= edits:
            break
    return Campaign(
        first_seed,
        count,
        outgrown,
        operations,
        updates,
        time.perf_counter() - started,
        tuple(failures),
        set_aside,
    )


def record(campaign: Campaign, versions: dict[str, str]) -> Path:
    """Writes what was run, where and with what outcome; returns the file."""
    today = datetime.now(UTC).date().isoformat()
    path = _RESULTS / f"{today}-differential-fuzz.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "question": "do random histories end in the same document in npm yjs and in officina?",
        "command": f"python {' '.join(sys.argv)}",
        "date": today,
        "seeds": [campaign.first_seed, campaign.first_seed + campaign.episodes - 1],
        "episodes": campaign.episodes,
        "outgrown": campaign.outgrown,
        "operations": campaign.operations.total(),
        "operations_by_kind": dict(campaign.operations.most_common()),
        "updates": campaign.updates,
        "differences": len(campaign.failures),
        "failures": list(campaign.failures),
        "set_aside": dict(campaign.set_aside),
        "seconds": round(campaign.seconds, 1),
        "versions": {
            "officina": officina.__version__,
            "python": platform.python_version(),
            **versions,
        },
        "machine": platform.platform(),
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def sizes(edits_per_episode: int) -> Iterator[int]:
    """Episode lengths without end; every tenth episode is ten times as long."""
    for episode in itertools.count(1):
        yield edits_per_episode * (10 if episode % 10 == 0 else 1)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first episode; the next ones count up"
    )
    parser.add_argument(
        "--edits", type=int, default=200_000, help="compare so many in all episodes together"
    )
    parser.add_argument("--edits-per-episode", type=int, default=250)
    parser.add_argument("--episodes", type=int, help="run so many, each of --edits-per-episode")
    parser.add_argument(
        "--record", action="store_true", help="write a dated record to benches/results/"
    )
    options = parser.parse_args()
    try:
        host = YjsHost()
    except NodeMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    with host:
        if options.episodes:
            lengths = itertools.repeat(options.edits_per_episode, options.episodes)
            campaign = run(host, options.seed, lengths, None)
        else:
            lengths = sizes(options.edits_per_episode)
            campaign = run(host, options.seed, lengths, options.edits)
        print(
            f"{campaign.operations.total():,} operations in {campaign.episodes} episodes, "
            f"{campaign.updates:,} updates, {len(campaign.failures)} differences, "
            f"{campaign.set_aside.total()} set aside, {campaign.outgrown} outgrown, "
            f"{campaign.seconds:.0f} s"
        )
        if options.record:
            print(f"recorded in {record(campaign, host.call('versions'))}")
    return 1 if campaign.failures else 0


if __name__ == "__main__":
    sys.exit(_main())
