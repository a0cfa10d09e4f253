"""Real server processes on free ports, with whatever settings a journey needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server_process import ServerProcess


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers on one data directory; whatever still runs at the end is killed."""
    started: list[ServerProcess] = []

    def start(**limits: float) -> ServerProcess:
        server = ServerProcess(tmp_path / "data", **limits)
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def server(start_server: Callable[..., ServerProcess]) -> ServerProcess:
    """One server with the default limits."""
    return start_server()
