"""Any object may be used on any thread, and threads do not wait for each other's documents."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from officina.crdt import Array, Doc, Map, Text, UndoManager, XmlElement, XmlFragment

THREADS = 4
EDITS = 300


def _in_threads(work: Callable[[int], None]) -> None:
    barrier = threading.Barrier(THREADS)

    def start(number: int) -> None:
        barrier.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(THREADS)))


def test_threads_editing_one_document_lose_nothing() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)
    array = doc.get("array", type=Array)
    shared = doc.get("map", type=Map)

    def edit(number: int) -> None:
        for count in range(EDITS):
            text.insert(0, str(number))
            array.append([number, count])
            shared[f"{number}-{count}"] = count

    _in_threads(edit)

    assert sorted(str(text)) == sorted("0123" * EDITS)
    assert len(shared) == THREADS * EDITS
    for number in range(THREADS):
        assert [n for a, n in array.to_py() if a == number] == list(range(EDITS))


def test_a_transaction_keeps_other_threads_out_until_it_ends() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)

    def edit(number: int) -> None:
        for _ in range(EDITS // 10):
            with doc.transaction():
                for _ in range(10):
                    text.insert(len(text), str(number))

    _in_threads(edit)

    written = str(text)
    runs = [written[at : at + 10] for at in range(0, len(written), 10)]
    assert all(run == run[0] * 10 for run in runs)


def test_threads_feeding_one_document_with_updates_lose_nothing() -> None:
    doc = Doc()

    def feed(number: int) -> None:
        author = Doc(client_id=number + 1)
        text = author.get("text", type=Text)
        for _ in range(EDITS):
            before = author.get_state()
            text.insert(0, str(number))
            doc.apply_update(author.get_update(before))

    _in_threads(feed)

    assert sorted(str(doc.get("text", type=Text))) == sorted("0123" * EDITS)


def test_short_and_long_work_of_many_threads_on_one_document_takes_turns() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)
    doc.observe_updates(id)

    def work(number: int) -> None:
        for count in range(EDITS // 10):
            author = Doc(client_id=1 + number * EDITS + count)
            author.get("text", type=Text).insert(0, str(number) * 5_000)
            doc.apply_update(author.get_update())
            text.insert(0, "short")
            del text[:5]
            assert len(str(text)) >= (count + 1) * 5_000

    _in_threads(work)

    assert {number: str(text).count(number) for number in "0123"} == dict.fromkeys(
        "0123", EDITS // 10 * 5_000
    )


def test_documents_made_in_one_thread_can_be_edited_and_dropped_in_another() -> None:
    docs = [Doc() for _ in range(THREADS)]
    texts = [doc.get("text", type=Text) for doc in docs]

    def edit(number: int) -> None:
        texts[number].insert(0, "elsewhere")
        docs[number].apply_update(Doc().get_update())
        texts[number] = docs[number] = None  # type: ignore[call-overload]

    _in_threads(edit)

    assert docs == texts == [None] * THREADS


def test_two_threads_exchanging_updates_through_observers_do_not_deadlock() -> None:
    one, two = Doc(client_id=1), Doc(client_id=2)
    one.observe(lambda event: two.apply_update(event.update))
    two.observe(lambda event: one.apply_update(event.update))

    def edit(number: int) -> None:
        doc = (one, two)[number % 2]
        text = doc.get("text", type=Text)
        for _ in range(EDITS):
            text.insert(0, str(number))

    _in_threads(edit)

    one.apply_update(two.get_update())
    two.apply_update(one.get_update())
    assert str(one.get("text", type=Text)) == str(two.get("text", type=Text))
    assert len(one.get("text", type=Text)) == THREADS * EDITS


def test_updates_of_many_threads_are_heard_once_each_with_what_they_are_answered() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)
    heard, copy = list[bytes](), Doc()

    def answer(update: bytes) -> None:
        heard.append(update)
        if len(heard) % 3 == 0:
            text.insert(0, "!")

    doc.observe_updates(answer)

    def edit(number: int) -> None:
        for _ in range(EDITS):
            text.insert(0, str(number))

    _in_threads(edit)

    copy.apply_updates(heard)
    assert len(heard) == len(text)
    assert str(copy.get("text", type=Text)) == str(text)
    assert str(text).replace("!", "") != str(text)


def test_what_the_collector_calls_may_read_a_document_that_somebody_begins_to_listen_to() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)
    doc.observe_updates(id)
    thresholds = gc.get_threshold()

    def look(phase: str, info: dict[str, int]) -> None:
        str(text)

    def listen() -> None:
        for number in range(50):
            subscription = doc.observe_updates(id)
            gc.collect()
            gc.set_threshold(5)
            # The collector runs again when five more objects are there: each time at another one.
            held: list[set[int]] = []
            for _ in range(number % 7):
                held.append(set())  # noqa: PERF401 - a comprehension makes an object itself
            doc.unobserve(subscription)
            gc.set_threshold(*thresholds)
            del held

    listener = threading.Thread(target=listen, daemon=True)
    gc.callbacks.append(look)
    try:
        listener.start()
        listener.join(timeout=20)
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(look)

    assert not listener.is_alive()


def test_who_reads_on_and_on_lets_others_take_their_turn() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)
    text.insert(0, "long " * 20_000)
    reads, is_done = 0, threading.Event()

    def read() -> None:
        nonlocal reads
        while reads < 1_000_000 and not is_done.is_set():
            str(text)
            reads += 1

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        text.insert(0, "x")
        time.sleep(0)
    others_turn = reads
    is_done.set()
    for reader in readers:
        reader.join()

    assert others_turn < 1_000_000


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_is_dropped_while_a_document_changes_may_look_at_it(is_ours: bool) -> None:
    class Farewell:
        def __init__(self, doc: Doc) -> None:
            self.doc = doc

        def __call__(self, event: object) -> None: ...

        def __del__(self) -> None:
            seen.extend(self.doc.keys())

    parent, other = Doc(client_id=1), Doc(client_id=2)
    shared = parent.get("map", type=Map)
    seen = list[str]()

    def come_and_go() -> None:
        with parent.transaction():
            shared["entry"] = inner = Doc()
            inner.observe_updates(Farewell(parent))
            del inner
            if is_ours:
                del shared["entry"]
                return
            other.apply_update(parent.get_update())
            known = other.get_state()
            other.get("map", type=Map)["entry"] = "x" * 1_000
            parent.apply_update(other.get_update(known))

    thread = threading.Thread(target=come_and_go, daemon=True)
    thread.start()
    thread.join(timeout=20)

    assert not thread.is_alive()
    assert seen == ["map"]


def test_a_manager_can_be_asked_while_another_thread_attaches_it_to_a_busy_document() -> None:
    doc = Doc()
    text = doc.get("text", type=Text)
    text.apply_edits([0] * 30_000, [0] * 30_000, ["x", "y"] * 15_000)
    managers = [UndoManager() for _ in range(20)]
    asked = list[UndoManager]()

    def ask() -> None:
        for manager in managers:
            busy = threading.Thread(target=doc.to_bytes)
            attaching = threading.Thread(target=manager.expand_scope, args=(text,))
            busy.start()
            attaching.start()
            while attaching.is_alive():
                assert manager.undo_stack == []
            busy.join()
            asked.append(manager)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout=30)

    assert asked == managers


def _large(doc: Doc) -> dict[str, Callable[[], object]]:
    """Calls that take long, each on content of its own."""
    edits = 30_000
    texts = [doc.get(f"text {number}", type=Text) for number in range(4)]
    for text in texts:
        places = list(range(edits))
        text.apply_edits([place // 2 for place in places], [0] * edits, ["x"] * edits)
    entries, items, nodes = Map(), Array(), XmlFragment()
    doc["map"], doc["array"], doc["xml"] = entries, items, nodes
    entries.update({str(number): number for number in range(edits)})
    for number in range(edits // 10):
        items.insert(0, number)
        nodes.children.append(XmlElement("a"))
    return {
        "clear a text": texts[0].clear,
        "delete from a text": lambda: texts[1].__delitem__(slice(1, None)),
        "replace a text": lambda: texts[2].__setitem__(slice(0, None), "y"),
        "format a text": lambda: texts[3].format(0, edits, {"bold": True}),
        "extend an array": lambda: items.extend(list(range(edits))),
        "clear an array": items.clear,
        "update a map": lambda: entries.update({str(number): 0 for number in range(edits)}),
        "clear a map": entries.clear,
        "delete nodes": lambda: nodes.children.__delitem__(slice(0, None)),
    }


def _without_turns(calls: dict[str, Callable[[], object]]) -> set[str]:
    """Those of the calls during which no other thread ran."""
    turns, is_over = 0, threading.Event()

    def take_turns() -> None:
        nonlocal turns
        while not is_over.is_set():
            turns += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    # Nobody is made to hand the GIL over: whoever does so within a call does it by itself.
    sys.setswitchinterval(60)
    other = threading.Thread(target=take_turns)
    other.start()
    held = set[str]()
    try:
        for name, call in calls.items():
            before = turns
            call()
            if turns == before:
                held.add(name)
    finally:
        is_over.set()
        sys.setswitchinterval(interval)
        other.join()
    return held


def test_other_threads_run_while_one_changes_much() -> None:
    held = _without_turns(_large(Doc()))
    for _ in range(4):
        # On a busy machine a thread that may run need not run at once.
        if held:
            held &= _without_turns(_large(Doc()))

    assert held == set()
