"""Providers keep two documents in step through a channel; models look at updates first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from officina.crdt import (
    Channel,
    Doc,
    Provider,
    Text,
    create_update_message,
    handle_sync_message,
)
from officina.errors import DecodeError, LocalProtocolError


class MemoryChannel(Channel):
    """One end of a connection inside this process."""

    path = "room"

    def __init__(
        self, inbox: MemoryObjectReceiveStream[bytes], outbox: MemoryObjectSendStream[bytes]
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._outbox.send(message)

    async def recv(self) -> bytes:
        return await self._inbox.receive()

    def close(self) -> None:
        self._inbox.close()
        self._outbox.close()


def _connection() -> tuple[MemoryChannel, MemoryChannel]:
    to_one, from_two = anyio.create_memory_object_stream[bytes](100)
    to_two, from_one = anyio.create_memory_object_stream[bytes](100)
    return MemoryChannel(from_two, to_two), MemoryChannel(from_one, to_one)


async def _until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not is_so():
            await anyio.sleep(0.001)


def test_two_documents_are_kept_in_step() -> None:
    async def main() -> None:
        one, two = Doc({"text": Text("a")}), Doc({"text": Text()})
        left, right = _connection()
        async with Provider(one, left) as here, Provider(two, right) as there:
            await here.synced.wait()
            await there.synced.wait()
            assert str(two["text"]) == "a"
            one["text"] += "b"
            await _until(lambda: str(two["text"]) == "ab")
            two["text"] += "c"
            await _until(lambda: str(one["text"]) == "abc")
        left.close()
        right.close()

    anyio.run(main)


def test_leaving_waits_until_all_changes_have_gone_out() -> None:
    async def main() -> None:
        doc, copy = Doc({"text": Text()}), Doc({"text": Text()})
        near, far = _connection()
        async with Provider(doc, near):
            for letter in "abc":
                doc["text"] += letter
        near.close()
        async for message in far:
            handle_sync_message(message[1:], copy)
        assert str(copy["text"]) == "abc"
        far.close()

    anyio.run(main)


@pytest.mark.parametrize(
    "message",
    [b"", b"\x00", b"\x00\x07\x00", create_update_message(b"nonsense")],
    ids=["empty", "cut", "unknown", "no update"],
)
def test_a_forged_message_ends_the_provider_and_changes_nothing(message: bytes) -> None:
    doc = Doc({"text": Text("kept")})

    async def main() -> None:
        near, far = _connection()
        await far.send(message)
        try:
            async with Provider(doc, near):
                await anyio.sleep(5)
        finally:
            near.close()
            far.close()

    with pytest.raises(ExceptionGroup) as raised:
        anyio.run(main)
    assert raised.group_contains(DecodeError)
    assert str(doc["text"]) == "kept"


def test_messages_about_other_things_are_passed_over() -> None:
    async def main() -> None:
        source, doc = Doc({"text": Text("a")}), Doc({"text": Text()})
        near, far = _connection()
        await far.send(b"\x01\x00")
        await far.send(create_update_message(source.get_update()))
        async with Provider(doc, near):
            await _until(lambda: str(doc["text"]) == "a")
        near.close()
        far.close()

    anyio.run(main)


def test_a_provider_that_was_not_started_cannot_be_stopped() -> None:
    async def main() -> None:
        near, far = _connection()
        with pytest.raises(LocalProtocolError):
            await Provider(Doc(), near).stop()
        near.close()
        far.close()

    anyio.run(main)


class Short:
    """A model: text of at most three characters."""

    model_fields = ("text",)

    def __init__(self, **roots: Any) -> None:
        if len(roots["text"]) > 3:
            message = "too long"
            raise ValueError(message)


def test_a_model_sees_the_document_as_the_update_would_leave_it() -> None:
    doc, peer = Doc({"text": Text("a")}, Model=Short), Doc({"text": Text("bc")})
    doc.apply_update(peer.get_update())
    assert sorted(str(doc["text"])) == ["a", "b", "c"]
    peer["text"] += "d"
    before = doc.get_update()
    with pytest.raises(ValueError, match="too long"):
        doc.apply_update(peer.get_update())
    with pytest.raises(ValueError, match="too long"):
        doc.apply_updates([peer.get_update()])
    assert doc.get_update() == before


def test_what_a_model_has_seen_is_what_is_applied() -> None:
    """Though it puts something else into the list."""
    updates = [Doc({"text": Text("bc")}).get_update()]

    class Swapping(Short):
        def __init__(self, **roots: Any) -> None:
            super().__init__(**roots)
            updates[:] = [Doc({"text": Text("too long")}).get_update()]

    doc = Doc({"text": Text()}, Model=Swapping)
    doc.apply_updates(updates)
    assert str(doc["text"]) == "bc"
