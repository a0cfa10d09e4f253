"""The only room that touches disk or a database: a durable update log for each document.

```text serve ───▶ DataDirectory, open_for_writing, SQLiteUpdateLog   one process, one writer
thread, group commit inspect ─▶ open_store_reader, StoreReader   read only, beside a running server
or without one ```
"""

from __future__ import annotations

from officina.store.database import open_for_writing
from officina.store.directory import DATABASE_NAME, DataDirectory
from officina.store.reader import StoreReader, open_store_reader
from officina.store.records import StoredDocument
from officina.store.sqlite import SQLiteUpdateLog
from officina.store.update_log import UpdateLog, Written

__all__ = [
    "DATABASE_NAME",
    "DataDirectory",
    "SQLiteUpdateLog",
    "StoreReader",
    "StoredDocument",
    "UpdateLog",
    "Written",
    "open_for_writing",
    "open_store_reader",
]
