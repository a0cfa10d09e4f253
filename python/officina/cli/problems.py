"""How a command says what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from officina.errors import OfficinaError

_problems = Console(stderr=True, highlight=False)


@contextmanager
def problems_in_one_sentence(*more: type[Exception]) -> Iterator[None]:
    """Show what a person can do about, without a traceback: officina's errors and those named."""
    expected: tuple[type[Exception], ...] = (OfficinaError, *more)
    try:
        yield
    except expected as error:
        _problems.print(f"[red]officina:[/red] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
