"""Alembic's entry: migrates over the connection that `officina.store.database` hands in."""

from __future__ import annotations

from alembic import context

from officina.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
