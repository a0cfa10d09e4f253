"""A real `officina serve` process on a free port: started, stopped, killed, started again."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

_READY_WITHIN_SECONDS = 30.0
_COMMAND = Path(sys.executable).with_name("officina")


class OfficinaServer:
    """The server process; restarts keep the port and the data.

    Args:
        directory: where its data and its log go.
    """

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._log = directory / "server.log"
        self._port = _free_port()
        self._health = f"http://127.0.0.1:{self._port}/healthz"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What a y-websocket provider is given; the document name follows after a slash."""
        return f"ws://127.0.0.1:{self._port}/yjs"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self._data

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_serve(), "--port", str(self._port), "--data", str(self._data)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start: {self._log.read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends the process as a power cut would: SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Asks the process to end, as an operator does, and waits until it has."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None

    def run(self, *arguments: str) -> str:
        """Runs `officina` with `arguments` and returns what it printed."""
        done = subprocess.run(
            [str(_COMMAND), *arguments], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{arguments} failed: {done.stdout}{done.stderr}"
        return done.stdout

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self._health, timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def _serve() -> list[str]:
    return [str(_COMMAND), "serve", "--host", "127.0.0.1"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
