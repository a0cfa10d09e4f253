"""One WebSocket connection, from the upgrade request to the end of its socket.

```text
 request ──▶ loading ──▶ open ──▶ finishing ──▶ gone
    │ refused: HTTP 4xx     │ every chunk goes to the hub in one call
    ▼                       ▼
   gone                    gone (socket lost)
```
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from websockets.datastructures import MultipleValuesError
from websockets.http11 import Request
from websockets.server import ServerProtocol

from officina.errors import DocumentDamaged, LocalProtocolError, OfficinaError, StorageError
from officina.server.admission import Refused, check_origin, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from officina.server.admission import Target
    from officina.server.documents import Documents
    from officina.server.relay import Relay
    from officina.server.settings import Settings


class YjsPeer(asyncio.Protocol):
    """What uvicorn's `ws=` makes; `websockets` does the handshake, the hub all the rest."""

    __slots__ = (
        "_abort",
        "_connections",
        "_documents",
        "_early",
        "_handshake",
        "_is_finishing",
        "_peer",
        "_relay",
        "_settings",
        "_target",
        "_transport",
    )

    def __init__(
        self,
        relay: Relay,
        documents: Documents,
        settings: Settings,
        connections: set[YjsPeer],
    ) -> None:
        """Wait for `connection_made`.

        Args:
            relay: carries this peer's bytes once it is admitted.
            documents: loads the document that it asks for.
            settings: which origins may connect, and the limits.
            connections: uvicorn's, which it shuts down when the server drains.
        """
        self._relay = relay
        self._documents = documents
        self._settings = settings
        self._connections = connections
        self._handshake: ServerProtocol | None = ServerProtocol()
        self._target: Target | None = None
        self._peer: int | None = None
        self._early = b""
        self._is_finishing = False
        self._abort: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket over from uvicorn's HTTP protocol."""
        self._connections.add(self)
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._settings.limits.socket_buffer_bytes)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != getattr(socket, "AF_UNIX", None):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Hand a chunk to whoever it is for; the first one is the upgrade request, whole."""
        if self._peer is not None:
            if not self._is_finishing:
                self._relay.receive(self._peer, data)
        elif self._target is not None:
            self._early += data
        elif self._handshake is not None and not self._is_finishing:
            self._admit(self._handshake, data)

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        if self._peer is not None:
            self._relay.pause(self._peer)

    def resume_writing(self) -> None:
        """The socket's buffer has drained."""
        if self._peer is not None:
            self._relay.resume(self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the document."""
        self._connections.discard(self)
        self._is_finishing = True
        if self._abort is not None:
            self._abort.cancel()
        if self._target is None:
            return
        if self._peer is None:
            self._documents.give_up(self._target.document, self._joined)
        else:
            self._relay.lost(self._peer)
            self._documents.leave(self._target.document)

    def shutdown(self) -> None:
        """Say good-bye; uvicorn calls this when the server drains."""
        if self._peer is not None:
            self._relay.close(self._peer, 1001, "server is shutting down")
        elif self._target is not None and not self._is_finishing:
            self._documents.give_up(self._target.document, self._joined)
            self._target = None
            self._close(1001, "server is shutting down")

    # The relay's side

    @property
    def write(self) -> Callable[[bytes], None]:
        """Queues bytes behind everything written before."""
        return self._transport.write

    def finish(self) -> None:
        """Close once everything written has left, and in any case before long.

        Only our half at first: a socket that is closed with unread bytes in it is reset, and the
        reset may overtake the close frame.
        """
        if self._is_finishing or self._transport.is_closing():
            return
        self._is_finishing = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._abort = asyncio.get_running_loop().call_later(
            self._settings.limits.close_timeout_s, self._transport.abort
        )

    def pause_reading(self) -> None:
        """Take nothing more off the socket for now."""
        if not self._transport.is_closing() and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    # The upgrade

    def _admit(self, handshake: ServerProtocol, data: bytes) -> None:
        handshake.receive_data(data)
        events = handshake.events_received()
        request = events[0] if events else None
        if not isinstance(request, Request):
            self._transport.abort()
            return
        try:
            target = parse_target(request.path)
            check_origin(_header(request, "Origin"), _header(request, "Host"), self._settings)
        except Refused as refused:
            target = None
            response = handshake.reject(refused.status, f"{refused.sentence}\n")
        else:
            response = handshake.accept(request)
        handshake.send_response(response)
        self._send(handshake)
        if target is None or response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._is_finishing = True
            self._transport.close()
            return
        self._target = target
        self.pause_reading()
        self._documents.join(target.document, self._joined)

    def _joined(self, error: OfficinaError | None) -> None:
        """The document is open, or cannot be."""
        target = self._target
        if target is None or error is not None:
            self._target = None
            self._refuse(error)
            return
        try:
            self._peer = self._relay.open(self, target.document, saved=target.wants_saved)
        except LocalProtocolError as failed:  # the document broke while it was in use
            self._documents.leave(target.document)
            self._target = None
            self._refuse(failed)
            return
        self._handshake = None  # several kilobytes
        self.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def _refuse(self, error: OfficinaError | None) -> None:
        if isinstance(error, StorageError) and not isinstance(error, DocumentDamaged):
            self._close(1013, "the document cannot be read now, try again later")
        elif isinstance(error, DocumentDamaged):
            self._close(1011, "the document is damaged; its server's log says where")
        else:
            self._close(1011, "the document could not be loaded")

    def _close(self, code: int, reason: str) -> None:
        """Close before the hub knows this peer."""
        if self._handshake is not None:
            self._handshake.fail(code, reason)
            self._send(self._handshake)
        self.finish()

    def _send(self, handshake: ServerProtocol) -> None:
        for data in handshake.data_to_send():
            if data:  # an empty one stands for the end of the stream, which `finish` sees to
                self._transport.write(data)


def _header(request: Request, name: str) -> str | None:
    """A header that may come once; more of them are as bad as a wrong one."""
    try:
        return request.headers.get(name)
    except MultipleValuesError:
        return ""
