"""Random histories end in the same document in npm yjs and in ours, and ours reads what Yjs reads.

A few seconds of it here; `OFFICINA_FUZZ=long` or `fuzz.py` for more.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from differential import Episode
from officina.crdt import Doc, Text, merge_updates
from officina.errors import DecodeError
from vectors.yjs_updates import VECTORS, Vector
from yjs_host import YjsHost, decode, encode

LONG = os.environ.get("OFFICINA_FUZZ") == "long"
EPISODES = 500 if LONG else 10
EDITS = 400 if LONG else 250

every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("seed", range(1, EPISODES + 1))
def test_two_yjs_and_two_of_our_replicas_agree(yjs: YjsHost, seed: int) -> None:
    Episode(yjs, seed, EDITS).run()


@every_vector
def test_a_document_that_passes_through_ours_returns_to_yjs_unharmed(
    yjs: YjsHost, vector: Vector
) -> None:
    ours = Doc()
    for update in vector.updates:
        ours.apply_update(update)

    assert yjs.call("read", updates=[encode(ours.get_update())]) == vector.reads


@every_vector
def test_updates_that_pass_through_our_merge_return_to_yjs_unharmed(
    yjs: YjsHost, vector: Vector
) -> None:
    merged = merge_updates(*vector.updates)

    assert yjs.call("read", updates=[encode(merged)]) == vector.reads


@every_vector
def test_a_diff_of_ours_completes_a_yjs_document(yjs: YjsHost, vector: Vector) -> None:
    ours = Doc()
    for update in vector.updates:
        ours.apply_update(update)
    ours.get("text", type=Text).insert(0, "and more ")

    first = encode(vector.updates[0])
    state = yjs.call("read", updates=[first])["state"]
    difference = encode(ours.get_update(decode(state)))

    both = yjs.call("read", updates=[first, difference])
    assert both["roots"] == yjs.call("read", updates=[encode(ours.get_update())])["roots"]


def test_what_we_accept_yjs_can_read(yjs: YjsHost) -> None:
    """A damaged update that only we accept would keep every Yjs client out of the document."""
    rng = Random(4)
    accepted: list[tuple[str, bytes]] = []
    for vector in VECTORS:
        for update in vector.updates:
            for _ in range(2000 if LONG else 60):
                damaged = _damage(update, rng)
                try:
                    Doc(client_id=1).apply_update(damaged)
                except DecodeError:
                    continue
                accepted.append((vector.name, damaged))

    answers = yjs.batch([("accepts", {"update": encode(update)}) for _, update in accepted])

    refused = [
        f"{name}: {update.hex()}: {answer}"
        for (name, update), answer in zip(accepted, answers, strict=True)
        if answer is not None
    ]
    assert refused == []


def _damage(update: bytes, rng: Random) -> bytes:
    """One to four bytes changed, dropped or doubled."""
    damaged = bytearray(update)
    for _ in range(rng.randint(1, 4)):
        if not damaged:
            break
        at = rng.randrange(len(damaged))
        act = rng.randrange(4)
        if act < 2:
            damaged[at] ^= 1 << rng.randrange(8)
        elif act == 2:
            damaged[at] = rng.randrange(256)
        else:
            del damaged[at]
    return bytes(damaged)
