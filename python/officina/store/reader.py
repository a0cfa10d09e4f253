"""Reads a data directory without changing it, beside a running server or without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import DatabaseError

from officina.errors import StorageError
from officina.store.database import open_for_reading
from officina.store.directory import DATABASE_NAME
from officina.store.records import StoredDocument, read_document
from officina.store.schema import documents


class StoreReader:
    """The stored documents of one data directory; made by `open_store_reader`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def names(self) -> list[str]:
        """List the documents that have anything stored, in order of name; blocks.

        Raises:
            StorageError: the database cannot be read.
        """
        try:
            with self._engine.begin() as connection:
                return list(connection.scalars(select(documents.c.name).order_by(documents.c.name)))
        except DatabaseError as error:
            raise StorageError(f"cannot list the documents: {error.orig}") from error

    def read(self, document: str) -> StoredDocument:
        """Read one document as of now; blocks.

        Raises:
            DocumentDamaged: its records cannot be trusted.
            StorageError: nothing is stored under this name, or the database cannot be read.
        """
        with self._engine.begin() as connection:
            stored = read_document(connection, document)
        if stored.document_id is None:
            raise StorageError(f"nothing is stored under the name {document!r}")
        return stored


@contextmanager
def open_store_reader(data: Path) -> Iterator[StoreReader]:
    """Open a data directory for reading.

    Raises:
        StorageError: it holds no database, or one of another version.
    """
    engine = open_for_reading(data / DATABASE_NAME)
    try:
        yield StoreReader(engine)
    finally:
        engine.dispose()
