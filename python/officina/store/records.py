"""Reads one document's stored records and decides whether they can be trusted.

A document is its snapshot, if it has one, and every update since, in sequence without a gap. Three
things can be wrong, and each has one answer:

| found | answer |
|---|---|
| the last update fails its checksum | it is left out: a write that never finished |
| any other record fails, or a sequence is missing | `DocumentDamaged`; nothing is changed |
| the database cannot follow its own pages | `DocumentDamaged`; nothing is changed |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from sqlite3 import OperationalError
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import DatabaseError

from officina.errors import DocumentDamaged, StorageError
from officina.store.schema import documents, record_checksum, snapshots, updates


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What is on disk of one document.

    Attributes:
        name: the document's name.
        document_id: its row, or None when nothing of it was ever stored.
        snapshot: the whole document as one V1 update, as of `snapshot_sequence`.
        snapshot_sequence: the last sequence that the snapshot covers; 0 without one.
        updates: the V1 updates after the snapshot, in sequence.
        torn_sequence: the sequence of a torn last record that was left out.
    """

    name: str
    document_id: int | None = None
    snapshot: bytes | None = None
    snapshot_sequence: int = 0
    updates: tuple[bytes, ...] = ()
    torn_sequence: int | None = None

    @property
    def sequence(self) -> int:
        """The last sequence that can be trusted; the next append continues from it."""
        return self.snapshot_sequence + len(self.updates)

    @property
    def records(self) -> list[bytes]:
        """Everything to apply, in order: the snapshot first, then the updates."""
        return [*(() if self.snapshot is None else (self.snapshot,)), *self.updates]

    @property
    def snapshot_bytes(self) -> int:
        """Size of the snapshot; 0 without one."""
        return len(self.snapshot or b"")

    @property
    def log_bytes(self) -> int:
        """Size of the updates since the snapshot."""
        return sum(map(len, self.updates))


class _Record(NamedTuple):
    """One row as it was read; damage may have changed even the types."""

    sequence: int
    payload: bytes
    checksum: bytes

    def is_intact(self, name: str) -> bool:
        return (
            isinstance(self.sequence, int)
            and isinstance(self.payload, bytes)
            and record_checksum(name, self.sequence, self.payload) == self.checksum
        )


def read_document(connection: Connection, name: str) -> StoredDocument:
    """Read and check all records of one document.

    Args:
        connection: inside a transaction, so that no compaction can fall between the two reads.
        name: the document's name.

    Raises:
        DocumentDamaged: a record before the last fails its checksum or is missing.
        StorageError: the database cannot be read now.
    """
    try:
        document_id = connection.scalar(select(documents.c.id).where(documents.c.name == name))
        if document_id is None:
            return StoredDocument(name)
        stored = StoredDocument(name, document_id, *_read_snapshot(connection, name, document_id))
        return _with_updates(connection, stored, document_id)
    except DatabaseError as error:
        if isinstance(error.orig, OperationalError):
            raise StorageError(f"cannot read document {name!r}: {error.orig}") from error
        raise DocumentDamaged(name, f"its pages cannot be read: {error.orig}") from error


def _read_snapshot(connection: Connection, name: str, document_id: int) -> tuple[bytes | None, int]:
    row = connection.execute(
        select(snapshots.c.sequence, snapshots.c.payload, snapshots.c.checksum).where(
            snapshots.c.document_id == document_id
        )
    ).one_or_none()
    if row is None:
        return None, 0
    record = _Record(*row)
    if not record.is_intact(name):
        raise DocumentDamaged(name, f"its snapshot at {record.sequence} fails its checksum")
    return record.payload, record.sequence


def _with_updates(
    connection: Connection, stored: StoredDocument, document_id: int
) -> StoredDocument:
    rows = connection.execute(
        select(updates.c.sequence, updates.c.payload, updates.c.checksum)
        .where(updates.c.document_id == document_id)
        .where(updates.c.sequence > stored.snapshot_sequence)
        .order_by(updates.c.sequence)
    )
    records = [_Record(*row) for row in rows]
    if not records and stored.snapshot is None:
        raise DocumentDamaged(stored.name, "all of its records are missing")
    torn_sequence = _check_updates(stored, records)
    whole = records if torn_sequence is None else records[:-1]
    return replace(
        stored,
        updates=tuple(record.payload for record in whole),
        torn_sequence=torn_sequence,
    )


def _check_updates(stored: StoredDocument, records: Sequence[_Record]) -> int | None:
    """Check every record and its place; returns the sequence of a torn last one."""
    for expected, record in enumerate(records, stored.snapshot_sequence + 1):
        if record.sequence != expected:
            raise DocumentDamaged(
                stored.name, f"record {expected} is missing, {record.sequence} follows"
            )
        if not record.is_intact(stored.name):
            if record is records[-1]:
                return expected
            raise DocumentDamaged(
                stored.name, f"record {expected} of {records[-1].sequence} fails its checksum"
            )
    return None
