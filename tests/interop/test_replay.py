"""The main job: a recorded session, replayed into a running server, is read by a Yjs client."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from random import Random

import pytest

from officina_server import OfficinaServer
from our_values import words
from websocket_peers import peers_in
from yjs_host import YjsHost

_CHECKOUT = Path(__file__).parents[2]
_PAPER = "automerge-paper.json.gz"


def _seeded_trace(seed: int, edits: int) -> dict:
    """One author who types runs, jumps and deletes, written down as recorded traces are."""
    rng = Random(seed)
    text = start = "Once upon a time. "
    cursor, transactions = len(text), []
    for _ in range(edits):
        if rng.random() < 0.1:
            cursor = rng.randint(0, len(text))
        deleted = min(cursor, rng.randint(1, 3)) if rng.random() < 0.2 else 0
        inserted = "" if deleted else words(rng)[: rng.choice([1, 1, 1, 8])]
        at = cursor - deleted
        transactions.append({"patches": [[at, deleted, inserted]]})
        text = text[:at] + inserted + text[cursor:]
        cursor = at + len(inserted)
    return {"startContent": start, "endContent": text, "txns": transactions}


def _paper() -> Path | None:
    """The recorded writing of a paper, where the bench data is at hand."""
    given = os.environ.get("OFFICINA_BENCH_DATA")
    folders = [Path(given)] if given else []
    folders.append(_CHECKOUT.parent / "shared" / "data")
    places = [folder / inner / _PAPER for folder in folders for inner in ("", "traces")]
    return next((place for place in places if place.is_file()), None)


def _read_by_yjs(yjs: YjsHost, server: OfficinaServer, room: str, text: str) -> None:
    with peers_in(yjs, server.url, room) as peers:
        peers.join("reader")
        peers.until_synced()
        assert peers.describe("reader")["text"] == text


@pytest.mark.parametrize("seed", [1, 2])
def test_a_replayed_session_is_read_by_yjs_character_for_character(
    yjs: YjsHost, server: OfficinaServer, room: str, tmp_path: Path, seed: int
) -> None:
    trace = _seeded_trace(seed, edits=3000)
    path = tmp_path / "trace.json.gz"
    path.write_bytes(gzip.compress(json.dumps(trace).encode()))

    server.run("replay", str(path), "--url", f"{server.url}/{room}")

    _read_by_yjs(yjs, server, room, trace["endContent"])


@pytest.mark.skipif(_paper() is None, reason=f"{_PAPER} is not at hand: set OFFICINA_BENCH_DATA")
def test_the_automerge_paper_is_read_by_yjs_character_for_character(
    yjs: YjsHost, server: OfficinaServer, room: str
) -> None:
    paper = _paper()
    assert paper is not None

    server.run("replay", str(paper), "--url", f"{server.url}/{room}")

    with gzip.open(paper, "rt", encoding="utf-8") as trace:
        _read_by_yjs(yjs, server, room, json.load(trace)["endContent"])
