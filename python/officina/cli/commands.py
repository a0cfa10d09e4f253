"""What each command takes, and how it answers a person."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

import officina
from officina.cli import search
from officina.cli.problems import problems_in_one_sentence
from officina.server import DEFAULT_PORT, Limits, Settings

if TYPE_CHECKING:
    from officina.store import StoredDocument

app = typer.Typer(
    name="officina",
    help="Sync server and tools for editors built on Yjs, and a search index for anything.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(search.app, name="search")

_output = Console(highlight=False)

DataOption = Annotated[
    Path, typer.Option("--data", help="The data directory.", envvar="OFFICINA_DATA")
]
NameArgument = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="The document's name, as in its URL.")
]


class Format(StrEnum):
    """How `export` writes a document."""

    TEXT = "text"
    JSON = "json"
    DOCUMENT = "document"
    UPDATE = "update"


def _show_version(wanted: bool) -> None:
    if wanted:
        _output.print(f"officina {officina.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Sync server and tools for editors built on Yjs, and a search index for anything."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The TCP port; 0 takes a free one.")
    ] = DEFAULT_PORT,
    data: DataOption = Path("officina-data"),
    allow_anonymous: Annotated[
        bool,
        typer.Option(
            "--allow-anonymous",
            help="Listen beyond this machine although nobody is asked who they are.",
        ),
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Let pages of this origin connect, as in https://editor.example; may be repeated."
        ),
    ] = None,
    unload_after: Annotated[
        float, typer.Option(min=0, help="Seconds for which a document nobody uses stays loaded.")
    ] = Limits().unload_after_s,
) -> None:
    """Run the sync server that Yjs editors connect to; SIGTERM or Ctrl+C drains it.

    Documents are at ws://HOST:PORT/yjs/DOCUMENT. Everything is stored in the data directory.
    """
    from officina.server.run import serve as run_server

    settings = Settings(
        host=host,
        port=port,
        data=data,
        allow_anonymous=allow_anonymous,
        allow_origins=frozenset(origin.lower().rstrip("/") for origin in allow_origin or ()),
        limits=Limits(unload_after_s=unload_after),
    )
    with problems_in_one_sentence():
        everything_is_stored = run_server(settings, lambda url: _announce(url, settings))
        raise typer.Exit(0 if everything_is_stored else 1)


def _announce(url: str, settings: Settings) -> None:
    socket_url = url.replace("http", "ws", 1)
    _output.print(f"Officina is listening on {url} and stores in {settings.data}", soft_wrap=True)
    _output.print(
        f"Connect an editor: new WebsocketProvider('{socket_url}/yjs', 'my-document', doc)",
        soft_wrap=True,
    )
    _output.print(f"Open {url} to see how; press Ctrl+C to stop", soft_wrap=True)
    sys.stdout.flush()


@app.command()
def replay(
    trace: Annotated[
        Path,
        typer.Argument(help="A sequential editing trace, .json or .json.gz.", dir_okay=False),
    ],
    url: Annotated[
        str, typer.Option(help="The document to write to, as in ws://127.0.0.1:8800/yjs/trace.")
    ],
    text: Annotated[str, typer.Option(help="The name of the shared text in it.")] = "text",
) -> None:
    """Type an editing trace into a document, one update for each of its transactions.

    Waits until the server has stored everything, then reads the document back over a new connection
    and compares it with the end that the trace promises.
    """
    from officina.cli.replay import replay_trace
    from officina.cli.trace import read_trace

    with problems_in_one_sentence():
        asyncio.run(replay_trace(read_trace(trace), url, text, _output))


@app.command()
def export(
    document: NameArgument,
    data: DataOption = Path("officina-data"),
    format: Annotated[  # noqa: A002 - the option's name
        Format,
        typer.Option(
            help="One shared text as it is; every shared type as JSON; the whole document as a "
            "file for Doc.from_bytes, or as one update for applyUpdate."
        ),
    ] = Format.TEXT,
    text: Annotated[
        str | None, typer.Option(help="Which shared text, when there are several.")
    ] = None,
) -> None:
    """Write a stored document to standard output; a server may be running."""
    from officina.cli.contents import (
        document_file,
        document_json,
        document_text,
        document_update,
    )

    with problems_in_one_sentence():
        stored = _read(data, document)
        match format:
            case Format.TEXT:
                sys.stdout.write(document_text(stored, text))
            case Format.JSON:
                sys.stdout.write(document_json(stored) + "\n")
            case Format.DOCUMENT:
                sys.stdout.buffer.write(document_file(stored))
            case Format.UPDATE:
                sys.stdout.buffer.write(document_update(stored))


@app.command()
def inspect(document: NameArgument, data: DataOption = Path("officina-data")) -> None:
    """Show how a stored document is made up; a server may be running."""
    from officina.cli.contents import describe

    with problems_in_one_sentence():
        stored = _read(data, document)
        table = Table(title=document, title_justify="left", show_header=False, box=None)
        for name, value in describe(stored):
            table.add_row(name, value)
        _output.print(table)


def _read(data: Path, document: str) -> StoredDocument:
    from officina.store import open_store_reader

    with open_store_reader(data) as reader:
        return reader.read(document)
