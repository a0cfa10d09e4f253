"""Keeps a document in step with a peer over any transport."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol, Self

from anyio import TASK_STATUS_IGNORED, Event, Lock, create_task_group

from officina.crdt.protocol import (
    Decoder,
    YMessageType,
    YSyncMessageType,
    create_sync_message,
    create_update_message,
    handle_sync_message,
)
from officina.errors import DecodeError, LocalProtocolError

if TYPE_CHECKING:
    from types import TracebackType

    from anyio.abc import TaskGroup, TaskStatus

    from officina._native.crdt import Doc, TransactionEvent
    from officina.crdt.streams import UnsubscribableStream


class Channel(Protocol):
    """A connection that carries messages, such as a WebSocket.

    Iterating over it yields messages until the connection is closed.
    """

    @property
    def path(self) -> str:
        """What the connection is for; appears in the log."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await self.recv()

    async def send(self, message: bytes) -> None:
        """Send a message."""
        ...

    async def recv(self) -> bytes:
        """The next message, once there is one."""
        ...


class Provider:
    """Sends what changes in a document through a channel, and applies what comes out of it.

    ```text
    async with Provider(doc, channel) as provider:
        await provider.synced.wait()
        ...
    ```

    Leaving the block without an error waits until all changes have gone out. That says nothing of
    whether the peer has them.

    Args:
        doc: the document.
        channel: the connection to the peer.
        log: where messages are logged, at level debug.

    Attributes:
        started: set when it has begun.
        synced: set when what the peer had at first has been applied.
    """

    def __init__(self, doc: Doc, channel: Channel, log: logging.Logger | None = None) -> None:
        self._doc = doc
        self._channel = channel
        self.log = log or logging.getLogger(__name__)
        self.started = Event()
        self.synced = Event()
        self._one_at_a_time = Lock()
        self._tasks: TaskGroup | None = None
        self._events: UnsubscribableStream[TransactionEvent] | None = None
        self._all_sent = Event()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(create_task_group())
            await group.start(self._run)
            self._exits = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        async with self._exits:
            try:
                if error is None and self._events is not None:
                    self._events.unsubscribe()
                    await self._all_sent.wait()
            finally:
                await self.stop()
        return None

    async def start(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Keep the document in step until stopped.

        Args:
            task_status: told when it has begun.
        """
        await self._run(task_status=task_status)

    async def _run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        async with self._one_at_a_time, create_task_group() as self._tasks:
            self._all_sent = Event()
            self._events = self._doc.events()
            self._tasks.start_soon(self._send, self._events)
            self._tasks.start_soon(self._receive)
            task_status.started()
            self.started.set()

    async def stop(self) -> None:
        """End it at once; changes that have not gone out yet do not.

        Raises:
            LocalProtocolError: it was not started.
        """
        if self._tasks is None or self._events is None:
            message = "the provider was not started"
            raise LocalProtocolError(message)
        self._events.unsubscribe()
        self._tasks.cancel_scope.cancel()

    async def _send(self, events: UnsubscribableStream[TransactionEvent]) -> None:
        async with events:
            await self._channel.send(create_sync_message(self._doc))
            self._log("Sent", YSyncMessageType.SYNC_STEP1)
            async for event in events:
                await self._channel.send(create_update_message(event.update))
        self._all_sent.set()

    async def _receive(self) -> None:
        async for message in self._channel:
            decoder = Decoder(message)
            if decoder.read_var_uint() != YMessageType.SYNC:
                continue
            kind = _sync_kind(decoder.read_var_uint())
            self._log("Received", kind)
            reply = handle_sync_message(message[1:], self._doc)
            if kind is YSyncMessageType.SYNC_STEP2:
                self.synced.set()
            if reply is not None:
                await self._channel.send(reply)
                self._log("Sent", YSyncMessageType.SYNC_STEP2)

    def _log(self, what: str, kind: YSyncMessageType) -> None:
        self.log.debug("%s %s message: %s", what, kind.name, self._channel.path)


def _sync_kind(number: int) -> YSyncMessageType:
    try:
        return YSyncMessageType(number)
    except ValueError:
        message = f"there is no sync message of kind {number}"
        raise DecodeError(message) from None
