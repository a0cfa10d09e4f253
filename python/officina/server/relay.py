"""Carries bytes between sockets, the native hub and the documents; owns the clock.

One `receive` for each chunk off a socket, one `tick` for each turn of the event loop that received
anything: what came in during the turn leaves joined, one write for each peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from officina.server.documents import Documents
from officina.server.settings import Limits
from officina.store import Written
from officina.sync import Hub

_log = structlog.get_logger("officina.relay")


class Socket(Protocol):
    """What the relay needs of one upgraded connection."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Queues bytes behind everything written before."""
        ...

    def finish(self) -> None:
        """Close once everything written has left."""
        ...

    def pause_reading(self) -> None:
        """Take nothing more off the socket for now."""
        ...

    def resume_reading(self) -> None:
        """Go on."""
        ...


class Relay:
    """The peers of one server and the hub that decides for them; lives on the event loop."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        """Start without peers; `attach` the documents before the first one comes."""
        self._hub = hub
        self._loop = loop
        self._limits = limits
        self._sockets: dict[int, Socket] = {}
        self._writes: dict[int, Callable[[bytes], None]] = {}  # kept: called for every delivery
        self._tick_is_queued = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._is_throttled = False

    def attach(self, documents: Documents) -> None:
        """Name the documents that appends go to."""
        self._documents = documents

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self, socket: Socket, document: str, *, saved: bool) -> int:
        """Let an upgraded connection take part in a loaded document.

        Returns:
            The peer's number, for all further calls.
        """
        peer = self._hub.open(document, self._loop.time(), saved=saved)
        self._sockets[peer] = socket
        self._writes[peer] = socket.write
        if self._is_throttled:
            socket.pause_reading()
        self.tick_soon()
        return peer

    def receive(self, peer: int, data: bytes) -> None:
        """Take one chunk off a peer's socket; what goes wrong with it closes that peer alone."""
        try:
            if self._hub.receive(peer, data, self._loop.time()):
                self.tick_soon()
        except Exception:  # noqa: BLE001 - the outermost shell; the peer is closed
            _log.exception("chunk failed", peer=peer, size_bytes=len(data))
            self.close(peer, 1011, "internal error")

    def pause(self, peer: int) -> None:
        """The peer reads too slowly; the hub holds its bytes back, within bounds."""
        self._hub.pause(peer)

    def resume(self, peer: int) -> None:
        """The peer has caught up; the held bytes leave with the next tick."""
        self._hub.resume(peer)
        self.tick_soon()

    def lost(self, peer: int) -> None:
        """The peer's socket is gone; the others learn that its cursor is too."""
        del self._sockets[peer], self._writes[peer]
        self._hub.lost(peer)
        self.tick_soon()

    def close(self, peer: int, code: int, reason: str) -> None:
        """Close a peer from our side."""
        self._hub.close(peer, code, reason)
        self.tick_soon()

    def written(self, outcomes: Iterable[Written]) -> None:
        """Take in what one commit did, and tell those who asked."""
        self._documents.written(outcomes)
        if (
            self._is_throttled
            and self._documents.backlog_bytes < self._limits.store_low_water_bytes
        ):
            self._is_throttled = False
            for socket in self._sockets.values():
                socket.resume_reading()
        self.tick_soon()

    def tick_soon(self) -> None:
        """Tick at the end of this turn of the event loop, once."""
        if not self._tick_is_queued:
            self._tick_is_queued = True
            self._loop.call_soon(self._tick)

    def stop(self) -> None:
        """End the clock; nobody is connected any more."""
        self._tick()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._tick_is_queued = False
        effects = self._hub.tick(self._loop.time())
        for document, sequence, update in effects.appends:
            self._documents.append(document, sequence, update)
        writes = self._writes
        for data, peers in effects.sends:
            for peer in peers:
                writes[peer](data)
        for peer in effects.closes:
            self._sockets[peer].finish()
        if effects.appends:
            self._throttle()
        self._arm()

    def _arm(self) -> None:
        """Keep one timer for the hub's next deadline; one that fires early only arms the next."""
        due = self._hub.due()
        if due is None or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._timed_out)
        self._timer_due = due

    def _timed_out(self) -> None:
        self._timer = None
        self._tick()

    def _throttle(self) -> None:
        """Stop reading from everyone while the disk is far behind."""
        if (
            self._is_throttled
            or self._documents.backlog_bytes < self._limits.store_high_water_bytes
        ):
            return
        _log.warning("disk is behind, peers wait", backlog_bytes=self._documents.backlog_bytes)
        self._is_throttled = True
        for socket in self._sockets.values():
            socket.pause_reading()
