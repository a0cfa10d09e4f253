"""The `officina` command: serve, replay, export, inspect."""

from __future__ import annotations

import sys
from typing import Final

_SERVER_EXTRA: Final = frozenset(
    {
        "alembic",
        "litestar",
        "msgspec",
        "orjson",
        "prometheus_client",
        "rich",
        "sqlalchemy",
        "structlog",
        "typer",
        "uvicorn",
        "uvloop",
        "websockets",
    }
)


def main() -> None:
    """Run the command; its own packages are an extra that may be missing."""
    try:
        from officina.cli.commands import app
    except ModuleNotFoundError as missing:
        if missing.name not in _SERVER_EXTRA:
            raise
        sys.exit(
            f"the officina command needs {missing.name}; "
            "install it with: pip install 'officina[server]'"
        )
    app()
