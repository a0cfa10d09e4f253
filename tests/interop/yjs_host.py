"""The official Yjs packages, run by Node behind a pipe and spoken to from Python.

One `YjsHost` is one Node process. `call` asks one thing; `batch` sends many in one line, because a
round trip through the pipe costs more than most of the questions. What can be asked is listed in
`node/documents.mjs` and `node/peers.mjs`.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import tempfile
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_HERE = Path(__file__).parent
_ANSWER_WITHIN_SECONDS = 180.0


class NodeMissing(Exception):
    """Node.js, or the packages it needs, are not there; the message says what to install."""


class YjsError(Exception):
    """Yjs, or a condition waited for in Node, failed; carries the JavaScript stack."""


def encode(data: bytes) -> str:
    """Bytes as they travel through the pipe."""
    return b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Bytes as they came through the pipe."""
    return b64decode(text)


class YjsHost:
    """A Node process that holds Yjs documents and y-websocket clients by name."""

    def __init__(self) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            [_node(), str(_HERE / "node" / "host.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._next_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def call(self, method: str, **arguments: Any) -> Any:
        """Asks one question and returns its answer."""
        return self.batch([(method, arguments)])[0]

    def batch(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Asks several questions, answered in order.

        Raises:
            YjsError: one of them failed; those after it were not asked.
        """
        self._next_id += 1
        request = {"id": self._next_id, "calls": calls}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        reply = self._reply()
        assert reply["id"] == self._next_id
        if "error" in reply:
            raise YjsError(reply["error"])
        results: list[Any] = reply["results"]
        return results

    def close(self) -> None:
        """Ends the Node process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._stderr.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _reply(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=_ANSWER_WITHIN_SECONDS)
        except queue.Empty:
            raise YjsError(f"no answer from Node within {_ANSWER_WITHIN_SECONDS} s") from None
        if not line:
            self._stderr.seek(0)
            raise YjsError(f"Node ended: {self._stderr.read().decode(errors='replace')}")
        reply: dict[str, Any] = json.loads(line)
        return reply


class Questions:
    """Collects questions for a host, asks them in one batch, and hands each its answer."""

    def __init__(self, host: YjsHost) -> None:
        self._host = host
        self._calls: list[tuple[str, dict[str, Any]]] = []
        self._answers: list[Callable[[Any], object]] = []

    def ask(
        self, method: str, answer: Callable[[Any], object] = lambda _: None, **arguments: Any
    ) -> None:
        """Asks with the next `flush`, which calls `answer` with what comes back."""
        self._calls.append((method, arguments))
        self._answers.append(answer)

    def flush(self) -> None:
        """Asks everything, in order.

        Raises:
            YjsError: one of the questions failed; those after it were not asked, none is answered.
        """
        calls, self._calls = self._calls, []
        answers, self._answers = self._answers, []
        for answer, result in zip(answers, self._host.batch(calls), strict=True):
            answer(result)

    def forget(self) -> None:
        """Drops what has not been asked."""
        self._calls.clear()
        self._answers.clear()


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise NodeMissing(
            "Node.js is not on PATH: install version 20 or newer to test against the Yjs packages"
        )
    if not (_HERE / "node_modules" / "yjs").is_dir():
        raise NodeMissing(f"the official Yjs packages are missing: run `npm ci` in {_HERE}")
    return node
