"""The editing traces that the benches replay: recorded where at hand, generated otherwise."""

from __future__ import annotations

import gzip
import json
import os
import random
from array import array
from dataclasses import dataclass
from pathlib import Path

NAMES = ("automerge-paper", "friendsforever_flat", "rustcode", "sveltecomponent")

Edit = tuple[int, int, str]
"""Position, deleted length, inserted text; both counted in code points."""

_BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Trace:
    """What one author did, edit by edit, and the text it led to.

    The text is ASCII: libraries that count bytes and libraries that count characters agree on every
    position.
    """

    name: str
    edits: list[Edit]
    end: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One transaction of a session: what its author knew, who it was, and what was edited then.

    `parents` are indices of earlier turns; positions count in the merge of these and of all that
    they knew.
    """

    parents: list[int]
    agent: int
    edits: list[Edit]


@dataclass(frozen=True, slots=True)
class Session:
    """What several authors did at the same time, and the text it led to."""

    name: str
    turns: list[Turn]
    end: str


def load_traces() -> list[Trace]:
    """The four sequential traces, or one that is generated when their folder is not found.

    The folder is `traces` in `$OFFICINA_BENCH_DATA`, or in `../shared/data` beside the checkout.
    """
    folder = _folder()
    if folder is not None:
        return [read_trace(folder / f"{name}.json.gz") for name in NAMES]
    return [generate_trace(edits=50_000, seed=1)]


def load_session() -> Session:
    """The concurrent session, or one made of a generated trace when the folder is not found."""
    folder = _folder()
    if folder is not None:
        return read_session(folder / "friendsforever_concurrent.json.gz")
    trace = generate_trace(edits=20_000, seed=2)
    turns = [
        Turn([turn - 1] if turn else [], turn // 50 % 2, [edit])
        for turn, edit in enumerate(trace.edits)
    ]
    return Session(f"{trace.name}-taking-turns", turns, trace.end)


def _folder() -> Path | None:
    folder = Path(os.environ.get("OFFICINA_BENCH_DATA", _BESIDE_THE_CHECKOUT)) / "traces"
    return folder if folder.is_dir() else None


def read_trace(path: Path) -> Trace:
    """Read a trace in the format of josephg/editing-traces.

    Raises:
        ValueError: the text is not ASCII.
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        recorded = json.load(file)
    edits: list[Edit] = [(0, 0, recorded["startContent"])] if recorded["startContent"] else []
    edits += [tuple(edit) for transaction in recorded["txns"] for edit in transaction["patches"]]
    trace = Trace(path.name.removesuffix(".json.gz"), _in_a_row(edits), recorded["endContent"])
    if not trace.end.isascii() or not all(inserted.isascii() for _, _, inserted in edits):
        message = f"{path} is not ASCII, so the libraries would not agree on positions"
        raise ValueError(message)
    return trace


def _in_a_row(edits: list[Edit]) -> list[Edit]:
    """The same edits, in objects that lie in memory in the order in which they are read.

    A parser leaves them scattered among what it throws away. An edit here takes as long as two or
    three reads from memory, so waiting for its own number and text would be much of what is timed.
    """
    positions = array("q", (position for position, _, _ in edits))
    deleted = array("q", (deleted for _, deleted, _ in edits))
    inserted = "\0".join(inserted for _, _, inserted in edits).split("\0")
    return list(zip(positions, deleted, inserted, strict=True))


def read_session(path: Path) -> Session:
    """Read a concurrent trace in the format of josephg/editing-traces."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        recorded = json.load(file)
    turns = [
        Turn(turn["parents"], turn["agent"], [(at, cut, new) for at, cut, new in turn["patches"]])
        for turn in recorded["txns"]
    ]
    return Session(path.name.removesuffix(".json.gz"), turns, recorded["endContent"])


def generate_trace(edits: int, seed: int) -> Trace:
    """One author who types and erases in bursts, and moves the cursor between them.

    The shape follows the recorded traces: bursts of a dozen characters on average, one in five of
    them erasing, most jumps near, some anywhere.
    """
    source = random.Random(seed)
    text: list[str] = []
    made: list[Edit] = []
    cursor = 0
    while len(made) < edits:
        near = source.random() < 0.8
        cursor = (
            min(max(0, cursor + source.randint(-80, 80)), len(text))
            if near
            else source.randint(0, len(text))
        )
        erasing = source.random() < 0.2
        for _ in range(min(source.randint(1, 24), edits - len(made))):
            if erasing and cursor > 0:
                cursor -= 1
                del text[cursor]
                made.append((cursor, 1, ""))
            else:
                character = source.choice("etaoin shrdlu\n")
                text.insert(cursor, character)
                made.append((cursor, 0, character))
                cursor += 1
    return Trace(f"generated-{edits}-{seed}", made, "".join(text))
