"""What a document server needs from its storage, whichever database provides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from officina.errors import StorageError
from officina.store.records import StoredDocument


@dataclass(frozen=True, slots=True)
class Written:
    """One document's part in a commit.

    Attributes:
        document: the document's name.
        sequence: everything up to here is on disk, or, with an error, everything up to here is not.
        error: why it is not.
        snapshots: how many queued snapshots of the document this answers.
        snapshot_due: the log has outgrown the snapshot; write a new one.
    """

    document: str
    sequence: int
    error: StorageError | None = None
    snapshots: int = 0
    snapshot_due: bool = False


class UpdateLog(Protocol):
    """Keeps each document as a snapshot and the updates since.

    Sequences count one document's updates from 1, without a gap. `append` and `save_snapshot` only
    queue, and may be called on the event loop; each is answered by a `Written`, in order, from the
    log's own thread. After an append has failed, the ones behind it fail too, until a snapshot that
    covers them all is saved.
    """

    @property
    def backlog_bytes(self) -> int:
        """Queued or being written now; slow the senders while this is high."""
        ...

    def load(self, document: str) -> StoredDocument:
        """Read a document and make it ready for appends; blocks.

        Raises:
            DocumentDamaged: its records cannot be trusted. Nothing of it is changed.
            StorageError: the storage cannot be read now.
        """
        ...

    def append(self, document: str, sequence: int, update: bytes) -> None:
        """Queue one update of a loaded document."""
        ...

    def save_snapshot(self, document: str, sequence: int, update: bytes) -> None:
        """Queue the whole document as of `sequence`; the updates that it covers are then dropped.

        One that is older than the stored snapshot changes nothing.
        """
        ...

    def is_worth_compacting(self, document: str) -> bool:
        """Whether an idle document should get a snapshot before it is released."""
        ...

    def release(self, document: str) -> None:
        """Forget a loaded document; it has nothing queued."""
        ...
