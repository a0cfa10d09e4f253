"""The update log in SQLite: one writer thread, and one fsync for everything that waits.

Between two commits the appends of all documents gather in the queue; the next commit takes them
together. So the number of fsyncs follows the clock and the disk's speed, not the number of edits.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import DatabaseError

from officina.errors import LocalProtocolError, StorageError
from officina.store import compaction
from officina.store.records import StoredDocument, read_document
from officina.store.schema import documents, record_checksum, snapshots, torn_updates, updates
from officina.store.update_log import Written

BACKLOG_LIMIT_BYTES: Final = 256 << 20
"""Above this the disk is so far behind that new appends are refused instead of queued."""

COMMIT_INTERVAL_S: Final = 0.05
"""From the start of one commit to the next. A commit costs about a millisecond of CPU, much of it
the fsync; typing is confirmed this much later at most, the first edit after a pause at once."""

_log = structlog.get_logger("officina.store")


@dataclass(frozen=True, slots=True)
class _Item:
    """One queued write; a snapshot replaces what it covers."""

    document: str
    sequence: int
    payload: bytes
    is_snapshot: bool


@dataclass(slots=True)
class _Tail:
    """Where one loaded document's log ends; belongs to the writer thread once loaded."""

    document_id: int | None
    sequence: int
    log_bytes: int
    snapshot_sequence: int
    snapshot_bytes: int
    torn_sequence: int | None = None

    def copy(self) -> _Tail:
        """A tail to plan with; several times as fast as `dataclasses.replace`."""
        return _Tail(
            self.document_id,
            self.sequence,
            self.log_bytes,
            self.snapshot_sequence,
            self.snapshot_bytes,
            self.torn_sequence,
        )


@dataclass(slots=True)
class _Commit:
    """What one transaction writes, and how the tails look when it succeeds."""

    tails: dict[str, _Tail] = field(default_factory=dict)
    updates: list[_Item] = field(default_factory=list)
    snapshots: dict[str, _Item] = field(default_factory=dict)
    snapshots_taken: Counter[str] = field(default_factory=Counter)
    written: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


class SQLiteUpdateLog:
    """An `UpdateLog` in one SQLite file, in WAL mode with `synchronous = FULL`."""

    def __init__(self, engine: Engine, on_written: Callable[[Sequence[Written]], None]) -> None:
        """Start the writer thread.

        Args:
            engine: of `open_for_writing`; `close` disposes of it.
            on_written: called after each commit, on the writer thread, once for all documents in
                it.
        """
        self._engine = engine
        self._on_written = on_written
        self._tails: dict[str, _Tail] = {}
        self._queue: list[_Item] = []
        self._queued_bytes = 0
        self._writing_bytes = 0
        self._closing = False
        self._next_commit = 0.0
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._write_until_closed, name="officina-log")
        self._writer.start()

    @property
    def backlog_bytes(self) -> int:
        """Queued or being written now."""
        return self._queued_bytes + self._writing_bytes

    def load(self, document: str) -> StoredDocument:
        """Read a document and make it ready for appends; blocks.

        Raises:
            DocumentDamaged: its records cannot be trusted. Nothing of it is changed.
            StorageError: the database cannot be read now.
        """
        with _storage_errors(), self._engine.begin() as connection:
            stored = read_document(connection, document)
        if stored.torn_sequence is not None:
            _log.warning(
                "torn last record left out", document=document, sequence=stored.torn_sequence
            )
        overhead = compaction.RECORD_OVERHEAD_BYTES * len(stored.updates)
        self._tails[document] = _Tail(
            stored.document_id,
            stored.sequence,
            stored.log_bytes + overhead,
            stored.snapshot_sequence,
            stored.snapshot_bytes,
            stored.torn_sequence,
        )
        return stored

    def append(self, document: str, sequence: int, update: bytes) -> None:
        """Queue one update of a loaded document."""
        self._enqueue(_Item(document, sequence, update, is_snapshot=False))

    def save_snapshot(self, document: str, sequence: int, update: bytes) -> None:
        """Queue the whole document as of `sequence`; the updates it covers are then dropped."""
        self._enqueue(_Item(document, sequence, update, is_snapshot=True))

    def is_worth_compacting(self, document: str) -> bool:
        """Whether an idle document should get a snapshot before it is released."""
        tail = self._tails[document]
        return compaction.is_worthwhile(tail.log_bytes, tail.snapshot_bytes)

    def release(self, document: str) -> None:
        """Forget a loaded document; it has nothing queued."""
        self._tails.pop(document, None)

    def close(self) -> None:
        """Write what is queued, then close the database; blocks."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        self._engine.dispose()

    def _enqueue(self, item: _Item) -> None:
        if item.document not in self._tails:
            raise LocalProtocolError(f"document {item.document!r} is not loaded")
        with self._changed:
            if self._closing:
                raise LocalProtocolError("the update log is closed")
            if self.backlog_bytes <= BACKLOG_LIMIT_BYTES:
                if not self._queue:
                    self._changed.notify()
                self._queue.append(item)
                self._queued_bytes += len(item.payload)
                return
        # Left out, it leaves a gap: what follows is refused until a snapshot closes it.
        self._on_written(_report([item], StorageError("the disk is behind")))

    def _write_until_closed(self) -> None:
        while batch := self._take_batch():
            try:
                written = self._commit(batch)
            except Exception as error:  # noqa: BLE001 - the outermost shell of its thread
                _log.exception("commit failed unexpectedly")
                written = _report(batch, StorageError(f"cannot write: {error}"))
            self._writing_bytes = 0
            self._on_written(written)

    def _take_batch(self) -> list[_Item]:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            self._changed.wait_for(lambda: self._closing, self._next_commit - time.monotonic())
            self._next_commit = time.monotonic() + COMMIT_INTERVAL_S
            batch, self._queue = self._queue, []
            self._writing_bytes, self._queued_bytes = self._queued_bytes, 0
            return batch

    def _commit(self, batch: Sequence[_Item]) -> list[Written]:
        commit = self._plan(batch)
        try:
            with self._engine.begin() as connection:
                self._write(connection, commit)
        except DatabaseError as error:
            return self._failed(batch, error)
        for document, tail in commit.tails.items():
            self._tails[document] = tail
        return [*self._succeeded(commit), *self._refused(commit)]

    def _plan(self, batch: Sequence[_Item]) -> _Commit:
        """Decide what goes into the transaction; touches nothing outside the returned value."""
        commit = _Commit()
        for item in batch:
            tail = commit.tails.get(item.document)
            if tail is None:
                tail = commit.tails[item.document] = self._tails[item.document].copy()
            if item.is_snapshot:
                _plan_snapshot(commit, tail, item)
            elif item.sequence == tail.sequence + 1:
                commit.updates.append(item)
                tail.sequence = item.sequence
                tail.log_bytes += len(item.payload) + compaction.RECORD_OVERHEAD_BYTES
            else:
                commit.refused[item.document] = item.sequence
                continue
            commit.written[item.document] = tail.sequence
        return commit

    def _write(self, connection: Connection, commit: _Commit) -> None:
        for document, tail in commit.tails.items():
            if tail.document_id is None:
                tail.document_id = _add_document(connection, document)
            if tail.torn_sequence is not None:
                _set_aside(connection, tail.document_id, tail.torn_sequence)
                tail.torn_sequence = None
        if commit.updates:
            rows = [_row(item, commit.tails[item.document].document_id) for item in commit.updates]
            connection.execute(insert(updates), rows)
        for document, item in commit.snapshots.items():
            _replace_snapshot(connection, commit.tails[document].document_id, item)

    def _failed(self, batch: Sequence[_Item], error: DatabaseError) -> list[Written]:
        """Report a failed commit; one document's broken pages must not fail the others."""
        by_document: dict[str, list[_Item]] = {}
        for item in batch:
            by_document.setdefault(item.document, []).append(item)
        if len(by_document) > 1 and not isinstance(error.orig, sqlite3.OperationalError):
            return [written for items in by_document.values() for written in self._commit(items)]
        _log.error("commit failed", documents=len(by_document), reason=str(error.orig))
        return _report(batch, StorageError(f"cannot write: {error.orig}"))

    def _succeeded(self, commit: _Commit) -> Iterable[Written]:
        for document, sequence in commit.written.items():
            tail = commit.tails[document]
            due = compaction.is_due(tail.log_bytes, tail.snapshot_bytes)
            yield Written(document, sequence, None, commit.snapshots_taken[document], due)

    def _refused(self, commit: _Commit) -> Iterable[Written]:
        for document, sequence in commit.refused.items():
            if sequence > commit.written.get(document, 0):  # else a later snapshot covers it
                reason = StorageError("an update before this one is not stored")
                yield Written(document, sequence, reason)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Turn a database that cannot be reached at all into `StorageError`."""
    try:
        yield
    except DatabaseError as error:
        raise StorageError(f"cannot read the database: {error.orig}") from error


def _report(batch: Sequence[_Item], error: StorageError) -> list[Written]:
    snapshots_taken = Counter(item.document for item in batch if item.is_snapshot)
    last = {item.document: item.sequence for item in batch}
    return [
        Written(document, sequence, error, snapshots_taken[document])
        for document, sequence in last.items()
    ]


def _plan_snapshot(commit: _Commit, tail: _Tail, item: _Item) -> None:
    """Let a snapshot take the log's place; an older one must not replace a newer one."""
    commit.snapshots_taken[item.document] += 1
    if item.sequence > tail.snapshot_sequence:
        commit.snapshots[item.document] = item
        tail.sequence = max(tail.sequence, item.sequence)
        tail.log_bytes = 0
        tail.snapshot_sequence, tail.snapshot_bytes = item.sequence, len(item.payload)


def _row(item: _Item, document_id: int | None) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "sequence": item.sequence,
        "payload": item.payload,
        "checksum": record_checksum(item.document, item.sequence, item.payload),
    }


def _add_document(connection: Connection, name: str) -> int:
    made: int = connection.scalars(
        insert(documents).values(name=name).returning(documents.c.id)
    ).one()
    return made


def _set_aside(connection: Connection, document_id: int, sequence: int) -> None:
    """Move a torn record out of the way of the one that takes its sequence."""
    torn = (updates.c.document_id == document_id, updates.c.sequence == sequence)
    columns = ("document_id", "sequence", "payload", "checksum")
    connection.execute(
        insert(torn_updates).from_select(
            columns, select(*(updates.c[column] for column in columns)).where(*torn)
        )
    )
    connection.execute(delete(updates).where(*torn))


def _replace_snapshot(connection: Connection, document_id: int | None, item: _Item) -> None:
    connection.execute(delete(snapshots).where(snapshots.c.document_id == document_id))
    connection.execute(insert(snapshots), _row(item, document_id))
    connection.execute(
        delete(updates).where(
            updates.c.document_id == document_id, updates.c.sequence <= item.sequence
        )
    )
