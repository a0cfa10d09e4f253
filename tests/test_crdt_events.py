"""Transactions and observers: one event for each transaction, whatever it held."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import Any

import pytest

from officina.crdt import Array, Doc, Map, ReadTransaction, Text, TextEvent, TransactionEvent
from officina.errors import LocalProtocolError


@pytest.fixture
def doc() -> Doc:
    return Doc(client_id=1)


def test_each_edit_outside_a_transaction_is_one_update(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    sent: list[bytes] = []
    doc.observe(lambda event: sent.append(event.update))

    text.insert(0, "a")
    text.insert(1, "b")

    assert len(sent) == 2


def test_a_transaction_is_one_update_whatever_it_held(doc: Doc) -> None:
    sent: list[bytes] = []
    doc.observe(lambda event: sent.append(event.update))

    with doc.transaction():
        doc.get("text", type=Text).insert(0, "text")
        doc.get("map", type=Map)["key"] = "value"
        doc.get("array", type=Array).extend([1, 2, 3])

    copy = Doc()
    assert len(sent) == 1
    copy.apply_update(sent[0])
    assert copy.get_state() == doc.get_state()
    assert copy.get("map", type=Map).to_py() == {"key": "value"}


def test_a_transaction_inside_another_is_part_of_it(doc: Doc) -> None:
    sent: list[bytes] = []
    doc.observe(lambda event: sent.append(event.update))

    with doc.transaction():
        doc.get("text", type=Text).insert(0, "a")
        with doc.transaction():
            doc.get("text", type=Text).insert(1, "b")

    assert len(sent) == 1


def test_a_transaction_that_changed_nothing_sends_nothing(doc: Doc) -> None:
    sent: list[bytes] = []
    doc.observe(lambda event: sent.append(event.update))

    with doc.transaction():
        pass
    doc.apply_update(Doc().get_update())

    assert sent == []


def test_what_was_edited_before_an_error_in_a_transaction_is_kept_and_sent(doc: Doc) -> None:
    """A transaction groups; it does not undo. Yjs does the same."""
    sent: list[bytes] = []
    doc.observe(lambda event: sent.append(event.update))

    def edit_and_fail() -> None:
        with doc.transaction():
            doc.get("text", type=Text).insert(0, "kept")
            raise LookupError

    with pytest.raises(LookupError):
        edit_and_fail()

    assert str(doc.get("text", type=Text)) == "kept"
    assert len(sent) == 1


def test_an_update_from_a_peer_is_announced_too(doc: Doc) -> None:
    peer = Doc(client_id=2)
    peer.get("text", type=Text).insert(0, "hello")
    sent: list[bytes] = []
    doc.observe(lambda event: sent.append(event.update))

    doc.apply_update(peer.get_update())
    doc.apply_update(peer.get_update())

    assert len(sent) == 1


def test_an_observer_that_was_removed_hears_nothing(doc: Doc) -> None:
    sent: list[bytes] = []
    subscription = doc.observe(lambda event: sent.append(event.update))
    doc.unobserve(subscription)

    doc.get("text", type=Text).insert(0, "a")

    assert sent == []


def test_a_text_event_says_what_changed_in_the_units_of_the_document(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    text.insert(0, "😀hello")
    events: list[Any] = []
    text.observe(events.append)

    with doc.transaction():
        del text[1:3]
        text.insert(4, "!")

    assert [event.delta for event in events] == [
        [{"retain": 1}, {"delete": 2}, {"retain": 3}, {"insert": "!"}]
    ]


def test_an_array_event_says_what_changed(doc: Doc) -> None:
    array = doc.get("array", type=Array)
    array.extend([1, 2, 3])
    events: list[Any] = []
    array.observe(events.append)

    with doc.transaction():
        del array[0]
        array.append("four")

    assert [event.delta for event in events] == [
        [{"delete": 1}, {"retain": 2}, {"insert": ["four"]}]
    ]


def test_a_map_event_names_the_keys_that_changed(doc: Doc) -> None:
    shared = doc.get("map", type=Map)
    shared.update({"changed": 1, "deleted": 2})
    events: list[Any] = []
    shared.observe(events.append)

    with doc.transaction():
        shared["changed"] = "new"
        shared["added"] = True
        del shared["deleted"]

    (event,) = events
    assert event.keys == {
        "changed": {"action": "update", "oldValue": 1, "newValue": "new"},
        "added": {"action": "add", "newValue": True},
        "deleted": {"action": "delete", "oldValue": 2},
    }


def test_a_deep_observer_hears_of_changes_inside(doc: Doc) -> None:
    shared = doc.get("map", type=Map)
    shared["list"] = Array([Text("deep")])
    batches: list[list[Any]] = []
    shared.observe_deep(batches.append)

    with doc.transaction():
        shared["list"][0].insert(4, "er")
        shared["other"] = 1

    (batch,) = batches
    assert sorted(event.path for event in batch) == [[], ["list", 0]]


def test_a_shallow_observer_does_not_hear_of_changes_inside(doc: Doc) -> None:
    shared = doc.get("map", type=Map)
    shared["text"] = Text("deep")
    events: list[Any] = []
    shared.observe(events.append)

    shared["text"].insert(0, "very ")

    assert events == []


def test_an_observer_may_read_and_edit_the_document(doc: Doc) -> None:
    text, log = doc.get("text", type=Text), doc.get("log", type=Array)
    text.observe(lambda event: log.append(str(text)))

    text.insert(0, "a")
    text.insert(1, "b")

    assert log.to_py() == ["a", "ab"]


def test_an_error_in_an_observer_reaches_whoever_made_the_edit_and_the_edit_stands(
    doc: Doc,
) -> None:
    text = doc.get("text", type=Text)

    def refuse(event: Any) -> None:
        raise LookupError(str(event))

    text.observe(refuse)

    with pytest.raises(ExceptionGroup) as raised:
        text.insert(0, "a")
    assert raised.group_contains(LookupError, depth=1)
    assert str(text) == "a"


def test_an_error_in_one_observer_keeps_no_other_from_hearing(doc: Doc) -> None:
    text, heard = doc.get("text", type=Text), list[Any]()

    def refuse(event: Any) -> None:
        raise LookupError

    doc.observe(refuse)
    doc.observe(refuse)
    doc.observe(heard.append)

    with pytest.raises(ExceptionGroup, match="Observer callback error") as raised:
        text.insert(0, "a")
    assert len(raised.value.exceptions) == 2
    assert len(heard) == 1


def test_an_interrupt_in_an_observer_is_not_wrapped(doc: Doc) -> None:
    text = doc.get("text", type=Text)

    def interrupt(event: Any) -> None:
        raise KeyboardInterrupt

    text.observe(interrupt)

    with pytest.raises(KeyboardInterrupt):
        text.insert(0, "a")


def test_observers_hear_of_changes_in_the_order_in_which_they_were_made(doc: Doc) -> None:
    """Also of those that an observer made while the others were still to be called."""
    text, log = doc.get("text", type=Text), doc.get("log", type=Array)
    heard: list[bytes] = []
    text.observe(lambda event: log.append(1))
    doc.observe(lambda event: heard.append(event.update))
    copy = Doc()

    text.insert(0, "a")

    for update in heard:
        copy.apply_update(update)
        assert copy.pending == {}
    assert copy.get("log", type=Array).to_py() == [1]


def test_observers_that_never_come_to_rest_are_stopped(doc: Doc) -> None:
    array = doc.get("array", type=Array)
    array.observe(lambda event: array.append(1))

    with pytest.raises(ExceptionGroup) as raised:
        array.append(0)
    assert raised.group_contains(LocalProtocolError)


def test_an_observer_takes_as_many_arguments_as_it_likes(doc: Doc) -> None:
    text, heard = doc.get("text", type=Text), list[Any]()
    text.observe(lambda: heard.append("nothing"))
    text.observe(lambda event: heard.append(type(event)))
    text.observe(lambda event, transaction: heard.append(type(transaction)))

    text.insert(0, "a")

    assert heard == ["nothing", TextEvent, ReadTransaction]


def test_the_transaction_of_an_event_can_be_read_in_but_not_changed_in(doc: Doc) -> None:
    text = doc.get("text", type=Text)

    def edit(event: Any, transaction: ReadTransaction) -> None:
        assert transaction.origin == "me"
        with transaction:
            assert str(text) == "a"
            text.insert(0, "b")

    subscription = text.observe(edit)

    with pytest.raises(ExceptionGroup) as raised, doc.transaction("me"):
        text.insert(0, "a")
    assert raised.group_contains(RuntimeError, match="Read-only transaction")
    assert str(text) == "a"
    text.unobserve(subscription)
    text.insert(1, "b")
    assert str(text) == "ab"


def test_a_deep_observer_of_the_document_hears_of_all_types_at_once(doc: Doc) -> None:
    doc["map"] = Map({"inner": Array([1])})
    batches: list[list[Any]] = []
    doc.observe_deep(batches.append)

    with doc.transaction():
        doc["text"] = Text("a")
        doc["map"]["key"] = "value"
        doc["map"]["inner"].append(2)

    (batch,) = batches
    assert sorted(event.path for event in batch) == [["map"], ["map", "inner"], ["text"]]


def test_a_document_is_the_same_object_wherever_it_is_asked_for(doc: Doc) -> None:
    text = doc.get("text", type=Text)

    assert text.doc is doc


def test_a_document_can_be_a_class_of_ones_own() -> None:
    class Notebook(Doc):
        def __init__(self, title: str) -> None:
            super().__init__({"cells": Array()}, client_id=7)
            self.title = title

    notebook = Notebook("mine")

    assert notebook["cells"].doc is notebook
    assert (notebook.title, notebook.client_id) == ("mine", 7)


def test_typing_in_one_sequence_moves_nothing_in_another() -> None:
    """The counts that wait while a run is typed belong to its own sequence alone."""
    doc = Doc()
    array = doc.get("array", type=Array)
    text = doc.get("text", type=Text)
    array.extend([Map(), Map()])
    for _ in range(200):
        text.insert(0, "x")
    paths: list[list[str | int]] = []
    array.observe_deep(lambda events: paths.extend(event.path for event in events))

    with doc.transaction():
        text.insert(0, "y")
        text.insert(1, "z")
        array[1]["key"] = "value"

    assert paths == [[1]]


def test_an_observer_of_updates_is_given_their_bytes(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    sent: list[bytes] = []
    subscription = doc.observe_updates(sent.append)

    text.insert(0, "ab")
    del text[0]
    with doc.transaction(origin="me"):
        text.insert(1, "c")
        doc.get("map", type=Map)["key"] = "value"
    with doc.transaction():
        pass
    doc.apply_update(Doc({"array": Array([1])}).get_update())
    doc.unobserve(subscription)
    text.insert(0, "unheard ")

    copy = Doc()
    for update in sent:
        copy.apply_update(update)
    assert len(sent) == 4
    assert str(copy.get("text", type=Text)) == "bc"
    assert copy.get("map", type=Map).to_py() == {"key": "value"}
    assert copy.get("array", type=Array).to_py() == [1]


def test_functions_written_in_c_observe_like_any_other(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    heard: deque[Any] = deque()
    doc.observe_updates(heard.append)
    text.insert(0, "a")
    doc.observe(heard.append)
    text.observe(heard.append)
    doc.observe_updates(math.sqrt)

    with pytest.raises(ExceptionGroup) as raised:
        text.insert(1, "b")

    assert [type(event) for event in heard] == [bytes, TextEvent, TransactionEvent, bytes]
    (error,) = raised.value.exceptions
    assert isinstance(error, TypeError)


def test_updates_and_events_tell_the_same(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    alone, events, beside = list[bytes](), list[bytes](), list[bytes]()
    doc.observe_updates(alone.append)

    text.insert(0, "only updates are heard")
    doc.observe(lambda event: events.append(event.update))
    doc.observe_updates(beside.append)
    text.insert(4, ", now,")
    del text[:4]

    assert events == beside == alone[1:]


def test_who_begins_to_listen_within_a_transaction_hears_of_it(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    sent, events = list[bytes](), list[bytes]()
    doc.observe_updates(sent.append)

    with doc.transaction():
        text.insert(0, "a")
        doc.observe(lambda event: events.append(event.update))

    assert len(sent) == 1
    assert events == sent


def test_what_an_observer_of_updates_edits_is_told_after_what_it_answers(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    first, second = list[bytes](), list[bytes]()

    def answer(update: bytes) -> None:
        first.append(update)
        if len(text) < 3:
            text.insert(len(text), "!")

    doc.observe_updates(answer)
    doc.observe_updates(second.append)
    text.insert(0, "a")

    assert first == second
    assert len(first) == 3


def test_observers_of_updates_that_never_come_to_rest_are_stopped(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    heard: list[bytes] = []

    def answer(update: bytes) -> None:
        heard.append(update)
        text.insert(0, "!")

    subscription = doc.observe_updates(answer)
    with pytest.raises(ExceptionGroup) as raised:
        text.insert(0, "a")
    doc.unobserve(subscription)
    doc.observe_updates(heard.append)
    text.insert(0, "b")

    (error,) = raised.value.exceptions
    assert isinstance(error, RuntimeError)
    assert "100 changes in a row" in str(error)
    assert len(heard) == 102
    assert str(text) == "b" + 100 * "!" + "a"


def test_after_an_observer_of_updates_failed_the_others_and_the_next_change_are_heard(
    doc: Doc,
) -> None:
    text = doc.get("text", type=Text)
    heard: list[bytes] = []

    def fail(update: bytes) -> None:
        raise ValueError(len(update))

    doc.observe_updates(fail)
    doc.observe_updates(heard.append)
    for letter in "ab":
        with pytest.raises(ExceptionGroup):
            text.insert(0, letter)

    assert len(heard) == 2
    assert str(text) == "ba"


def test_an_event_tells_of_its_own_transaction_however_late_it_is_asked(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    kept: list[Any] = []
    read: list[tuple[bytes, bytes, bytes]] = []

    def facts(event: Any) -> tuple[bytes, bytes, bytes]:
        return event.update, event.before_state, event.after_state

    doc.observe(kept.append)
    doc.observe(lambda event: read.append(facts(event)))
    for letter in "abc":
        text.insert(0, letter)
    del text[1:]

    assert [facts(event) for event in kept] == read


def test_an_event_that_is_asked_after_its_observer_edited_tells_of_what_was_before(
    doc: Doc,
) -> None:
    text = doc.get("text", type=Text)
    late: list[bytes] = []

    def edit_then_ask(event: Any) -> None:
        if len(text) == 1:
            text.insert(1, "b")
        late.append(event.update)

    doc.observe(edit_then_ask)
    text.insert(0, "a")

    copy = Doc()
    copy.apply_update(late[0])
    assert str(copy.get("text", type=Text)) == "a"
    assert len(late) == 2


def test_an_event_can_be_asked_by_another_thread_while_the_document_changes(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    events: list[Any] = []
    doc.observe(events.append)
    found: list[bytes] = []

    def ask() -> None:
        while len(found) < 200:
            if len(events) > len(found):
                found.append(events[len(found)].update)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(200):
        text.insert(0, "x")
    asking.join()

    copy = Doc()
    copy.apply_updates(found)
    assert len(copy.get("text", type=Text)) == 200
    assert copy.pending == {}


def test_an_event_is_told_of_what_came_and_went_in_one_transaction(doc: Doc) -> None:
    doc["map"] = entries = Map({"of": Text("x")})
    text, heard = entries["of"], list[Any]()
    text.observe(lambda event: heard.append(event.delta))
    entries.observe(lambda event: heard.append(event.keys))

    with doc.transaction():
        text.insert(0, "q")
        del text[0]
        entries["key"] = 1
        del entries["key"]

    assert heard == [[], {}] or heard == [{}, []]


def test_observers_of_one_type_come_before_those_of_all_in_one(doc: Doc) -> None:
    text, heard = doc.get("text", type=Text), list[str]()
    doc.observe_deep(lambda events: heard.append("document"))
    text.observe_deep(lambda events: heard.append("deep"))
    text.observe(lambda event: heard.append("direct"))

    text += "x"

    assert heard == ["direct", "document", "deep"]
