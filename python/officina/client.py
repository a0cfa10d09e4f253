"""A Python peer: keeps a `Doc` in step with the document of the same name on a server.

```python
doc = Doc()
async with YjsClient("ws://127.0.0.1:8800/yjs/notes", doc) as client:
    text = doc.get("text", type=Text)
    text += "hello"
    await client.flush()      # the server has it on disk
```
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)

from officina.crdt import Doc, TransactionEvent
from officina.errors import LocalProtocolError, OfficinaError, RemoteProtocolError
from officina.sync.yjs import YjsEndpoint

MAX_UNSENT_BYTES: Final = 64 << 20
MAX_UNCONFIRMED: Final = 4096
MAX_MESSAGE_BYTES: Final = 1 << 30


class YjsClient:
    """Shares one document with a server for as long as the `async with` block runs.

    Local edits leave by themselves, one message for each transaction; remote edits appear in the
    document between two awaits. Belongs to one event loop: edit the document on that loop's thread.
    """

    def __init__(self, url: str, doc: Doc, *, timeout_s: float = 30.0) -> None:
        """Prepare to share `doc`.

        Args:
            url: the document's address, `ws://host:port/yjs/<document>`.
            doc: may hold edits already; the server gets what it lacks.
            timeout_s: how long to wait for the connection, the first sync and each confirmation.
        """
        self._url = url
        self._doc = doc
        self._timeout_s = timeout_s
        self._endpoint = YjsEndpoint(doc)
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._is_applying = False
        self._has_unsent = asyncio.Event()
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._error: OfficinaError | None = None
        self._exits = AsyncExitStack()

    @property
    def confirmed(self) -> int:
        """How many of our messages the server has on disk."""
        return self._endpoint.confirmed

    @property
    def unconfirmed(self) -> int:
        """How many of our messages the server has not answered for yet, unsent ones included."""
        return self._endpoint.unconfirmed + len(self._unsent)

    async def __aenter__(self) -> Self:
        """Connect, and wait until the document holds what the server has.

        Raises:
            RemoteProtocolError: the server cannot be reached, refuses, or does not answer in time.
        """
        async with AsyncExitStack() as exits:
            socket = await exits.enter_async_context(_connected(self._url, self._timeout_s))
            subscription = self._doc.observe(self._on_transaction)
            exits.callback(self._doc.unobserve, subscription)
            for loop in (self._receive(socket), self._send(socket)):
                exits.push_async_callback(_cancelled, asyncio.create_task(loop))
            await self._until(lambda: self._endpoint.is_synced)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect; what is not confirmed may be lost, so `flush` first."""
        await self._exits.aclose()

    async def flush(self) -> None:
        """Wait until the server has everything on disk.

        Raises:
            RemoteProtocolError: it could not store something, closed the connection, or made no
                progress in time.
        """
        await self._until(lambda: self.unconfirmed == 0)

    async def throttle(self) -> None:
        """Wait while the server is far behind; for those who edit without a pause.

        Raises:
            RemoteProtocolError: as `flush`.
        """
        if self.unconfirmed > MAX_UNCONFIRMED:
            await self._until(lambda: self.unconfirmed <= MAX_UNCONFIRMED // 2)
        else:
            await asyncio.sleep(0)
            self._check()

    def _on_transaction(self, event: TransactionEvent) -> None:
        if self._is_applying:
            return
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            raise LocalProtocolError(
                "edits are made faster than they can be sent; await throttle() between them"
            )
        self._unsent.append(event.update)
        self._unsent_bytes += len(event.update)
        self._has_unsent.set()

    async def _send(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):  # the receiver says why
            await socket.send(self._endpoint.start())
            while True:
                await self._has_unsent.wait()
                self._has_unsent.clear()
                while self._unsent:
                    update = self._unsent.popleft()
                    self._unsent_bytes -= len(update)
                    await socket.send(self._endpoint.update(update))

    async def _receive(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                if isinstance(message, str):
                    raise RemoteProtocolError("the server sent a text message", 1003)
                answer = self._apply(message)
                if answer is not None:
                    await socket.send(answer)
                if self._waiters:
                    self._wake()
        except OfficinaError as error:
            self._fail(error)
        except ConnectionClosed:
            pass
        self._fail(_closed(socket))

    def _apply(self, message: bytes) -> bytes | None:
        self._is_applying = True
        try:
            return self._endpoint.receive(message)
        finally:
            self._is_applying = False

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; the deadline starts anew with each confirmation."""
        while not condition():
            self._check()
            before = self.confirmed
            future = asyncio.get_running_loop().create_future()
            self._waiters.append((condition, future))
            try:
                await asyncio.wait_for(future, self._timeout_s)
            except TimeoutError:
                if self.confirmed == before:
                    raise RemoteProtocolError(
                        f"the server did not answer within {self._timeout_s:g} s"
                    ) from None
            finally:
                self._waiters = [waiter for waiter in self._waiters if waiter[1] is not future]
        self._check()

    def _check(self) -> None:
        if self._endpoint.refused:
            raise RemoteProtocolError(
                f"the server could not store {self._endpoint.refused} updates"
            )
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        for condition, future in self._waiters:
            if not future.done() and (self._endpoint.refused or condition()):
                future.set_result(None)

    def _fail(self, error: OfficinaError) -> None:
        self._error = self._error or error
        for _, future in self._waiters:
            if not future.done():
                future.set_result(None)


@asynccontextmanager
async def _connected(url: str, timeout_s: float) -> AsyncIterator[ClientConnection]:
    try:
        socket = await connect(
            _asking_for_confirmations(url),
            open_timeout=timeout_s,
            max_size=MAX_MESSAGE_BYTES,
            compression=None,
        )
    except InvalidStatus as error:
        sentence = (
            error.response.body.decode(errors="replace").strip() if error.response.body else ""
        )
        status = error.response.status_code
        raise RemoteProtocolError(f"{url} answers HTTP {status}: {sentence}") from error
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise RemoteProtocolError(f"cannot connect to {url}: {error}") from error
    async with socket:
        yield socket


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _asking_for_confirmations(url: str) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, "saved=1")))
    return urlunsplit(parts._replace(query=query))


def _closed(socket: ClientConnection) -> RemoteProtocolError:
    code = socket.close_code or 1006
    return RemoteProtocolError(
        f"the server closed the connection with {code} {socket.close_reason or ''}".rstrip(), code
    )
