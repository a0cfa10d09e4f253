"""The data directory, and the lock that keeps a second server process out of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from officina.errors import StorageError

DATABASE_NAME: Final = "officina.sqlite3"
LOCK_NAME: Final = "officina.lock"

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class DataDirectory:
    """A directory that one process may write to; held until `release` or the end of the process.

    The operating system drops the lock of a process that died, so a crash leaves nothing to clean
    up.
    """

    def __init__(self, path: Path) -> None:
        """Create the directory where needed and lock it.

        Raises:
            StorageError: it cannot be created or written, or another process holds it.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(f"cannot use data directory {path}: {error.strerror}") from error
        try:
            _try_lock(self._descriptor)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StorageError(
                f"data directory {path} is in use by another officina server (process {holder}); "
                "stop that one, or give this one a directory of its own with --data"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    @property
    def database(self) -> Path:
        """Where the database file of this directory is."""
        return self.path / DATABASE_NAME

    def release(self) -> None:
        """Let another process in."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
