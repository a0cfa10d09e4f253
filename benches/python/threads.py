"""What threads gain, and what the event loop loses, while updates are applied."""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
from typing import Any

from benches.python.questions import Engine
from benches.python.traces import Edit, Trace

_ITEMS = 400_000


def speed_up(engine: Engine, trace: Trace, rounds: int) -> float:
    """How much faster two threads apply a list of updates to a document each than one applies both.

    2 is perfect, 1 is no gain. The median of `rounds`, one and two threads in turn.
    """
    sender = engine.replica(1)
    updates = engine.record(sender, lambda: engine.type(sender, trace.edits))

    def work() -> None:
        document = engine.replica(2)
        engine.apply_list(document, updates)
        assert engine.text(document) == trace.end

    ratios = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(2):
            _in_threads(work, 1)
        alone = time.perf_counter() - start
        start = time.perf_counter()
        _in_threads(work, 2)
        ratios.append(alone / (time.perf_counter() - start))
    return statistics.median(ratios)


def _in_threads(work: Any, count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def large_update(engine: Engine) -> bytes:
    """An update of 400,000 single characters, inserted at random, so that none joins another."""
    source = random.Random(_ITEMS)
    document = engine.replica(1)
    edits: list[Edit] = [(source.randint(0, at), 0, "x") for at in range(_ITEMS)]
    engine.type_at_once(document, edits)
    return engine.encode(document)


def longest_stall_ms(engine: Engine, update: bytes) -> float:
    """How long the event loop stood still at worst while a thread applied `update`.

    Returns:
        The longest time between two turns of a loop that has nothing else to do, in milliseconds.
    """

    async def watch() -> float:
        document = engine.replica(2)
        applying = asyncio.create_task(asyncio.to_thread(engine.apply, document, [update]))
        longest, last = 0.0, time.perf_counter()
        while not applying.done():
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await applying
        assert len(engine.text(document)) == _ITEMS
        return longest * 1e3

    return asyncio.run(watch())
