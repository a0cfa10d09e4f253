"""Decides when a snapshot is worth writing.

A snapshot costs as much as the document, so it waits until the log has paid for it: each byte of an
edit is written at most a fixed number of times, however large the document grows.
"""

from __future__ import annotations

from typing import Final

BUSY_FLOOR_BYTES: Final = 256 * 1024
"""Below this a log is read back in milliseconds; compacting it would only wear the disk."""

IDLE_FLOOR_BYTES: Final = 4 * 1024

RECORD_OVERHEAD_BYTES: Final = 32
"""What a record weighs besides its payload: key, checksum and the work of applying it."""


def is_due(log_bytes: int, snapshot_bytes: int) -> bool:
    """Whether a document that people edit now should be compacted: its log outgrew its snapshot."""
    return log_bytes >= max(BUSY_FLOOR_BYTES, snapshot_bytes)


def is_worthwhile(log_bytes: int, snapshot_bytes: int) -> bool:
    """Whether a document that nobody has open should be compacted before it is unloaded.

    A quarter of the snapshot is enough then: at most four bytes more are written for each byte that
    was edited, and the next joiner finds a short log.
    """
    return log_bytes >= max(IDLE_FLOOR_BYTES, snapshot_bytes // 4)
