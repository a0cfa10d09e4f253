"""`officina search`: a search index from a JSON Lines file, and questions to it."""

from __future__ import annotations

import html
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from officina.cli.listings import Fields, guess_fields, read_rows
from officina.cli.problems import problems_in_one_sentence
from officina.errors import ConfigurationError
from officina.search import Hit, Index, Results

app = typer.Typer(
    help="A search index of a JSON Lines file, and questions to it.", no_args_is_help=True
)

_output = Console(highlight=False)
_FACET_VALUES = 8

IndexArgument = Annotated[Path, typer.Argument(help="An index that `officina search index` made.")]


@app.command()
def index(
    file: Annotated[
        Path,
        typer.Argument(help="A JSON object on each line; .jsonl or .jsonl.gz.", dir_okay=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the index; beside FILE, as .idx, if not given."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(help="A text field and its weight, as in title=3; repeat it."),
    ] = None,
    facet: Annotated[
        list[str] | None, typer.Option(help="A field to filter by; repeat it.")
    ] = None,
    number: Annotated[
        list[str] | None, typer.Option(help="A number to filter and sort by; repeat it.")
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(help="What decides between equal matches, as in -popularity; repeat it."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="As in english: words of one stem find each other."),
    ] = None,
    stop_words: Annotated[
        bool,
        typer.Option("--stop-words", help="The most common words of the language may be missing."),
    ] = False,
) -> None:
    """Make an index of a JSON Lines file.

    Fields that are not named are guessed from the first rows.
    """
    with problems_in_one_sentence(OSError, ValueError, TypeError, OverflowError):
        start = time.perf_counter()
        fields = _fields(guess_fields(read_rows(file)), text, facet, number, order)
        if not fields.text:
            message = f"{file} has no text to search: name a field with --text"
            raise ConfigurationError(message)
        made = fields.index(language, stop_words=stop_words)
        made.add_many(read_rows(file))
        target = out or file.with_name(file.name.removesuffix(".gz")).with_suffix(".idx")
        made.save(target)
    seconds = time.perf_counter() - start
    _output.print(f"{len(made):,} rows indexed in {seconds:.1f} s: {target}", soft_wrap=True)
    _output.print("text", ", ".join(f"{name} ({weight})" for name, weight in fields.text.items()))
    _output.print("facets", ", ".join(fields.facets) or "none")
    _output.print("numbers", ", ".join(fields.numbers) or "none")
    _output.print(f'Ask it: officina search query {target} "some words"', soft_wrap=True)


@app.command()
def query(
    index: IndexArgument,
    words: Annotated[
        list[str] | None, typer.Argument(help="What to find; without words, everything.")
    ] = None,
    prefix: Annotated[
        bool, typer.Option("--prefix", help="The last word may be unfinished.")
    ] = False,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="As in category=template, category=a,b, price=0..50 or price=..50; repeat it.",
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="A number column, - in front for descending.")
    ] = "relevance",
    facet: Annotated[
        list[str] | None, typer.Option(help="Count the values of it; repeat it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many rows to show.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="How many to leave out before.")] = 0,
) -> None:
    """Ask an index, and show what it finds as a table."""
    with problems_in_one_sentence(OSError, ValueError):
        opened = Index.open(index)
        results = opened.search(
            " ".join(words or ()),
            prefix=prefix,
            filters=dict(_filter(given, opened.fields) for given in filters or ()),
            sort=sort,
            facets=facet or (),
            limit=limit,
            offset=offset,
        )
    _show(results, opened.fields["text"], offset)


def _fields(
    guessed: Fields,
    text: list[str] | None,
    facets: list[str] | None,
    numbers: list[str] | None,
    order: list[str] | None,
) -> Fields:
    """What was asked for, and where nothing was, what was guessed; a field is of one kind only."""
    weights = {
        name: int(weight or 1) for name, _, weight in (given.partition("=") for given in text or ())
    }
    named = {*weights, *(facets or ()), *(numbers or ())}
    chosen = numbers or [name for name in guessed.numbers if name not in named]
    return Fields(
        text=weights
        or {name: weight for name, weight in guessed.text.items() if name not in named},
        facets=facets or [name for name in guessed.facets if name not in named],
        numbers=chosen,
        order=order or [column for column in guessed.order if column.lstrip("-") in chosen],
    )


def _filter(given: str, fields: dict[str, list[str]]) -> tuple[str, Any]:
    """`name=value`, `name=a,b`, `name=least..most`, as `Index.search` takes it."""
    name, _, wanted = given.partition("=")
    if name not in fields["numbers"]:
        return name, wanted.split(",")
    least, between, most = wanted.partition("..")
    if between:
        return name, (float(least) if least else None, float(most) if most else None)
    return name, [float(number) for number in wanted.split(",")]


def _show(results: Results, fields: list[str], offset: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "id", *fields, "typos"):
        table.add_column(name, justify="right" if name in {"", "id", "typos"} else "left")
    for place, hit in enumerate(results, start=offset + 1):
        table.add_row(str(place), str(hit.id), *_marked(hit, fields), str(hit.rank["typos"] or ""))
    if len(results):
        _output.print(table)
    for typed, found in results.corrections.items():
        _output.print(f"[dim]{escape(typed)} was taken for[/dim] {escape(found)}")
    for name, counts in results.facets.items():
        shown = [f"{escape(value)} ({count:,})" for value, count in counts.items()][:_FACET_VALUES]
        more = len(counts) - len(shown)
        _output.print(
            f"[dim]{escape(name)}[/dim]",
            ", ".join(shown) + (f" and {more:,} more" if more > 0 else ""),
        )
    _output.print(f"[dim]{results.total:,} found in {results.elapsed * 1e3:.2f} ms[/dim]")


def _marked(hit: Hit, fields: list[str]) -> list[str]:
    """The texts with what was found in bold."""
    texts = (escape(hit.highlights[name]) for name in fields)
    marked = (text.replace("<mark>", "[bold green]").replace("</mark>", "[/]") for text in texts)
    return [html.unescape(text) for text in marked]
