"""The life of each open document: loaded once, logged, compacted, unloaded when nobody needs it.

```text
        first join              loaded               last peer left, grace time over
 (none) ──────────▶ loading ──────────▶ open ─────────────────────────────────────▶ (none)
                       │ failed: all who wait are told, nothing is written
                       ▼
                     (none)
```

While an append cannot be stored, the document stays open and unsaved: its peers are told so, and a
snapshot, which covers everything that is missing in the log, is tried again until it succeeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import structlog

from officina.errors import DecodeError, DocumentDamaged, LocalProtocolError, OfficinaError
from officina.store import UpdateLog, Written
from officina.sync import Hub

RETRY_FIRST_S: Final = 1.0
RETRY_MOST_S: Final = 30.0

Joined = Callable[[OfficinaError | None], None]
"""Called once on the event loop when a document is open, or with the reason why it is not."""

_log = structlog.get_logger("officina.documents")


class _Document:
    """One loaded or loading document. Sequences are the hub's: they start at 1 with each load."""

    __slots__ = (
        "can_compact",
        "handed_out",
        "has_gap",
        "is_loaded",
        "is_unsaved",
        "name",
        "offset",
        "peers",
        "repaired_at",
        "retry",
        "retry_delay_s",
        "snapshots_under_way",
        "stored",
        "unload",
        "waiting",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_loaded = False
        self.waiting: list[Joined] = []
        self.peers = 0
        self.offset = 0  # the log's sequence of the hub's 0
        self.handed_out = 0
        self.stored = 0
        self.is_unsaved = False
        self.has_gap = False  # the log refuses appends until a snapshot is on its way
        self.repaired_at = 0  # the sequence of that snapshot
        self.snapshots_under_way = 0
        self.can_compact = True
        self.retry: asyncio.TimerHandle | None = None
        self.retry_delay_s = RETRY_FIRST_S
        self.unload: asyncio.TimerHandle | None = None

    @property
    def is_settled(self) -> bool:
        """Whether everything it ever got is on disk, and nothing of it is on the way there."""
        return (
            not self.is_unsaved and self.snapshots_under_way == 0 and self.stored == self.handed_out
        )


class Documents:
    """All open documents of one server; lives on the event loop, reads and encodes in threads."""

    def __init__(
        self,
        hub: Hub,
        log: UpdateLog,
        loop: asyncio.AbstractEventLoop,
        *,
        unload_after_s: float,
    ) -> None:
        """Start with no document open.

        Args:
            hub: holds the loaded documents.
            log: stores them.
            loop: the running event loop.
            unload_after_s: how long a document stays loaded after its last peer has left.
        """
        self._hub = hub
        self._update_log = log
        self._loop = loop
        self._unload_after_s = unload_after_s
        self._open: dict[str, _Document] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="officina-documents")

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unsaved(self) -> list[str]:
        """The documents that hold updates which could not be stored."""
        return [document.name for document in self._open.values() if document.is_unsaved]

    @property
    def backlog_bytes(self) -> int:
        """What waits for the disk."""
        return self._update_log.backlog_bytes

    def join(self, name: str, joined: Joined) -> None:
        """Count a peer in once the document is open; any number of joiners share one load.

        A peer for which `joined` was called without an error must `leave`; one that goes earlier
        says `give_up`.
        """
        document = self._open.get(name)
        if document is None:
            document = self._open[name] = _Document(name)
            loading = self._loop.run_in_executor(self._threads, self._load, name)
            loading.add_done_callback(partial(self._loaded, document))
        if document.is_loaded:
            self._count_in(document, joined)
        else:
            document.waiting.append(joined)

    def give_up(self, name: str, joined: Joined) -> None:
        """Take back a `join` whose answer has not come."""
        document = self._open.get(name)
        if document is not None and joined in document.waiting:
            document.waiting.remove(joined)

    def leave(self, name: str) -> None:
        """Count a peer out; the last one starts the grace time."""
        document = self._open[name]
        document.peers -= 1
        self._unload_later(document)

    def append(self, name: str, sequence: int, update: bytes) -> None:
        """Send one update of a tick to the log."""
        document = self._open[name]
        document.handed_out = sequence
        if document.has_gap:
            self._hub.saved(name, sequence, ok=False)
        else:
            self._update_log.append(name, document.offset + sequence, update)

    def written(self, outcomes: Iterable[Written]) -> None:
        """Take in what one commit did."""
        for outcome in outcomes:
            document = self._open[outcome.document]
            sequence = outcome.sequence - document.offset
            document.snapshots_under_way -= outcome.snapshots
            if outcome.error is None:
                self._stored(document, sequence, compact=outcome.snapshot_due)
            else:
                self._not_stored(document, sequence, outcome.error)

    async def close(self) -> None:
        """Queue what is not stored yet, once nobody is connected any more."""
        await self._loop.run_in_executor(None, self._threads.shutdown)
        for document in self._open.values():
            for timer in (document.retry, document.unload):
                if timer is not None:
                    timer.cancel()
            if document.has_gap:
                self._store_whole(document)

    # Loading

    def _load(self, name: str) -> int:
        """Runs in a thread; returns the log's last sequence."""
        stored = self._update_log.load(name)
        try:
            self._hub.load(name, stored.records)
        except DecodeError as error:
            self._update_log.release(name)
            raise DocumentDamaged(name, f"a stored record cannot be decoded: {error}") from error
        return stored.sequence

    def _loaded(self, document: _Document, loading: asyncio.Future[int]) -> None:
        waiting, document.waiting = document.waiting, []
        error = loading.exception()
        if error is None:
            document.is_loaded = True
            document.offset = loading.result()
            for joined in waiting:
                self._count_in(document, joined)
            self._unload_later(document)
            return
        del self._open[document.name]
        if not isinstance(error, OfficinaError):
            _log.error("document could not be loaded", document=document.name, exc_info=error)
            error = OfficinaError("the document could not be loaded")
        else:
            _log.error("document could not be loaded", document=document.name, reason=str(error))
        for joined in waiting:
            joined(error)

    def _count_in(self, document: _Document, joined: Joined) -> None:
        document.peers += 1
        if document.unload is not None:
            document.unload.cancel()
            document.unload = None
        joined(None)

    # Storing

    def _stored(self, document: _Document, sequence: int, *, compact: bool) -> None:
        document.stored = max(document.stored, sequence)
        self._hub.saved(document.name, sequence)
        if document.is_unsaved and not document.has_gap and sequence >= document.repaired_at:
            document.is_unsaved = False
            document.retry_delay_s = RETRY_FIRST_S
            _log.info("document is saved again", document=document.name)
        if compact:
            self._compact(document)

    def _not_stored(self, document: _Document, sequence: int, error: OfficinaError) -> None:
        self._hub.saved(document.name, sequence, ok=False)
        if not document.is_unsaved:
            _log.error("document is not saved", document=document.name, reason=str(error))
        document.is_unsaved = document.has_gap = True
        if document.retry is None:
            document.retry = self._loop.call_later(document.retry_delay_s, self._retry, document)
            document.retry_delay_s = min(2 * document.retry_delay_s, RETRY_MOST_S)

    def _retry(self, document: _Document) -> None:
        document.retry = None
        try:
            self._store_whole(document)
        except (
            LocalProtocolError
        ) as failed:  # the document broke in memory: the log is what there is
            _log.error("updates are lost", document=document.name, reason=str(failed))
            document.is_unsaved = document.has_gap = document.can_compact = False
            document.stored = document.handed_out

    def _store_whole(self, document: _Document) -> None:
        """Write a snapshot in place of the updates that are missing in the log; the hub numbers it.

        Encoded on the event loop, unlike a compaction: no update may fall between it and the
        appends that follow.
        """
        sequence, whole = self._hub.snapshot(document.name)
        document.handed_out = max(document.handed_out, sequence)
        document.repaired_at = sequence
        document.has_gap = False
        document.snapshots_under_way += 1
        self._update_log.save_snapshot(document.name, document.offset + sequence, whole)

    def _compact(self, document: _Document) -> None:
        if document.snapshots_under_way or document.is_unsaved or not document.can_compact:
            return
        document.snapshots_under_way += 1
        encoding = self._loop.run_in_executor(self._threads, self._hub.snapshot, document.name)
        encoding.add_done_callback(partial(self._encoded, document))

    def _encoded(self, document: _Document, encoding: asyncio.Future[tuple[int, bytes]]) -> None:
        if (error := encoding.exception()) is not None:
            _log.error("cannot compact", document=document.name, exc_info=error)
            document.can_compact = False
        if error is not None or document.is_unsaved:
            document.snapshots_under_way -= 1
            return
        sequence, whole = encoding.result()
        self._update_log.save_snapshot(document.name, document.offset + sequence, whole)

    # Unloading

    def _unload_later(self, document: _Document) -> None:
        if document.peers == 0 and document.unload is None:
            document.unload = self._loop.call_later(
                self._unload_after_s, self._unload_or_compact, document
            )

    def _unload_or_compact(self, document: _Document) -> None:
        document.unload = None
        if not document.is_settled:
            self._unload_later(document)
        elif document.can_compact and self._update_log.is_worth_compacting(document.name):
            self._compact(document)
            self._unload_later(document)
        else:
            self._unload(document)

    def _unload(self, document: _Document) -> None:
        try:
            self._hub.unload(document.name)
        except LocalProtocolError:  # the next tick has something to say about it first
            self._unload_later(document)
        else:
            self._update_log.release(document.name)
            del self._open[document.name]
