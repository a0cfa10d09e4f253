"""Undo and redo do what npm yjs does, step by step, in random histories with other writers.

A few seconds of it here; `OFFICINA_FUZZ=long` for more.
"""

from __future__ import annotations

import os

import pytest

from undo_histories import History
from yjs_host import YjsHost

LONG = os.environ.get("OFFICINA_FUZZ") == "long"
HISTORIES = 5_000 if LONG else 100
BATCHES = 10


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_undo_and_redo_do_what_yjs_does(yjs: YjsHost, batch: int) -> None:
    for seed in range(batch, HISTORIES, BATCHES):
        History(yjs, seed, 40).run()
