"""What `/metrics` tells Prometheus: the hub's counters, and what waits for the disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from officina.server.documents import Documents
from officina.server.relay import Relay
from officina.sync import Hub

_COUNTERS: Final = (
    ("messages_in", "WebSocket messages received"),
    ("bytes_in", "Bytes received from sockets"),
    ("frames_out", "WebSocket frames sent"),
    ("bytes_out", "Bytes handed to sockets"),
    ("updates", "Document updates that brought something new"),
    ("repeated_updates", "Document updates that brought nothing new"),
    ("awareness", "Awareness messages that brought something new"),
    ("repeated_awareness", "Awareness messages that brought nothing new"),
    ("appends", "Records handed to the update log"),
    ("opened", "Peers let into a document"),
    ("refused", "Peers closed for what they sent"),
    ("slow_peers_closed", "Peers closed because they read too slowly"),
    ("timed_out", "Peers closed because they stopped answering"),
)


class ServerCollector(Collector):
    """Reads all counters when Prometheus asks, so that counting costs nothing in between."""

    def __init__(self, hub: Hub, relay: Relay, documents: Documents) -> None:
        self._hub = hub
        self._relay = relay
        self._documents = documents

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the server."""
        stats = self._hub.stats()
        for name, help_text in _COUNTERS:
            yield CounterMetricFamily(f"officina_{name}", help_text, value=getattr(stats, name))
        for name, help_text, value in (
            ("peers", "Connected peers", len(self._relay)),
            ("documents", "Open documents", len(self._documents)),
            (
                "unsaved_documents",
                "Documents with updates not stored",
                len(self._documents.unsaved),
            ),
            ("store_backlog_bytes", "Updates waiting for the disk", self._documents.backlog_bytes),
        ):
            yield GaugeMetricFamily(f"officina_{name}", help_text, value=value)
