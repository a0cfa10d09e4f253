"""PostgreSQL: full-text search for words, pg_trgm for mistyped ones and for whole titles.

A cluster of its own is started in a temporary folder, reached through a socket in it. Needs the
server's programs (Debian: postgresql).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from benches.python.search_inputs import Filters, Listing, Query
from benches.python.search_words import terms, words

_SCHEMA = """
CREATE EXTENSION pg_trgm;
CREATE EXTENSION fuzzystrmatch;
CREATE TABLE listing (
    id integer PRIMARY KEY, whole text COLLATE "C", squashed text COLLATE "C", words tsvector,
    category text, price real, rating real, created bigint, popularity bigint
);
CREATE TABLE vocabulary (word text COLLATE "C" PRIMARY KEY);
"""
_INDEXES = """
INSERT INTO vocabulary SELECT word FROM ts_stat('SELECT words FROM listing');
CREATE INDEX ON listing (whole, popularity DESC);
CREATE INDEX ON listing (squashed, popularity DESC);
CREATE INDEX ON listing USING gin (words);
CREATE INDEX ON listing USING gin (whole gin_trgm_ops);
CREATE INDEX ON vocabulary USING gin (word gin_trgm_ops);
"""
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
_SPELLINGS = """
SELECT word FROM vocabulary
WHERE word %% %(word)s AND levenshtein_less_equal(word, %(word)s, %(typos)s) <= %(typos)s
ORDER BY levenshtein_less_equal(word, %(word)s, %(typos)s), similarity(word, %(word)s) DESC
LIMIT 8
"""
_BEGINNINGS = """
SELECT word FROM vocabulary
WHERE word %% %(word)s
  AND levenshtein_less_equal(left(word, length(%(word)s)), %(word)s, %(typos)s) <= %(typos)s
ORDER BY similarity(word, %(word)s) DESC
LIMIT 8
"""
_SORTS = {"price": "price", "rating": "rating DESC", "newest": "created DESC"}
_BY_POPULARITY = "popularity DESC"
_SHORTEST_MISTYPED, _TWO_TYPOS = 3, 6
_USER = "postgres"

Stage = tuple[str, str, dict[str, str]]
"""A condition, an order, and their values."""


class PostgresSearch:
    """One connection to one server."""

    serves = True

    def __init__(self) -> None:
        self._programs = _programs()
        printed = subprocess.check_output([self._programs / "postgres", "--version"], text=True)
        self.version = printed.split()[2]

    def build(self, listings: Iterable[Listing], folder: Path) -> None:
        self._start(folder)
        self._database = psycopg.connect(
            host=str(folder), user=_USER, dbname="postgres", autocommit=True
        )
        self._database.execute(_SCHEMA)
        with self._database.cursor().copy("COPY listing FROM STDIN") as copy:
            for listing in listings:
                copy.write_row(_row(listing))
        self._database.execute(_INDEXES)
        self._database.execute("VACUUM ANALYZE")

    def add(self, listing: Listing) -> None:
        row = _row(listing)
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO listing VALUES (%s, %s, %s, %s::tsvector, %s, %s, %s, %s, %s)", row
            )
            self._database.execute(
                "INSERT INTO vocabulary SELECT unnest(tsvector_to_array(%s::tsvector))"
                " ON CONFLICT DO NOTHING",
                (row[3],),
            )

    def remove(self, listing: int) -> None:
        self._database.execute("DELETE FROM listing WHERE id = %s", (listing,))

    def search(self, query: Query) -> list[int]:
        typed = terms(query.text)
        if not typed:
            return []
        limits, values = _limits(query.filters)
        if query.sort != "relevance":
            match = {"match": _all_of([[word] for word in typed], unfinished=query.prefix)}
            order = _SORTS[query.sort]
            return self._hits("words @@ %(match)s::tsquery", order, limits, match | values)
        for condition, order, asked in self._stages(query, typed):
            if found := self._hits(condition, order, limits, asked | values):
                return found
        return []

    def resident_bytes(self) -> int:
        """What the server and its backends share counts once."""
        pid = (self._folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return sum(_proportional_bytes(each) for each in (pid, *children))

    def close(self) -> None:
        self._database.close()
        self._run("pg_ctl", "stop", "--wait", "--mode=fast", "--pgdata", self._folder / "data")

    def _stages(self, query: Query, typed: list[str]) -> Iterator[Stage]:
        """What is asked until something is found."""
        whole = " ".join(words(query.text))
        if query.prefix:
            yield "whole LIKE %(begin)s", _BY_POPULARITY, {"begin": whole + "%"}
        else:
            yield "whole = %(whole)s", _BY_POPULARITY, {"whole": whole}
        yield "squashed = %(whole)s", _BY_POPULARITY, {"whole": whole.replace(" ", "")}
        ways = [[word] for word in typed]
        yield _matching(_all_of(ways, unfinished=query.prefix))
        unknown = [word for word in typed if not self._is_known(word)]
        for mistyped in (unknown, typed) if 0 < len(unknown) < len(typed) else (typed,):
            ways = [
                self._spellings(word, unfinished=query.prefix and at == len(typed))
                if word in mistyped
                else [word]
                for at, word in enumerate(typed, start=1)
            ]
            yield _matching(_all_of(ways, unfinished=query.prefix))
        similar = "similarity(whole, %(whole)s) DESC, popularity DESC"
        yield "whole %% %(whole)s", similar, {"whole": whole}

    def _spellings(self, word: str, *, unfinished: bool) -> list[str]:
        """The word itself and those of the vocabulary that it may have been meant for."""
        if len(word) < _SHORTEST_MISTYPED:
            return [word]
        typos = 2 if len(word) >= _TWO_TYPOS else 1
        rows = self._database.execute(
            _BEGINNINGS if unfinished else _SPELLINGS, {"word": word, "typos": typos}
        )
        return [word, *(row[0] for row in rows)]

    def _is_known(self, word: str) -> bool:
        rows = self._database.execute("SELECT 1 FROM vocabulary WHERE word = %s", (word,))
        return rows.fetchone() is not None

    def _hits(self, condition: str, order: str, limits: str, values: dict[str, Any]) -> list[int]:
        statement = f"SELECT id FROM listing WHERE {condition}{limits} ORDER BY {order} LIMIT 10"  # noqa: S608
        return [row[0] for row in self._database.execute(statement.encode(), values)]

    def _start(self, folder: Path) -> None:
        self._folder = folder
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        data = folder / "data"
        self._run(
            "initdb",
            "--username",
            _USER,
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--auth",
            "trust",
            data,
        )
        lines = [f"{key} = '{value}'" for key, value in _SETTINGS.items()]
        lines.append(f"unix_socket_directories = '{folder}'")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        self._run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", folder / "log")

    def _run(self, program: str, *arguments: str | Path) -> None:
        """Run one of the server's programs; as its own user when we are root, whom it refuses."""
        user = _USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        command = [self._programs / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")


def _programs() -> Path:
    """The folder of the server's programs, of the newest version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name)
    )
    if not folders:
        message = "initdb is missing: install PostgreSQL (Debian: postgresql), or name --engines"
        raise FileNotFoundError(message)
    return folders[-1]


def _row(listing: Listing) -> tuple[Any, ...]:
    whole = " ".join(words(listing.title))
    return (
        listing.id,
        whole,
        whole.replace(" ", ""),
        _vector(terms(listing.title), terms(listing.description)),
        listing.category,
        listing.price,
        listing.rating,
        listing.created,
        listing.popularity,
    )


def _vector(title: list[str], description: list[str]) -> str:
    """A tsvector in which the title's words weigh more."""
    weights = dict.fromkeys(description, "D") | dict.fromkeys(title, "A")
    return " ".join(f"{word}:1{weight}" for word, weight in weights.items())


def _limits(filters: Filters) -> tuple[str, dict[str, Any]]:
    conditions = ""
    values: dict[str, Any] = {}
    if filters.category is not None:
        conditions += " AND category = %(category)s"
        values["category"] = filters.category
    if filters.price is not None:
        conditions += " AND price BETWEEN %(low)s::real AND %(high)s::real"
        values["low"], values["high"] = filters.price
    if filters.rating is not None:
        conditions += " AND rating >= %(rating)s::real"
        values["rating"] = filters.rating
    return conditions, values


def _matching(match: str) -> Stage:
    order = "ts_rank(words, %(match)s::tsquery) DESC, popularity DESC"
    return "words @@ %(match)s::tsquery", order, {"match": match}


def _all_of(ways: list[list[str]], *, unfinished: bool) -> str:
    """A tsquery: one way of each word; the last may go on."""
    *first, last = [[f"'{word}'" for word in each] for each in ways]
    groups = [*first, [f"{word}:*" for word in last] if unfinished else last]
    return " & ".join(f"({' | '.join(group)})" for group in groups)


def _proportional_bytes(pid: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    message = f"/proc/{pid}/smaps_rollup has no Pss"
    raise OSError(message)
