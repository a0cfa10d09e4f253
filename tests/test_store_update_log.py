"""The update log on real files: what was reported stored is there, whatever happened since."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from officina.errors import DocumentDamaged, LocalProtocolError, StorageError
from officina.store import (
    DataDirectory,
    SQLiteUpdateLog,
    StoredDocument,
    Written,
    open_for_writing,
    open_store_reader,
)
from officina.store.compaction import BUSY_FLOOR_BYTES


class Outcomes:
    """Collects what the writer reports, and waits for it."""

    def __init__(self) -> None:
        self.all: list[Written] = []
        self._changed = threading.Condition()

    def __call__(self, outcomes: Sequence[Written]) -> None:
        with self._changed:
            self.all.extend(outcomes)
            self._changed.notify_all()

    def wait_for(self, document: str, sequence: int) -> Written:
        """The first outcome that reaches `sequence`."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._find(document, sequence), timeout=30)
            return self._find(document, sequence)[0]

    def forget(self) -> None:
        with self._changed:
            self.all.clear()

    def _find(self, document: str, sequence: int) -> list[Written]:
        return [one for one in self.all if one.document == document and one.sequence >= sequence]


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@contextmanager
def open_log(
    data: Path, outcomes: Callable[[Sequence[Written]], None]
) -> Iterator[SQLiteUpdateLog]:
    with DataDirectory(data) as directory:
        log = SQLiteUpdateLog(open_for_writing(directory.database, busy_timeout_s=0.1), outcomes)
        try:
            yield log
        finally:
            log.close()


def store(data: Path, document: str, updates: Sequence[bytes]) -> None:
    """Store updates 1, 2, 3 … of a new document."""
    with open_log(data, Outcomes()) as log:
        log.load(document)
        for sequence, update in enumerate(updates, 1):
            log.append(document, sequence, update)


def read(data: Path, document: str) -> StoredDocument:
    with open_store_reader(data) as reader:
        return reader.read(document)


def damage(data: Path, needle: bytes) -> None:
    """Flip one bit of the only place in the database where `needle` stands."""
    database = data / "officina.sqlite3"
    content = bytearray(database.read_bytes())
    assert content.count(needle) == 1
    content[content.index(needle)] ^= 1
    database.write_bytes(content)


def execute(data: Path, statement: str) -> None:
    connection = sqlite3.connect(data / "officina.sqlite3")
    connection.execute(statement)
    connection.commit()
    connection.close()


# Appending


def test_updates_are_read_back_in_sequence(data: Path) -> None:
    store(data, "a/b", [b"one", b"two", b"three"])

    stored = read(data, "a/b")

    assert stored.updates == (b"one", b"two", b"three")
    assert stored.sequence == 3


def test_a_document_nobody_edited_leaves_no_trace(data: Path, outcomes: Outcomes) -> None:
    with open_log(data, outcomes) as log:
        assert log.load("empty").records == []

    with open_store_reader(data) as reader:
        assert reader.names() == []


def test_appends_that_wait_together_share_one_commit(data: Path) -> None:
    first, rest = threading.Event(), threading.Event()
    commits: list[list[Written]] = []

    def report(written: Sequence[Written]) -> None:
        commits.append(list(written))
        first.set()
        rest.wait(timeout=30)  # the writer stands still: everything else gathers in the queue

    with open_log(data, report) as log:
        for document in ("a", "b"):
            log.load(document)
        log.append("a", 1, b"x")
        first.wait(timeout=30)
        for sequence in range(1, 501):
            log.append("a", sequence + 1, b"x")
            log.append("b", sequence, b"x")
        rest.set()

    assert [len(commit) for commit in commits] == [1, 2]
    assert read(data, "a").sequence == 501


def test_every_append_is_answered_with_the_sequence_it_reached(
    data: Path, outcomes: Outcomes
) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 1, b"x")
        assert outcomes.wait_for("a", 1) == Written("a", 1)


def test_an_update_that_leaves_a_gap_is_refused(data: Path, outcomes: Outcomes) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 1, b"x")
        log.append("a", 3, b"z")
        assert outcomes.wait_for("a", 3).error is not None

    assert read(data, "a").updates == (b"x",)


def test_a_document_must_be_loaded_before_it_is_appended_to(data: Path, outcomes: Outcomes) -> None:
    with open_log(data, outcomes) as log, pytest.raises(LocalProtocolError, match="not loaded"):
        log.append("a", 1, b"x")


# Snapshots


def test_a_snapshot_takes_the_place_of_the_updates_it_covers(
    data: Path, outcomes: Outcomes
) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        for sequence in (1, 2, 3):
            log.append("a", sequence, b"x%d" % sequence)
        log.save_snapshot("a", 2, b"x1x2")
        assert outcomes.wait_for("a", 3)

    stored = read(data, "a")
    assert stored.records == [b"x1x2", b"x3"]
    assert stored.sequence == 3


def test_a_snapshot_closes_the_gap_that_a_failed_append_left(
    data: Path, outcomes: Outcomes
) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 5, b"lost its elders")
        assert outcomes.wait_for("a", 5).error is not None
        log.save_snapshot("a", 5, b"whole")
        log.append("a", 6, b"next")

    assert read(data, "a").records == [b"whole", b"next"]


def test_an_older_snapshot_does_not_replace_a_newer_one(data: Path, outcomes: Outcomes) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.save_snapshot("a", 9, b"newer")
        log.save_snapshot("a", 4, b"older")

    assert read(data, "a").records == [b"newer"]
    assert sum(written.snapshots for written in outcomes.all) == 2


def test_a_snapshot_is_due_when_the_log_outgrows_the_last_one(
    data: Path, outcomes: Outcomes
) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 1, bytes(BUSY_FLOOR_BYTES - 100))
        assert not outcomes.wait_for("a", 1).snapshot_due
        log.append("a", 2, bytes(100))
        assert outcomes.wait_for("a", 2).snapshot_due


def test_saving_costs_as_much_as_the_edits_and_not_as_the_document(
    data: Path, outcomes: Outcomes
) -> None:
    """A document grows by 64 KiB an edit; snapshots write less than twice what was edited."""
    edit, edits, snapshot_bytes = 64 << 10, 64, 0
    with open_log(data, outcomes) as log:
        log.load("a")
        for sequence in range(1, edits + 1):
            log.append("a", sequence, bytes(edit))
            if outcomes.wait_for("a", sequence).snapshot_due:
                log.save_snapshot("a", sequence, bytes(sequence * edit))
                snapshot_bytes += sequence * edit
                outcomes.forget()

    assert 0 < snapshot_bytes < 2 * edits * edit


# Damage


def test_a_torn_last_record_is_left_out_with_a_warning(
    data: Path, outcomes: Outcomes, capsys: pytest.CaptureFixture[str]
) -> None:
    store(data, "a", [b"first-record", b"second-record", b"third-record"])
    damage(data, b"third-record")

    with open_log(data, outcomes) as log:
        stored = log.load("a")

    assert stored.updates == (b"first-record", b"second-record")
    assert stored.torn_sequence == 3
    assert "torn last record left out" in capsys.readouterr().out


def test_the_next_append_sets_a_torn_record_aside_and_takes_its_sequence(
    data: Path, outcomes: Outcomes
) -> None:
    store(data, "a", [b"first-record", b"torn-record"])
    damage(data, b"torn-record")

    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 2, b"new-record")

    assert read(data, "a").updates == (b"first-record", b"new-record")
    with sqlite3.connect(data / "officina.sqlite3") as database:
        assert database.execute("SELECT sequence FROM torn_update").fetchall() == [(2,)]


def test_a_torn_record_stays_where_it_is_until_something_takes_its_place(
    data: Path, outcomes: Outcomes
) -> None:
    store(data, "a", [b"first-record", b"torn-record"])
    damage(data, b"torn-record")
    with open_log(data, outcomes) as log:
        log.load("a")

    assert read(data, "a").torn_sequence == 2


def test_a_damaged_middle_stops_that_document_and_no_other(data: Path, outcomes: Outcomes) -> None:
    store(data, "a", [b"first-record", b"middle-record", b"last-record"])
    store(data, "b", [b"healthy"])
    damage(data, b"middle-record")

    with open_log(data, outcomes) as log:
        with pytest.raises(DocumentDamaged, match="record 2 of 3 fails its checksum") as damaged:
            log.load("a")
        assert log.load("b").updates == (b"healthy",)

    assert damaged.value.document == "a"


def test_a_damaged_document_is_left_exactly_as_it_was(data: Path, outcomes: Outcomes) -> None:
    store(data, "a", [b"first-record", b"middle-record", b"last-record"])
    damage(data, b"middle-record")
    before = (data / "officina.sqlite3").read_bytes()

    with open_log(data, outcomes) as log:
        with pytest.raises(DocumentDamaged):
            log.load("a")
        with pytest.raises(LocalProtocolError, match="not loaded"):
            log.append("a", 4, b"x")

    assert (data / "officina.sqlite3").read_bytes() == before


def test_a_missing_sequence_stops_the_document(data: Path) -> None:
    store(data, "a", [b"one", b"two", b"three"])
    execute(data, "DELETE FROM document_update WHERE sequence = 2")

    with pytest.raises(DocumentDamaged, match="record 2 is missing, 3 follows"):
        read(data, "a")


def test_a_document_that_lost_all_its_records_is_damaged_and_not_empty(data: Path) -> None:
    store(data, "a", [b"one"])
    execute(data, "DELETE FROM document_update")

    with pytest.raises(DocumentDamaged, match="all of its records are missing"):
        read(data, "a")


def test_a_damaged_snapshot_stops_the_document(data: Path, outcomes: Outcomes) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.save_snapshot("a", 7, b"whole-document")
    damage(data, b"whole-document")

    with pytest.raises(DocumentDamaged, match="its snapshot at 7 fails its checksum"):
        read(data, "a")


def test_a_record_that_was_moved_to_another_document_fails(data: Path) -> None:
    store(data, "a", [b"same", b"same"])
    store(data, "b", [b"same", b"same"])
    execute(data, "UPDATE document SET name = 'c' WHERE name = 'a'")

    with pytest.raises(DocumentDamaged, match="record 1 of 2"):
        read(data, "c")


@pytest.mark.parametrize("seed", range(40))
def test_no_flipped_byte_anywhere_in_the_file_changes_a_document_unnoticed(
    data: Path, outcomes: Outcomes, seed: int
) -> None:
    """Either the document is what was stored, or what was stored less a torn end, or an error."""
    updates = [b"update %d of the document " % number * 20 for number in range(60)]
    store(data, "a", updates)
    database = data / "officina.sqlite3"
    content = bytearray(database.read_bytes())
    at = len(content) * (2 * seed + 1) // 80
    content[at] ^= 0xFF
    database.write_bytes(content)

    try:
        with open_log(data, outcomes) as log:
            records = log.load("a").records
    except StorageError:
        return
    assert records in (updates, updates[:-1])


@pytest.mark.parametrize("kept", [0, 1, 100, 4096, 8192, 20_000, 39_999])
def test_a_write_ahead_log_cut_at_any_byte_leaves_a_prefix(data: Path, kept: int) -> None:
    """A power cut in the middle of a commit, as the file system may leave it."""
    updates = [b"update %d" % number * 30 for number in range(200)]
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from test_store_update_log import Outcomes, open_log\n"
        "outcomes = Outcomes()\n"
        "with open_log(Path(sys.argv[1]), outcomes) as log:\n"
        "    log.load('a')\n"
        "    for number in range(200):\n"
        "        log.append('a', number + 1, b'update %d' % number * 30)\n"
        "        if number % 40 == 39: outcomes.wait_for('a', number + 1)\n"
        "    os._exit(0)\n"
    )
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", script, str(data), here], check=True, timeout=60)
    wal = data / "officina.sqlite3-wal"
    os.truncate(wal, min(kept, wal.stat().st_size))

    with open_log(data, Outcomes()) as log:
        records = log.load("a").records

    assert records == updates[: len(records)]


# Failing storage


def test_a_locked_database_fails_the_commit_and_a_snapshot_repairs_it(
    data: Path, outcomes: Outcomes
) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        blocker = sqlite3.connect(data / "officina.sqlite3", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        log.append("a", 1, b"x")
        error = outcomes.wait_for("a", 1).error
        assert isinstance(error, StorageError)
        assert "locked" in str(error)
        blocker.execute("ROLLBACK")
        blocker.close()
        outcomes.forget()
        log.save_snapshot("a", 1, b"whole")
        assert outcomes.wait_for("a", 1).error is None

    assert read(data, "a").records == [b"whole"]


@contextmanager
def full_disk(data: Path) -> Iterator[None]:
    """No file of this process can grow: the system's own answer to a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(path.stat().st_size for path in data.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_fails_the_commit_and_the_log_goes_on_afterwards(
    data: Path, outcomes: Outcomes
) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 1, b"before")
        outcomes.wait_for("a", 1)
        with full_disk(data):
            log.append("a", 2, bytes(4 << 20))
            assert outcomes.wait_for("a", 2).error is not None
        log.append("a", 2, b"after")
        outcomes.wait_for("a", 2)

    assert read(data, "a").updates == (b"before", b"after")


# Several processes


def test_a_second_server_is_kept_out_of_a_data_directory_in_use(data: Path) -> None:
    with DataDirectory(data), pytest.raises(StorageError, match=f"process {os.getpid()}"):
        DataDirectory(data)


def test_a_data_directory_is_free_again_once_it_is_released(data: Path) -> None:
    with DataDirectory(data):
        pass
    with DataDirectory(data):
        pass


def test_a_reader_sees_what_a_running_server_has_stored(data: Path, outcomes: Outcomes) -> None:
    with open_log(data, outcomes) as log:
        log.load("a")
        log.append("a", 1, b"x")
        outcomes.wait_for("a", 1)

        assert read(data, "a").updates == (b"x",)


def test_a_reader_says_that_a_directory_holds_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database"), open_store_reader(tmp_path):
        pass


def test_a_file_that_is_no_database_is_refused_and_kept(data: Path) -> None:
    data.mkdir()
    (data / "officina.sqlite3").write_bytes(b"a letter to my aunt " * 100)

    with pytest.raises(StorageError, match="not a database"):
        open_for_writing(data / "officina.sqlite3")

    assert (data / "officina.sqlite3").read_bytes().startswith(b"a letter")


def test_a_database_of_a_newer_version_is_refused(data: Path) -> None:
    store(data, "a", [b"x"])
    execute(data, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StorageError, match="another version"):
        open_for_writing(data / "officina.sqlite3")
    with pytest.raises(StorageError, match="schema 9999"):
        read(data, "a")


def test_what_was_reported_stored_survives_a_writer_killed_at_any_moment(data: Path) -> None:
    """Writers in turn, each killed while it writes; each continues where the last one was."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from test_store_update_log import Outcomes, open_log\n"
        "outcomes = Outcomes()\n"
        "with open_log(Path(sys.argv[1]), outcomes) as log:\n"
        "    start = log.load('a').sequence\n"
        "    for sequence in range(start + 1, start + 100_001):\n"
        "        log.append('a', sequence, b'%d' % sequence)\n"
        "        if sequence % 20 == 0:\n"
        "            print(outcomes.wait_for('a', sequence - 10).sequence, flush=True)\n"
        "            outcomes.forget()\n"
    )
    here = str(Path(__file__).parent)
    reported = 0
    for round_number in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(data), here], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(1 + 7 * round_number):
            reported = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        reported = max([reported, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()

        stored = read(data, "a")
        assert stored.sequence >= reported
        assert stored.updates == tuple(b"%d" % number for number in range(1, stored.sequence + 1))


# The schema


def test_the_migrations_make_exactly_the_schema_in_the_code(data: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from officina.store.schema import HEAD_REVISION, metadata

    store(data, "a", [b"x"])
    engine = create_engine(f"sqlite:///{data / 'officina.sqlite3'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    migrations = Path(sys.modules["officina.store"].__path__[0]) / "migrations"
    assert ScriptDirectory(str(migrations)).get_current_head() == HEAD_REVISION
