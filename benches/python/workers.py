"""Each engine in a process of its own: none works in memory that others have left in pieces."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, cast

from benches.python.engines import engine_named
from benches.python.inputs import all_inputs
from benches.python.questions import Question

_TURN_S = 0.01
"""So much of a piece of work is done in one turn."""


class Worker:
    """The process of one engine: it is told what to do, and does nothing by itself."""

    def __init__(self, engine: str, parts: Sequence[str]) -> None:
        context = get_context("spawn")
        self.engine = engine
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, engine, parts), daemon=True)
        process.start()
        theirs.close()

    def prepare(self, about: str) -> frozenset[str]:
        """Make everything ready for an input; returns the questions that can be asked about it."""
        return cast("frozenset[str]", self._ask("prepare", about))

    def collect(self) -> None:
        """Take away what is no longer used, which no turn does by itself."""
        self._ask("collect", "")

    def turn(self, question: str) -> list[float]:
        """Seconds of CPU time for each time that the work was done; the answer is checked."""
        return cast("list[float]", self._ask("turn", question))

    def _ask(self, verb: str, what: str) -> Any:
        self._pipe.send((verb, what))
        return self._pipe.recv()


def _serve(pipe: Connection, name: str, parts: Sequence[str]) -> None:
    engine = engine_named(name)
    inputs = {subject.name: subject for subject in all_inputs(parts)}
    asked: dict[str, Question] = {}
    gc.disable()
    while True:
        try:
            verb, what = pipe.recv()
        except EOFError:
            return
        answer: Any = None
        if verb == "prepare":
            asked = {}
            if not engine.lacks.issuperset(inputs[what].questions):
                asked = inputs[what].prepare(engine)
            answer = frozenset(asked).difference(engine.lacks)
        elif verb == "collect":
            gc.collect()
        else:
            answer = _turn(asked[what])
        pipe.send(answer)


def _turn(question: Question) -> list[float]:
    spent: list[float] = []
    result: Any = None
    while sum(spent) < _TURN_S:
        result = None
        prepared = question.ready()
        start = time.thread_time()
        result = question.work(prepared)
        spent.append(time.thread_time() - start)
    if question.answer(result) != question.expected:
        message = "the answer is wrong"
        raise AssertionError(message)
    return spent
