"""Documents, their updates and snapshots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the update log's four tables."""
    op.create_table(
        "document",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, unique=True),
    )
    op.create_table(
        "document_update",
        sa.Column("document_id", sa.Integer, sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        *_record_columns(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document_snapshot",
        sa.Column("document_id", sa.Integer, sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *_record_columns(),
    )
    op.create_table(
        "torn_update",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("document_id", sa.Integer, sa.ForeignKey("document.id"), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *_record_columns(),
    )


def _record_columns() -> tuple[sa.Column[bytes], sa.Column[bytes]]:
    return (
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("checksum", sa.LargeBinary(8), nullable=False),
    )
