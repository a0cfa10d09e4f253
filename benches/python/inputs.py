"""What the engines are asked about: recorded sessions, and three of Yjs's own crdt-benchmarks."""

from __future__ import annotations

import random
import string
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from benches.python.questions import Engine, Input, Question
from benches.python.traces import Edit, Session, Trace, load_session, load_traces

USUAL = "friendsforever_flat"
"""The session that the smaller questions are about."""

_N = 6_000
"""The size that crdt-benchmarks uses."""
_CLIENTS = 1_540
"""20 √N, rounded as crdt-benchmarks does."""
_RANDOM_EDITS = 1_000
_WATCHED = ("nothing", "document", "text")
_ABOUT_A_TRACE = (
    "local",
    "emitting",
    "at once",
    "columns",
    "remote",
    "remote list",
    "encode first",
    "encode",
    "load",
    "open",
)


def all_inputs(parts: Sequence[str]) -> list[Input]:
    """What questions are asked about, the longest last."""
    by_length = sorted(load_traces(), key=lambda trace: len(trace.edits))
    chosen: list[Input] = []
    if "small" in parts:
        usual = next((trace for trace in by_length if trace.name == USUAL), by_length[0])
        chosen = [
            session_input(load_session()),
            array_input(),
            exchange_input(),
            map_input(),
            watched_input(usual),
            merge_input(usual, "merge"),
            *(merge_input(trace, "merge long") for trace in by_length[-1:] if trace != usual),
            random_input((10**4, 10**5, 10**6)),
        ]
    if "traces" in parts:
        chosen += [trace_input(trace) for trace in by_length]
    return chosen


def trace_input(trace: Trace) -> Input:
    """A session of one author: typed, sent, applied, written, read, opened."""

    def prepare(engine: Engine) -> dict[str, Question]:
        document = _typed(engine, trace.edits)
        encoded = engine.encode(document)
        saved = engine.save(document)
        updates = _recorded(engine, trace.edits)

        positions, deleted, inserted = zip(*trace.edits, strict=True)
        columns = (array("I", positions), array("I", deleted), list(inserted))

        def asked(act: Callable[[Any], None]) -> Question:
            def work(document: Any) -> Any:
                act(document)
                return document

            return Question(lambda: engine.replica(1), work, engine.text, trace.end)

        def emit(document: Any) -> None:
            made = engine.record(document, lambda: engine.type(document, trace.edits))
            assert len(made) == len(trace.edits)

        middle = len(trace.end) // 2

        def edited() -> Any:
            engine.type(document, [(middle, 0, "x"), (middle, 1, "")])
            return document

        def load(encoded: bytes) -> str:
            return engine.text(_applied(engine, [encoded]))

        return {
            "local": asked(lambda document: engine.type(document, trace.edits)),
            "emitting": asked(emit),
            "at once": asked(lambda document: engine.type_at_once(document, trace.edits)),
            "columns": asked(lambda document: engine.type_columns(document, columns)),
            "remote": asked(lambda document: engine.apply(document, updates)),
            "remote list": asked(lambda document: engine.apply_list(document, updates)),
            "encode first": Question(
                lambda: _applied(engine, [encoded]), engine.encode, load, trace.end
            ),
            "encode": Question(edited, engine.encode, load, trace.end),
            "load": Question(lambda: encoded, load, str, trace.end),
            "open": Question(
                lambda: saved, lambda saved: engine.text(engine.open(saved)), str, trace.end
            ),
        }

    return Input(trace.name, len(trace.edits), _ABOUT_A_TRACE, prepare)


def watched_input(trace: Trace) -> Input:
    """The same typing with an empty callback attached, and without."""

    def prepare(engine: Engine) -> dict[str, Question]:
        def asked(what: str) -> Question:
            def ready() -> tuple[Any, Any]:
                document = engine.replica(1)
                return document, None if what == "nothing" else engine.watch(document, what)

            def work(watched: tuple[Any, Any]) -> tuple[Any, Any]:
                engine.type(watched[0], trace.edits)
                return watched

            return Question(ready, work, lambda watched: engine.text(watched[0]), trace.end)

        return {f"watching {what}": asked(what) for what in _WATCHED}

    questions = tuple(f"watching {what}" for what in _WATCHED)
    return Input(f"{trace.name}, watched", len(trace.edits), questions, prepare)


def merge_input(trace: Trace, question: str) -> Input:
    """The updates of a session as one, without a document."""

    def prepare(engine: Engine) -> dict[str, Question]:
        updates = _recorded(engine, trace.edits)

        def read(merged: bytes) -> str:
            return engine.text(_applied(engine, [merged]))

        return {question: Question(lambda: updates, engine.merge, read, trace.end)}

    return Input(f"{trace.name}, single updates", len(trace.edits), (question,), prepare)


def session_input(session: Session) -> Input:
    """A session of several authors, as updates in the order in which they were made."""

    def prepare(engine: Engine) -> dict[str, Question]:
        updates, text = converse(engine, session)

        def asked(apply: Callable[[Any, list[bytes]], None]) -> Question:
            def work(document: Any) -> Any:
                apply(document, updates)
                return document

            return Question(lambda: engine.replica(99), work, engine.text, text)

        return {"concurrent": asked(engine.apply), "concurrent list": asked(engine.apply_list)}

    questions = ("concurrent", "concurrent list")
    return Input(session.name, len(session.turns), questions, prepare)


def converse(engine: Engine, session: Session) -> tuple[list[bytes], str]:
    """Replay a session among one replica per author.

    Returns:
        The update of each turn, and the text that every author ends up with. At places where two
        wrote at the same time it may differ from engine to engine.
    """
    agents = range(1 + max(turn.agent for turn in session.turns))
    documents = [engine.replica(1 + agent) for agent in agents]
    updates: list[bytes] = []
    made: list[list[bytes]] = [[] for _ in agents]
    heard: list[list[int]] = [[0 for _ in agents] for _ in agents]
    known_after: list[list[int]] = []
    for turn in session.turns:
        document, has = documents[turn.agent], heard[turn.agent]
        for other in agents:
            needs = max((known_after[parent][other] for parent in turn.parents), default=0)
            engine.apply(document, made[other][has[other] : needs])
            has[other] = max(has[other], needs)
        updates += engine.record(document, lambda: engine.type_at_once(document, turn.edits))  # noqa: B023
        made[turn.agent].append(updates[-1])
        has[turn.agent] += 1
        known_after.append(list(has))
    assert len(updates) == len(session.turns)
    for document in documents:
        engine.apply(document, updates)
    (text,) = {engine.text(document) for document in documents}
    return updates, text


def array_input() -> Input:
    """B1.9 and B1.11: an array filled in one go, and one built at random and read back."""
    source = random.Random(9)
    values = [source.randrange(2**31) for _ in range(_N)]
    places = [(source.randint(0, at), value) for at, value in enumerate(values)]
    shuffled: list[int] = []
    for place, value in places:
        shuffled.insert(place, value)

    def prepare(engine: Engine) -> dict[str, Question]:
        document = engine.replica(1)
        engine.insert_each(document, places)

        def extend(document: Any) -> Any:
            engine.extend(document, values)
            return document

        return {
            "extend": Question(lambda: engine.replica(1), extend, engine.array, values),
            "read array": Question(lambda: document, engine.array, list, shuffled),
        }

    return Input("array of 6,000", _N, ("extend", "read array"), prepare)


def exchange_input() -> Input:
    """B2.3: two people insert words at random places, in a transaction each, and exchange them."""
    source = random.Random(23)
    start = _word(source, 100, 100)
    ours, theirs = _words(source, len(start)), _words(source, len(start))

    def prepare(engine: Engine) -> dict[str, Question]:
        def ready() -> tuple[Any, Any]:
            ann, ben = engine.replica(1), engine.replica(2)
            hello = engine.record(ann, lambda: engine.type(ann, [(0, 0, start)]))
            engine.apply(ben, hello)
            return ann, ben

        def work(pair: tuple[Any, Any]) -> tuple[Any, Any]:
            ann, ben = pair
            sent = engine.record(ann, lambda: engine.type_at_once(ann, ours))
            answered = engine.record(ben, lambda: engine.type_at_once(ben, theirs))
            engine.apply(ben, sent)
            engine.apply(ann, answered)
            return pair

        def answer(pair: tuple[Any, Any]) -> tuple[bool, int]:
            ann, ben = map(engine.text, pair)
            return ann == ben, len(ann)

        length = len(start) + sum(len(word) for _, _, word in ours + theirs)
        return {"exchange": Question(ready, work, answer, (True, length))}

    return Input("B2.3, 6,000 words each", 2 * _N, ("exchange",), prepare)


def map_input() -> Input:
    """B3.1: many clients set the same entry of a map; one of them hears of all."""

    def prepare(engine: Engine) -> dict[str, Question]:
        updates: list[bytes] = []
        for client in range(_CLIENTS):
            document = engine.replica(client + 1)
            updates += engine.record(
                document,
                lambda: engine.set_entry(document, "v", client),  # noqa: B023
            )

        def work(document: Any) -> Any:
            engine.apply_list(document, updates)
            return document

        def entry(document: Any) -> int:
            return engine.entry(document, "v")

        reference = engine.replica(_CLIENTS + 1)
        engine.apply(reference, updates)
        return {
            "map": Question(
                lambda: engine.replica(_CLIENTS + 2), work, entry, engine.entry(reference, "v")
            )
        }

    return Input("B3.1, 1,540 clients", _CLIENTS, ("map",), prepare)


def random_input(sizes: Iterable[int]) -> Input:
    """Single characters inserted and deleted at random in texts that were written that way."""
    writing = {size: _random_edits(size) for size in sizes}
    questions = tuple(f"random {size:,}" for size in writing)

    def prepare(engine: Engine) -> dict[str, Question]:
        def asked(size: int) -> Question:
            building, editing = writing[size]

            @cache
            def ready() -> Any:
                return _typed(engine, building)

            def work(document: Any) -> Any:
                engine.type(document, editing)
                return document

            return Question(ready, work, lambda document: len(engine.text(document)), size)

        return {f"random {size:,}": asked(size) for size in writing}

    return Input("characters at random", _RANDOM_EDITS, questions, prepare)


def _random_edits(characters: int) -> tuple[list[Edit], list[Edit]]:
    """Those that write the text, and those that change it and keep its length."""
    source = random.Random(characters)
    building: list[Edit] = [(source.randint(0, at), 0, "x") for at in range(characters)]
    editing = [
        edit
        for _ in range(_RANDOM_EDITS // 2)
        for edit in (
            (source.randint(0, characters), 0, "y"),
            (source.randint(0, characters), 1, ""),
        )
    ]
    return building, editing


def _typed(engine: Engine, edits: list[Edit]) -> Any:
    document = engine.replica(1)
    engine.type(document, edits)
    return document


def _recorded(engine: Engine, edits: list[Edit]) -> list[bytes]:
    document = engine.replica(1)
    return engine.record(document, lambda: engine.type(document, edits))


def _applied(engine: Engine, updates: list[bytes]) -> Any:
    document = engine.replica(2)
    engine.apply(document, updates)
    return document


def _words(source: random.Random, length: int) -> list[Edit]:
    words: list[Edit] = []
    for _ in range(_N):
        words.append((source.randint(0, length), 0, _word(source, 3, 9)))
        length += len(words[-1][2])
    return words


def _word(source: random.Random, shortest: int, longest: int) -> str:
    letters = source.choices(string.ascii_lowercase, k=source.randint(shortest, longest))
    return "".join(letters)
