"""The server's own log: a convenience that must never cost an edit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
import structlog

from officina.server.run import configure_logging


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_log_that_nobody_reads_any_more_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as broken:  # noqa: PTH123 - a file descriptor
        monkeypatch.setattr(sys, "stderr", broken)
        configure_logging()

        structlog.get_logger("test").error("cannot be written")

        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
