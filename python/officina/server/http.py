"""The HTTP side: how to connect, health, metrics, and a deadline for slow requests."""

from __future__ import annotations

import asyncio
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

import msgspec
from h11 import IDLE, SEND_BODY
from litestar import Litestar, MediaType, Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from uvicorn.protocols.http.h11_impl import H11Protocol

import officina
from officina.server.documents import Documents
from officina.server.metrics import ServerCollector
from officina.server.relay import Relay

_PAGE: Final = Template(files("officina.server").joinpath("index.html").read_text("utf-8"))


class Health(msgspec.Struct, frozen=True):
    """What `/healthz` answers: 200 while everything is stored, 503 while something is not.

    Attributes:
        status: `ok`, or `unsaved` while updates wait for a disk that refuses them.
        version: officina's.
        documents: how many are open.
        peers: how many are connected.
        unsaved: how many documents hold updates that could not be stored.
    """

    status: str
    version: str
    documents: int
    peers: int
    unsaved: int


def make_app(relay: Relay, documents: Documents, collector: ServerCollector) -> Litestar:
    """Build the HTTP application over the running relay."""
    registry = CollectorRegistry()
    registry.register(collector)

    @get("/", media_type=MediaType.HTML, sync_to_thread=False)
    def index(request: Request[Any, Any, Any]) -> str:
        scheme = "wss" if request.url.scheme == "https" else "ws"
        host = request.headers.get("host", "127.0.0.1")
        return _PAGE.substitute(url=escape(f"{scheme}://{host}/yjs"), version=officina.__version__)

    @get("/healthz", sync_to_thread=False)
    def healthz() -> Response[Health]:
        unsaved = len(documents.unsaved)
        status = "unsaved" if unsaved else "ok"
        health = Health(status, officina.__version__, len(documents), len(relay), unsaved)
        return Response(health, status_code=503 if unsaved else 200)

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    @get("/yjs/{document:path}", sync_to_thread=False)
    def not_a_websocket(document: str) -> Response[str]:
        sentence = (
            "A document is opened by a WebSocket client, such as y-websocket; see / for how.\n"
        )
        return Response(
            sentence,
            status_code=426,
            media_type=MediaType.TEXT,
            headers={"upgrade": "websocket", "connection": "upgrade"},
        )

    return Litestar(
        [index, healthz, metrics, not_a_websocket], openapi_config=None, logging_config=None
    )


class PunctualHTTPProtocol(H11Protocol):
    """uvicorn's HTTP protocol with a deadline for each request, which uvicorn itself does not set.

    Without one, connections that never finish a request line hold their sockets for ever.
    """

    request_timeout_s: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request before long."""
        super().connection_made(transport)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a request that has begun."""
        super().data_received(data)
        is_complete = self.conn.their_state not in (IDLE, SEND_BODY)
        if is_complete or self not in self.connections:
            self._stop_expecting()
        elif self._deadline is None:
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_expecting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(self.request_timeout_s, self.transport.abort)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
