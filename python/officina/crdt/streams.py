"""Events as async streams; `Doc.events()` and the `events()` of shared types make them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from anyio import BrokenResourceError, ClosedResourceError, create_memory_object_stream
from anyio.abc import ObjectReceiveStream

if TYPE_CHECKING:
    from anyio.streams.memory import (
        MemoryObjectReceiveStream,
        MemoryObjectSendStream,
        MemoryObjectStreamStatistics,
    )

    from officina._native.crdt import Subscription

_Event = TypeVar("_Event")
_Observer = Callable[[_Event], None] | Callable[[_Event], Awaitable[None]]


class UnsubscribableStream(ObjectReceiveStream[_Event]):
    """A stream of events, to be iterated over inside an `async with` block.

    Closing it, as the end of the block does, discards the events that wait in it.
    """

    def __init__(
        self, receiver: MemoryObjectReceiveStream[_Event], unsubscribe: Callable[[], None]
    ) -> None:
        self._receiver = receiver
        self._unsubscribe = unsubscribe

    def unsubscribe(self) -> None:
        """Take no more events in.

        Those that wait can still be received; then iteration ends. Calling it again does nothing.
        """
        self._unsubscribe()

    def clone(self) -> UnsubscribableStream[_Event]:
        """Another receiver: each event goes to one of them."""
        return UnsubscribableStream(self._receiver.clone(), self._unsubscribe)

    async def receive(self) -> _Event:
        """The next event, once there is one."""
        return await self._receiver.receive()

    def receive_nowait(self) -> _Event:
        """The next event, or `anyio.WouldBlock` if there is none yet."""
        return self._receiver.receive_nowait()

    def statistics(self) -> MemoryObjectStreamStatistics:
        """How many events wait, and for how many there is room."""
        return self._receiver.statistics()

    def close(self) -> None:
        """Discard what waits; the observation ends with the last receiver."""
        self._receiver.close()
        if self._receiver.statistics().open_receive_streams == 0:
            self._unsubscribe()

    async def aclose(self) -> None:
        """Do what `close` does."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def events(
    observe: Callable[[_Observer[_Event]], Subscription],
    max_buffer_size: float,
    async_transactions: bool,
) -> UnsubscribableStream[_Event]:
    """A stream of what an observer would be called with.

    Args:
        observe: registers an observer.
        max_buffer_size: how many events may wait to be received; `inf` for any number.
        async_transactions: whether a full stream holds up the transaction, which must be an async
            one, instead of raising `anyio.WouldBlock` in it.

    Returns:
        The stream. Closing it ends the observation.
    """
    # Numbers come from Rust as floats; anyio wants an integer for all but `inf`.
    size = int(max_buffer_size) if max_buffer_size.is_integer() else max_buffer_size
    sender, receiver = create_memory_object_stream[_Event](size)
    source = _Source(sender)
    source.subscription = observe(source.send if async_transactions else source.post)
    return UnsubscribableStream(receiver, source.close)


class _Source(Generic[_Event]):
    """The observer at the start of a stream."""

    subscription: Subscription

    def __init__(self, sender: MemoryObjectSendStream[_Event]) -> None:
        self._sender = sender
        self._thread = threading.get_ident()
        self._call_soon = _call_soon()

    def close(self) -> None:
        self.subscription.drop()
        self._on_the_loop(self._sender.close)

    def post(self, event: _Event) -> None:
        self._on_the_loop(partial(self._put, event))

    def _put(self, event: _Event) -> None:
        try:
            self._sender.send_nowait(event)
        except (BrokenResourceError, ClosedResourceError):
            self.close()

    async def send(self, event: _Event) -> None:
        try:
            # A clone, so that what is being sent arrives even if the stream is unsubscribed from.
            async with self._sender.clone() as sender:
                await sender.send(event)
        except (BrokenResourceError, ClosedResourceError):
            self.close()

    def _on_the_loop(self, act: Callable[[], None]) -> None:
        """Act now on the thread that made the stream, which its receiver runs on, else soon."""
        if self._call_soon is None or threading.get_ident() == self._thread:
            act()
        else:
            self._call_soon(act)


def _call_soon() -> Callable[[Callable[[], None]], object] | None:
    """How another thread runs something on the event loop of this one; `None` without a loop."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        pass
    try:
        from trio.lowlevel import current_trio_token  # only there if the program uses it

        return current_trio_token().run_sync_soon
    except (ImportError, RuntimeError):
        return None
