"""Types a trace into a document on a server, and checks what the server keeps of it."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from officina.cli.trace import Patch, Trace
from officina.client import YjsClient
from officina.crdt import Doc, Text
from officina.errors import LocalProtocolError, StorageError

_BATCH: Final = 256


async def replay_trace(trace: Trace, url: str, text_name: str, console: Console) -> None:
    """Replay `trace` into the document at `url`, wait until it is stored, read it back and compare.

    Raises:
        LocalProtocolError: the document has text already, so the end could not be compared.
        StorageError: what is read back is not the trace's end.
        RemoteProtocolError: the server refuses, or cannot store something.
    """
    started = perf_counter()
    with _progress(console) as progress:
        await _type(trace, url, text_name, progress)
    seconds = perf_counter() - started
    found = await _read_back(url, text_name)
    if found != trace.end:
        raise StorageError(
            f"the document differs from the trace's end: {_difference(found, trace.end)}"
        )
    count = len(trace.transactions)
    console.print(
        f"{count:,} transactions typed and stored in {seconds:.1f} s ({count / seconds:,.0f}/s); "
        f"read back over a new connection, the text is identical ({len(found):,} code points)",
        soft_wrap=True,
    )


async def _type(trace: Trace, url: str, text_name: str, progress: Progress) -> None:
    doc = Doc()
    text = doc.get(text_name, type=Text)
    async with YjsClient(url, doc) as client:
        if len(text):
            raise LocalProtocolError(
                f"the document at {url} has {len(text):,} code points of text already; "
                "replay into a new one"
            )
        if trace.start:
            text.insert(0, trace.start)
        typed = progress.add_task("typed", total=len(trace.transactions))
        stored = progress.add_task("stored", total=len(trace.transactions))
        for index, patches in enumerate(trace.transactions, 1):
            with doc.transaction():
                _apply(text, patches)
            if index % _BATCH == 0:
                await client.throttle()
                progress.update(typed, completed=index)
                progress.update(stored, completed=client.confirmed)
        progress.update(typed, completed=len(trace.transactions))
        await client.flush()
        progress.update(stored, completed=len(trace.transactions))


def _apply(text: Text, patches: tuple[Patch, ...]) -> None:
    for at, deleted, inserted in patches:
        if deleted:
            del text[at : at + deleted]
        if inserted:
            text.insert(at, inserted)


async def _read_back(url: str, text_name: str) -> str:
    doc = Doc()
    text = doc.get(text_name, type=Text)
    async with YjsClient(url, doc):
        return str(text)


def _difference(found: str, expected: str) -> str:
    pairs = zip(found, expected, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(found), len(expected)))
    return (
        f"{len(found):,} code points instead of {len(expected):,}, the first difference at {at:,}"
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>6}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )
