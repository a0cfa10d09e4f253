"""The tables of the update log, and the checksum that guards each of their records."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

CHECKSUM_BYTES: Final = 8

HEAD_REVISION: Final = "0001"
"""The migration that makes the schema below; a test compares the two."""


class _Bytes(LargeBinary):
    """Bytes as they are; SQLAlchemy's own wraps each one, a fifth of the writer's time."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        return None


metadata = MetaData()

documents = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
)

# Clustered by (document, sequence): a load reads its pages in order, and a commit touches one page
# for each edited document instead of a heap page and an index page.
updates = Table(
    "document_update",
    metadata,
    Column("document_id", Integer, ForeignKey("document.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", _Bytes, nullable=False),
    Column("checksum", _Bytes(CHECKSUM_BYTES), nullable=False),
    sqlite_with_rowid=False,
)

snapshots = Table(
    "document_snapshot",
    metadata,
    Column("document_id", Integer, ForeignKey("document.id"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("payload", _Bytes, nullable=False),
    Column("checksum", _Bytes(CHECKSUM_BYTES), nullable=False),
)

torn_updates = Table(
    "torn_update",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", Integer, ForeignKey("document.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("payload", _Bytes, nullable=False),
    Column("checksum", _Bytes(CHECKSUM_BYTES), nullable=False),
)


def record_checksum(document: str, sequence: int, payload: bytes) -> bytes:
    """Digest one record so that neither its bytes nor its place can change unnoticed.

    The name is length-prefixed: a record moved to another document or another sequence fails as a
    flipped bit does.

    Returns:
        8 bytes of BLAKE2b.
    """
    name = document.encode()
    digest = blake2b(len(name).to_bytes(2, "big"), digest_size=CHECKSUM_BYTES)
    digest.update(name)
    digest.update(sequence.to_bytes(8, "big"))
    digest.update(payload)
    return digest.digest()
