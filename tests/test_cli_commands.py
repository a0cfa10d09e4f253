"""The `officina` command as a person meets it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from officina.cli.commands import app
from officina.cli.trace import read_trace
from officina.crdt import Array, Doc, Map, Text
from officina.errors import DecodeError
from officina.store import DataDirectory, SQLiteUpdateLog, Written, open_for_writing


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """`serve` sends its logs to the stream it finds: here one that is closed after the test."""
    yield
    structlog.reset_defaults()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def store(data: Path, name: str, *docs: Doc) -> None:
    def ignore(_: Sequence[Written]) -> None:
        pass

    with DataDirectory(data) as directory:
        log = SQLiteUpdateLog(open_for_writing(directory.database), ignore)
        log.load(name)
        for sequence, doc in enumerate(docs, 1):
            log.append(name, sequence, doc.get_update())
        log.close()


# help


@pytest.mark.parametrize("command", ["serve", "replay", "export", "inspect"])
def test_each_command_explains_itself(command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert "Usage" in result.output


def test_a_missing_extra_is_one_clear_sentence() -> None:
    script = "import sys; sys.modules['typer'] = None\nfrom officina.cli import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr == (
        "the officina command needs typer; install it with: pip install 'officina[server]'\n"
    )


def test_the_package_and_its_engines_import_without_the_server_extra() -> None:
    script = (
        "import sys\n"
        "import officina, officina.crdt, officina.sync, officina.errors\n"
        "print(*sorted(name for name in sys.modules if '.' not in name))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    extra = {"typer", "rich", "litestar", "sqlalchemy", "alembic", "uvicorn", "structlog"}
    assert extra.isdisjoint(done.stdout.split())


# serve


def test_serving_strangers_without_saying_so_is_refused(tmp_path: Path) -> None:
    result = run("serve", "--host", "0.0.0.0", "--data", tmp_path / "data")  # noqa: S104

    assert result.exit_code == 1
    assert "no authentication is configured" in result.output
    assert not (tmp_path / "data").exists()


def test_a_data_directory_in_use_is_refused(tmp_path: Path) -> None:
    with DataDirectory(tmp_path):
        result = run("serve", "--port", 0, "--data", tmp_path)

    assert result.exit_code == 1
    assert "is in use by another officina server" in result.output


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", port, "--data", tmp_path)

    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in result.output


# export


def test_export_writes_the_text_as_it_is(tmp_path: Path) -> None:
    store(tmp_path, "notes", Doc({"body": Text("漢字\nand [bold]more[/bold]")}))

    assert run("export", "notes", "--data", tmp_path).output == "漢字\nand [bold]more[/bold]"


def test_export_writes_every_shared_type_as_json(tmp_path: Path) -> None:
    doc = Doc({"body": Text("hi"), "list": Array([1, None, b"\1\2"]), "map": Map({"a": [True]})})
    store(tmp_path, "notes", doc)

    # Arrays and maps need their type named once; a reader that knows none of them sees them all.
    written = json.loads(run("export", "notes", "--data", tmp_path, "--format", "json").output)

    assert written["list"] == [1, None, "AQI="]
    assert written["map"] == {"a": [True]}


def test_export_writes_files_for_other_programs(tmp_path: Path) -> None:
    doc = Doc({"body": Text("hi 😀"), "list": Array([1])})
    store(tmp_path, "notes", doc)

    file = run("export", "notes", "--data", tmp_path, "--format", "document").stdout_bytes
    update = run("export", "notes", "--data", tmp_path, "--format", "update").stdout_bytes

    assert str(Doc.from_bytes(file).get("body", type=Text)) == "hi 😀"
    assert Doc.from_bytes(file).get_update() == update == doc.get_update()


def test_export_asks_which_text_is_meant_when_there_are_several(tmp_path: Path) -> None:
    store(tmp_path, "notes", Doc({"title": Text("T"), "body": Text("B")}))

    unclear = run("export", "notes", "--data", tmp_path)
    clear = run("export", "notes", "--data", tmp_path, "--text", "title")

    assert unclear.exit_code == 1
    assert "choose one with --text" in unclear.output
    assert clear.output == "T"


def test_export_of_an_unknown_document_says_so(tmp_path: Path) -> None:
    store(tmp_path, "notes", Doc({"body": Text("x")}))

    result = run("export", "nodes", "--data", tmp_path)

    assert result.exit_code == 1
    assert "nothing is stored under the name 'nodes'" in result.output


# inspect


def test_inspect_shows_how_a_document_is_made_up(tmp_path: Path) -> None:
    store(tmp_path, "notes", Doc({"body": Text("hello")}), Doc({"body": Text("x")}))

    result = run("inspect", "notes", "--data", tmp_path)

    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    assert any(line.startswith("log") and "2 updates" in line for line in lines)
    assert any(line.startswith("clients") and line.endswith("2") for line in lines)
    assert any(line.startswith("history") and "6 units inserted" in line for line in lines)
    assert any(line.startswith("pending") and "nothing is missing" in line for line in lines)


def test_inspect_names_the_updates_that_are_missing(tmp_path: Path) -> None:
    doc = Doc({"body": Text("first ")}, client_id=7)
    before = doc.get_state()
    doc.get("body", type=Text).insert(6, "second")
    late = doc.get_update(before)

    def ignore(_: Sequence[Written]) -> None:
        pass

    with DataDirectory(tmp_path) as directory:
        log = SQLiteUpdateLog(open_for_writing(directory.database), ignore)
        log.load("notes")
        log.append("notes", 1, late)
        log.close()

    shown = run("inspect", "notes", "--data", tmp_path).output

    assert "client 7 from 0" in " ".join(shown.split())


# traces


def test_a_trace_is_read_from_json_and_from_gzip(tmp_path: Path) -> None:
    trace = {"startContent": "a", "endContent": "ab", "txns": [{"patches": [[1, 0, "b"]]}]}
    plain, packed = tmp_path / "trace.json", tmp_path / "trace.json.gz"
    plain.write_text(json.dumps(trace))
    packed.write_bytes(gzip.compress(json.dumps(trace).encode()))

    assert read_trace(plain) == read_trace(packed)
    assert read_trace(plain).transactions == (((1, 0, "b"),),)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "cannot read"),
        ("[]", "is no editing trace"),
        ('{"startContent": "", "endContent": ""}', "is no editing trace: KeyError 'txns'"),
        (
            '{"startContent": "", "endContent": "", "txns": [{"patches": [[1]]}]}',
            "is no editing trace",
        ),
        (
            '{"startContent": "", "endContent": "",'
            ' "txns": [{"parents": [], "agent": 0, "patches": []}]}',
            "this trace is concurrent",
        ),
    ],
)
def test_what_is_no_sequential_trace_is_refused_with_the_reason(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "trace.json"
    path.write_text(content)

    with pytest.raises(DecodeError, match=complaint):
        read_trace(path)


def test_replay_says_that_no_server_is_there(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text('{"startContent": "", "endContent": "", "txns": []}')

    result = run("replay", path, "--url", "ws://127.0.0.1:9/yjs/x")

    assert result.exit_code == 1
    assert "cannot connect to ws://127.0.0.1:9/yjs/x" in result.output


LISTINGS = [
    {"title": "Blue sofa", "text": "A [soft] one for long evenings at home", "kind": "home"},
    {
        "title": "Blue sofa set",
        "text": "Three parts that go together well, as told",
        "kind": "home",
    },
    {"title": "Chair", "text": "For those who like to sit upright all day", "kind": "work"},
] * 10


def write_listings(folder: Path, name: str = "listings.jsonl.gz") -> Path:
    lines = [
        json.dumps({"id": number, "price": number * 5, "views": 100 - number, **row})
        for number, row in enumerate(LISTINGS)
    ]
    path = folder / name
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_search_index_guesses_the_fields_and_query_finds_through_typos(tmp_path: Path) -> None:
    made = run("search", "index", write_listings(tmp_path))
    assert made.exit_code == 0, made.output
    assert "30 rows indexed" in made.output
    for line in ("text title (3), text (1)", "facets kind", "numbers price, views"):
        assert line in made.output.splitlines()

    asked = run(
        "search", "query", tmp_path / "listings.idx", "bleu sofaa",
        "--filter", "price=..20", "--filter", "kind=home,work", "--facet", "kind",
    )  # fmt: skip
    assert asked.exit_code == 0, asked.output
    assert "A [soft] one" in asked.output
    assert "sofaa was taken for sofa" in asked.output
    assert "kind home (4)" in asked.output
    assert "4 found in" in asked.output


def test_search_index_takes_named_fields(tmp_path: Path) -> None:
    made = run(
        "search", "index", write_listings(tmp_path), "--out", tmp_path / "own.idx",
        "--text", "title", "--text", "kind=5", "--number", "price", "--order", "-price",
    )  # fmt: skip
    assert "text title (1), kind (5)" in made.output
    asked = run("search", "query", tmp_path / "own.idx", "wrok", "--limit", 1)
    assert "29" in asked.output


def test_search_index_knows_the_endings_and_common_words_of_a_language(tmp_path: Path) -> None:
    rows = write_listings(tmp_path)
    made = run("search", "index", rows, "--language", "english", "--stop-words")
    assert made.exit_code == 0, made.output
    asked = run("search", "query", tmp_path / "listings.idx", "the sofas")
    assert "found in" in asked.output
    assert "was taken for" not in asked.output

    refused = run("search", "index", rows, "--language", "klingon")
    assert refused.exit_code == 1
    assert "no language" in refused.output


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1]", "line 2: a row is an object"),
        ("{", "line 2: "),
        ('{"id": 1, "title": 5}', "'int' object"),
    ],
)
def test_search_index_says_which_row_is_wrong(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"title": "words enough to be a text, and not a value of a facet"}\n' + line)
    made = run("search", "index", path, "--text", "title")
    assert made.exit_code == 1
    assert problem in made.stderr


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (['{"id": 3, "title": "a"}', '{"title": "b"}'], 'line 2: no integer "id"'),
        ([f'{{"id": {2**63}, "title": "a"}}'], "too large"),
    ],
)
def test_search_index_refuses_ids_that_are_none(
    tmp_path: Path, rows: list[str], problem: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(rows))
    made = run("search", "index", path)
    assert made.exit_code == 1
    assert problem in made.stderr
    assert not path.with_suffix(".idx").exists()


def test_search_query_says_what_is_wrong(tmp_path: Path) -> None:
    write_listings(tmp_path)
    run("search", "index", tmp_path / "listings.jsonl.gz")
    for arguments, problem in [
        (["none.idx", "x"], "none.idx: "),
        (["listings.jsonl.gz", "x"], "not a usable index"),
        (["listings.idx", "x", "--filter", "color=blue"], "filters know"),
        (["listings.idx", "x", "--filter", "price=cheap"], "could not convert"),
        (["listings.idx", "x", "--sort", "title"], "no number column"),
    ]:
        asked = run("search", "query", tmp_path / arguments[0], *arguments[1:])
        assert (asked.exit_code, problem in asked.stderr) == (1, True), asked.stderr
