"""Transactions: who joins, who waits, with threads and with tasks."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest

from officina.crdt import Doc, NewTransaction, Text, Transaction
from officina.errors import LocalProtocolError

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def doc() -> Doc:
    return Doc(client_id=1)


@pytest.fixture
def text(doc: Doc) -> Text:
    return doc.get("text", type=Text)


@pytest.fixture
def updates(doc: Doc) -> list[bytes]:
    heard: list[bytes] = []
    doc.observe(lambda event: heard.append(event.update))
    return heard


def test_a_transaction_inside_another_is_the_same_object(doc: Doc) -> None:
    with doc.transaction() as outer, doc.transaction() as inner:
        assert inner is outer


def test_a_transaction_can_be_entered_again_once_it_is_over(
    doc: Doc, text: Text, updates: list[bytes]
) -> None:
    transaction = doc.transaction()
    for _ in range(2):
        with transaction:
            text += "a"

    assert len(updates) == 2


def test_the_origin_is_known_while_the_transaction_is_open(doc: Doc) -> None:
    with doc.transaction(origin="me") as transaction:
        assert transaction.origin == "me"
        with doc.transaction() as inner:
            assert inner.origin == "me"

    with pytest.raises(RuntimeError, match="No current transaction"):
        _ = transaction.origin


def test_a_transaction_inside_another_cannot_have_another_origin(doc: Doc) -> None:
    with doc.transaction(origin="me"):
        with doc.transaction(origin="me"):
            pass
        with pytest.raises(RuntimeError, match="same origin"):
            doc.transaction(origin="you")

    with doc.transaction(), pytest.raises(RuntimeError, match="same origin"):
        doc.transaction(origin="you")


def test_an_origin_must_be_hashable(doc: Doc) -> None:
    with pytest.raises(TypeError, match="hashable"):
        doc.transaction(origin=[])


def test_an_observer_learns_the_origin(doc: Doc, text: Text) -> None:
    origins: list[Any] = []
    doc.observe(lambda event: origins.append((event.origin, event.transaction.origin)))

    with doc.transaction(origin=("tool", 1)):
        text += "a"
    text += "b"

    assert origins == [(("tool", 1), ("tool", 1)), (None, None)]


def test_a_new_transaction_does_not_join_one_of_its_own_thread(doc: Doc) -> None:
    with doc.new_transaction() as transaction:
        assert isinstance(transaction, (Transaction, NewTransaction))
        with pytest.raises(RuntimeError, match="already in a transaction"), doc.new_transaction():
            pass
        with pytest.raises(TimeoutError), doc.new_transaction(timeout=0.01):
            pass


def test_a_new_transaction_waits_for_another_thread_as_long_as_it_may(doc: Doc) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with doc.transaction():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with pytest.raises(TimeoutError), doc.new_transaction(timeout=0.05):
        pass
    leave.set()
    with doc.new_transaction(timeout=30):
        pass
    thread.join()


async def test_an_async_transaction_runs_async_observers_and_waits_for_them(
    doc: Doc, text: Text
) -> None:
    heard: list[bytes] = []

    async def hear(event: Any) -> None:
        await anyio.sleep(0.01)
        heard.append(event.update)

    doc.observe(hear)
    async with doc.transaction(origin="me") as transaction:
        assert transaction.origin == "me"
        async with doc.transaction():
            text += "a"
        assert heard == []

    assert len(heard) == 1


async def test_an_async_observer_needs_an_async_transaction(doc: Doc, text: Text) -> None:
    async def hear(event: Any) -> None:
        raise AssertionError

    doc.observe(hear)

    with pytest.raises(ExceptionGroup) as raised:
        text += "a"
    assert raised.group_contains(RuntimeError, match="async transaction")


async def test_an_async_transaction_cannot_join_one_that_is_not(doc: Doc) -> None:
    with doc.transaction(), pytest.raises(RuntimeError, match="without async"):
        async with doc.transaction():
            pass


async def test_errors_in_observers_leave_an_async_transaction(doc: Doc, text: Text) -> None:
    def refuse(event: Any) -> None:
        raise LookupError

    doc.observe(refuse)

    with pytest.raises(ExceptionGroup) as raised:
        async with doc.transaction():
            text += "a"
    assert raised.group_contains(LookupError, depth=1)
    with pytest.raises(ExceptionGroup):
        text += "b"


async def test_new_transactions_of_tasks_wait_for_each_other(
    doc: Doc, text: Text, updates: list[bytes]
) -> None:
    async def write(letter: str) -> None:
        async with doc.new_transaction():
            for _ in range(3):
                text.insert(len(text), letter)
                await anyio.sleep(0.001)

    async with anyio.create_task_group() as group:
        for letter in "abc":
            group.start_soon(write, letter)

    assert sorted(str(text)[at : at + 3] for at in (0, 3, 6)) == ["aaa", "bbb", "ccc"]
    assert len(updates) == 3


async def test_a_new_transaction_inside_one_of_the_same_task_is_refused(doc: Doc) -> None:
    async with doc.new_transaction():
        with pytest.raises(LocalProtocolError):
            async with doc.new_transaction():
                pass


async def test_a_task_waits_for_another_as_long_as_it_may(doc: Doc) -> None:
    async with doc.new_transaction(), anyio.create_task_group() as group:
        group.start_soon(_time_out, doc)


async def test_the_event_loop_goes_on_while_a_task_waits_for_a_thread(doc: Doc) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with doc.transaction():
            entered.set()
            leave.wait()

    async def enter() -> None:
        async with doc.transaction():
            pass

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    async with anyio.create_task_group() as group:
        group.start_soon(enter)
        group.start_soon(_time_out, doc)
        for _ in range(5):
            await anyio.sleep(0.01)
        leave.set()
    thread.join()


async def _time_out(doc: Doc) -> None:
    with pytest.raises(TimeoutError):
        async with doc.new_transaction(timeout=0.02):
            pass


def test_what_an_observer_raises_does_not_hide_what_happened_inside(doc: Doc) -> None:
    text = doc.get("text", type=Text)

    def edit_and_fail() -> None:
        with doc.transaction():
            text.insert(0, "x")
            raise KeyError

    doc.observe(lambda event: 1 / 0)
    with pytest.raises(ExceptionGroup) as caught:
        edit_and_fail()
    assert isinstance(caught.value.__context__, KeyError)


def test_what_an_observer_passes_on_keeps_what_led_to_it(doc: Doc) -> None:
    text = doc.get("text", type=Text)

    def interrupt(event: object) -> None:
        try:
            1 / 0  # noqa: B018 - for what it raises
        except ZeroDivisionError as error:
            raise KeyboardInterrupt from error

    doc.observe(interrupt)
    with pytest.raises(KeyboardInterrupt) as caught, doc.transaction():
        text += "x"
    assert isinstance(caught.value.__context__, ZeroDivisionError)


async def test_a_full_stream_holds_up_an_async_transaction(doc: Doc) -> None:
    text = doc.get("text", type=Text)
    done: list[str] = []

    async def write() -> None:
        for letter in "ab":
            async with doc.new_transaction():
                text.insert(len(text), letter)
            done.append(letter)

    async with (
        doc.events(max_buffer_size=0, async_transactions=True) as events,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(write)
        await anyio.sleep(0.05)
        assert done == []
        await events.receive()
        await events.receive()
    assert done == ["a", "b"]


async def test_a_full_stream_refuses_more_from_other_transactions(doc: Doc) -> None:
    text = doc.get("text", type=Text)

    async with text.events(max_buffer_size=1) as events:
        text += "a"
        with pytest.raises(ExceptionGroup) as caught:
            text += "b"
        assert isinstance(caught.value.exceptions[0], anyio.WouldBlock)
        assert (await events.receive()).delta == [{"insert": "a"}]
