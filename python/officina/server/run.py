"""Builds a server from its parts, runs it until a signal, and takes it down without a loss."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, Final, TextIO, cast

import structlog
import uvicorn
from sqlalchemy import Engine
from uvicorn.server import ServerState

from officina.errors import ConfigurationError
from officina.server.documents import Documents
from officina.server.http import PunctualHTTPProtocol, make_app
from officina.server.metrics import ServerCollector
from officina.server.peer import YjsPeer
from officina.server.relay import Relay
from officina.server.settings import Settings
from officina.store import DataDirectory, SQLiteUpdateLog, Written, open_for_writing
from officina.sync import Hub

_ACCEPT_BACKLOG: Final = 4096

_log = structlog.get_logger("officina.server")


def serve(settings: Settings, announce: Callable[[str], None]) -> bool:
    """Run a server until SIGINT or SIGTERM; blocks.

    Args:
        settings: what to listen on and where to store.
        announce: called once, with the server's URL, when peers can connect.

    Returns:
        Whether everything it received is on disk.

    Raises:
        ConfigurationError: the settings are unsafe, or the address cannot be listened on.
        StorageError: the data directory is in use, or its database cannot be opened.
    """
    settings.check()
    configure_logging()
    with DataDirectory(settings.data) as directory, _listen(settings) as listener:
        engine = open_for_writing(directory.database)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        announce(f"http://{host}:{listener.getsockname()[1]}")
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, listener, engine))


def configure_logging() -> None:
    """Log to standard error: for people on a terminal, as key=value pairs elsewhere."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        renderer,
    ]
    stream = cast(TextIO, _Unbreakable(sys.stderr))
    structlog.configure(processors, logger_factory=structlog.PrintLoggerFactory(stream))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")


class _Unbreakable:
    """The stream for the logs: when nobody reads it any more, the server goes on without."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


async def _serve(settings: Settings, listener: socket.socket, engine: Engine) -> bool:
    loop = asyncio.get_running_loop()
    limits = settings.limits
    hub = Hub(
        max_message_bytes=limits.max_message_bytes,
        max_backlog_bytes=limits.max_backlog_bytes,
        ping_interval=limits.ping_interval_s,
        ping_timeout=limits.ping_timeout_s,
    )
    relay = Relay(hub, loop, limits)

    def on_written(outcomes: Sequence[Written]) -> None:
        loop.call_soon_threadsafe(relay.written, outcomes)

    update_log = SQLiteUpdateLog(engine, on_written)
    documents = Documents(hub, update_log, loop, unload_after_s=limits.unload_after_s)
    relay.attach(documents)
    app = make_app(relay, documents, ServerCollector(hub, relay, documents))
    try:
        config = _uvicorn_config(settings, app, partial(YjsPeer, relay, documents, settings))
        await _QuietServer(config).serve(sockets=[listener])
    finally:
        relay.stop()
        await documents.close()
        await asyncio.to_thread(update_log.close)
    if documents.unsaved:
        _log.error("stopped with unsaved documents", documents=documents.unsaved)
    return not documents.unsaved


class _QuietServer(uvicorn.Server):
    """uvicorn's server, but a signal that it has obeyed does not kill the process afterwards."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, stop at once at the second."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _uvicorn_config(
    settings: Settings, app: Any, make_peer: Callable[[set[YjsPeer]], YjsPeer]
) -> uvicorn.Config:
    class HTTPProtocol(PunctualHTTPProtocol):
        request_timeout_s = settings.limits.handshake_timeout_s

    def websocket(
        config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> YjsPeer:
        return make_peer(cast("set[YjsPeer]", server_state.connections))

    return uvicorn.Config(
        app,
        http=HTTPProtocol,
        ws=cast("type[asyncio.Protocol]", websocket),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(settings.limits.drain_timeout_s),
    )


def _listen(settings: Settings) -> socket.socket:
    """Bind before anything else runs, so that a taken port is one clear sentence."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server(
            (settings.host, settings.port), family=family, backlog=_ACCEPT_BACKLOG
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(
            f"cannot listen on {settings.host}, port {settings.port}: {reason}"
        ) from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
