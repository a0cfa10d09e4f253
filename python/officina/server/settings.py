"""What an operator can choose about a server, checked before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from officina.errors import ConfigurationError

DEFAULT_PORT: Final = 8800


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines in seconds and sizes in bytes that keep one peer from harming the others."""

    handshake_timeout_s: float = 10.0
    close_timeout_s: float = 5.0
    drain_timeout_s: float = 10.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 20.0
    unload_after_s: float = 30.0
    max_message_bytes: int = 64 << 20
    max_backlog_bytes: int = 1_000_000
    socket_buffer_bytes: int = 64 << 10
    store_high_water_bytes: int = 32 << 20
    store_low_water_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's configuration.

    Attributes:
        host: the address or `localhost` to listen on.
        port: the TCP port; 0 takes a free one.
        data: the data directory.
        allow_anonymous: let anyone who reaches the port read and write every document.
        allow_origins: pages of these origins (`https://editor.example`) may connect, besides the
            server's own.
        limits: deadlines and sizes.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data: Path = Path("officina-data")
    allow_anonymous: bool = False
    allow_origins: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach the server."""
        return is_loopback(self.host)

    def check(self) -> None:
        """Refuse what would be unsafe to start.

        Raises:
            ConfigurationError: others could reach the server, and nothing would ask them who they
                are.
        """
        if not (self.is_loopback or self.allow_anonymous):
            raise ConfigurationError(
                f"refusing to listen on {self.host}: no authentication is configured, so everyone "
                "who can reach that address could read and change every document. "
                "Listen on 127.0.0.1, or accept that with --allow-anonymous"
            )


def is_loopback(host: str) -> bool:
    """Whether a host, as written in a URL or a setting, is this machine; looks no name up."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
