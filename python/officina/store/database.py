"""Opens the SQLite database of a data directory: durable, migrated, portable SQL from here on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from officina.errors import StorageError
from officina.store.schema import HEAD_REVISION

BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for a lock that another program holds on the database."""

_DURABLE_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit returns after fsync: what is confirmed survives a power cut
    "foreign_keys = ON",
    f"journal_size_limit = {64 << 20}",
)


def open_for_writing(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """Open or create a database and bring its schema up to date.

    Raises:
        StorageError: the file is no database of ours, is locked, or a newer officina wrote it.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": busy_timeout_s})
    _own_transactions(engine, _DURABLE_PRAGMAS)
    try:
        _migrate(engine)
    except DatabaseError as error:
        engine.dispose()
        raise StorageError(f"cannot open database {path}: {error.orig}") from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_for_reading(path: Path) -> Engine:
    """Open a database without the power to change it; a server may be writing to it meanwhile.

    Raises:
        StorageError: there is no database, it cannot be read, or its schema is of another version.
    """
    if not path.is_file():
        raise StorageError(
            f"there is no database at {path}; is this the server's --data directory?"
        )
    location = f"file:{quote(str(path))}?mode=ro&uri=true"
    engine = create_engine(f"sqlite:///{location}", connect_args={"timeout": BUSY_TIMEOUT_S})
    _own_transactions(engine, ())
    try:
        with engine.connect() as connection:
            revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DatabaseError as error:
        engine.dispose()
        raise StorageError(f"cannot read database {path}: {error.orig}") from error
    if revision != HEAD_REVISION:
        engine.dispose()
        raise StorageError(
            f"database {path} has schema {revision}, this officina reads {HEAD_REVISION}; "
            "start `officina serve` of the newer version on it once"
        )
    return engine


def _own_transactions(engine: Engine, pragmas: tuple[str, ...]) -> None:
    """Let SQLAlchemy say BEGIN: the driver's own transactions leave reads outside of them."""

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "officina.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StorageError(
                f"the database was written by another version of officina: {error}"
            ) from error
