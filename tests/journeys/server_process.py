"""A server in a process of its own, to be watched, signalled and killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SCRIPT = """
import json, sys
from pathlib import Path
from officina.server import Limits, Settings
from officina.server.run import serve

settings = Settings(port=0, data=Path(sys.argv[1]), limits=Limits(**json.loads(sys.argv[2])))
sys.exit(not serve(settings, lambda url: print(url, flush=True)))
"""


def until(condition: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Wait for a condition of another process, which can only be asked again and again."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.01)


class ServerProcess:
    """A running server; `limits` are fields of `officina.server.Limits`."""

    def __init__(self, data: Path, **limits: float) -> None:
        self.data = data
        self._log = data.with_suffix(".log")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, str(data), json.dumps(limits)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        self.http = self._process.stdout.readline().strip()
        assert self.http, f"the server did not start: {self.log}"
        self.url = self.http.replace("http", "ws", 1) + "/yjs"
        self.port = urlsplit(self.http).port or 0
        self.pid = self._process.pid

    @property
    def log(self) -> str:
        """What it has logged so far, and those before it on the same data."""
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, within_s: float = 30.0) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(within_s)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def health(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.http}/healthz", timeout=10) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as answer:
            with answer:
                return json.load(answer)

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"{self.http}/metrics", timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
