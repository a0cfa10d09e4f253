"""The life of a document between the hub and the log, with a log that does what the test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from officina.crdt import Doc, Text
from officina.errors import DocumentDamaged, OfficinaError, StorageError
from officina.server import documents as documents_module
from officina.server.documents import Documents
from officina.store import StoredDocument, Written
from officina.sync import Hub

UPDATE = Doc({"text": Text("hello")}).get_update()


class ScriptedLog:
    """An `UpdateLog` in memory: it records what it is asked to do and never answers by itself."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredDocument] = {}
        self.loads = 0
        self.may_load = threading.Event()
        self.may_load.set()
        self.appends: list[tuple[str, int, bytes]] = []
        self.snapshots: list[tuple[str, int, bytes]] = []
        self.released: list[str] = []
        self.backlog_bytes = 0
        self.is_long = False
        self.error: OfficinaError | None = None

    def load(self, document: str) -> StoredDocument:
        self.loads += 1
        assert self.may_load.wait(timeout=30)
        if self.error is not None:
            raise self.error
        return self.stored.get(document, StoredDocument(document))

    def append(self, document: str, sequence: int, update: bytes) -> None:
        self.appends.append((document, sequence, update))

    def save_snapshot(self, document: str, sequence: int, update: bytes) -> None:
        self.snapshots.append((document, sequence, update))

    def is_worth_compacting(self, document: str) -> bool:
        return self.is_long

    def release(self, document: str) -> None:
        self.released.append(document)


class Stage:
    """A hub, a scripted log and the documents between them, on a running loop."""

    def __init__(self, unload_after_s: float) -> None:
        self.hub = Hub()
        self.log = ScriptedLog()
        loop = asyncio.get_running_loop()
        self.documents = Documents(self.hub, self.log, loop, unload_after_s=unload_after_s)

    async def join(self, name: str) -> OfficinaError | None:
        answer: asyncio.Future[OfficinaError | None] = asyncio.get_running_loop().create_future()
        self.documents.join(name, answer.set_result)
        return await asyncio.wait_for(answer, 30)

    def edit(self, name: str, text: str) -> None:
        """Let a peer of the hub write, and hand what it appends to the documents."""
        peer = self.hub.open(name, 0.0)
        doc = Doc({"text": Text(text)})
        update = doc.get_update()
        payload = bytes([0, 2, len(update)]) + update
        self.hub.receive(peer, bytes([0x82, 0x80 | len(payload), 0, 0, 0, 0]) + payload, 0.0)
        for append in self.hub.tick(0.0).appends:
            self.documents.append(*append)
        self.hub.lost(peer)
        self.hub.tick(0.0)

    def written(self, *outcomes: Written) -> None:
        self.documents.written(outcomes)


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


def on_stage(play: Any, unload_after_s: float = 3600.0) -> None:
    async def perform() -> None:
        stage = Stage(unload_after_s)
        scene: Coroutine[Any, Any, None] = play(stage)
        await scene
        await stage.documents.close()

    asyncio.run(perform())


def test_joiners_of_one_document_share_one_load() -> None:
    async def play(stage: Stage) -> None:
        stage.log.may_load.clear()
        joining = [asyncio.create_task(stage.join("a")) for _ in range(64)]
        await until(lambda: stage.log.loads == 1)
        stage.log.may_load.set()

        assert await asyncio.gather(*joining) == [None] * 64
        assert stage.log.loads == 1

    on_stage(play)


def test_a_loaded_document_has_what_was_stored() -> None:
    async def play(stage: Stage) -> None:
        stage.log.stored["a"] = StoredDocument("a", 1, snapshot=UPDATE, snapshot_sequence=9)
        await stage.join("a")

        doc = Doc()
        doc.apply_update(stage.hub.snapshot("a")[1])
        assert str(doc.get("text", type=Text)) == "hello"

    on_stage(play)


def test_appends_continue_the_sequence_that_was_stored() -> None:
    async def play(stage: Stage) -> None:
        stage.log.stored["a"] = StoredDocument("a", 1, snapshot=UPDATE, snapshot_sequence=9)
        await stage.join("a")
        stage.edit("a", "more")

        assert [append[:2] for append in stage.log.appends] == [("a", 10)]

    on_stage(play)


def test_a_failed_load_tells_everyone_who_waits_and_writes_nothing() -> None:
    async def play(stage: Stage) -> None:
        stage.log.error = DocumentDamaged("a", "record 2 of 3 fails its checksum")
        answers = await asyncio.gather(stage.join("a"), stage.join("a"))

        assert [type(answer) for answer in answers] == [DocumentDamaged] * 2
        assert not stage.hub.is_loaded("a")
        assert stage.log.appends == stage.log.snapshots == []

    on_stage(play)


def test_a_document_that_could_not_be_loaded_is_tried_again_by_the_next_joiner() -> None:
    async def play(stage: Stage) -> None:
        stage.log.error = StorageError("database is locked")
        assert await stage.join("a") is stage.log.error
        stage.log.error = None

        assert await stage.join("a") is None

    on_stage(play)


def test_a_stored_record_that_cannot_be_decoded_is_damage() -> None:
    async def play(stage: Stage) -> None:
        stage.log.stored["a"] = StoredDocument("a", 1, updates=(UPDATE, b"\xff\xff"))

        assert isinstance(await stage.join("a"), DocumentDamaged)
        assert stage.log.released == ["a"]

    on_stage(play)


def test_a_joiner_that_gave_up_is_not_called() -> None:
    async def play(stage: Stage) -> None:
        stage.log.may_load.clear()
        gone: list[object] = []
        stage.documents.join("a", gone.append)
        patient = asyncio.create_task(stage.join("a"))
        await until(lambda: stage.log.loads == 1)
        stage.documents.give_up("a", gone.append)
        stage.log.may_load.set()

        assert await patient is None
        assert gone == []

    on_stage(play)


def test_a_document_is_unloaded_when_its_last_peer_has_left() -> None:
    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.documents.leave("a")
        await until(lambda: len(stage.documents) == 0)

        assert not stage.hub.is_loaded("a")
        assert stage.log.released == ["a"]

    on_stage(play, unload_after_s=0)


def test_a_document_whose_only_joiner_gave_up_is_unloaded_too() -> None:
    async def play(stage: Stage) -> None:
        stage.documents.join("a", print)
        stage.documents.give_up("a", print)
        await until(lambda: len(stage.documents) == 0)

    on_stage(play, unload_after_s=0)


def test_a_document_is_not_unloaded_before_it_is_stored() -> None:
    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.edit("a", "x")
        stage.documents.leave("a")
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert stage.hub.is_loaded("a")

        stage.written(Written("a", 1))
        await until(lambda: len(stage.documents) == 0)

    on_stage(play, unload_after_s=0)


def test_a_long_log_is_compacted_before_its_document_is_unloaded() -> None:
    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.edit("a", "x")
        stage.written(Written("a", 1))
        stage.log.is_long = True
        stage.documents.leave("a")
        await until(lambda: stage.log.snapshots)
        assert stage.log.snapshots[0][:2] == ("a", 1)
        assert stage.hub.is_loaded("a")

        stage.log.is_long = False
        stage.written(Written("a", 1, snapshots=1))
        await until(lambda: len(stage.documents) == 0)
        assert len(stage.log.snapshots) == 1

    on_stage(play, unload_after_s=0)


def test_a_snapshot_that_is_due_is_taken_once() -> None:
    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.edit("a", "x")
        stage.edit("a", "y")
        stage.written(Written("a", 1, snapshot_due=True))
        stage.written(Written("a", 2, snapshot_due=True))
        await until(lambda: stage.log.snapshots)

        assert [snapshot[:2] for snapshot in stage.log.snapshots] == [("a", 2)]

    on_stage(play)


def test_after_a_failure_nothing_is_appended_until_a_snapshot_closes_the_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents_module, "RETRY_FIRST_S", 0.0)

    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.edit("a", "x")
        stage.written(Written("a", 1, StorageError("disk full")))
        stage.edit("a", "y")
        assert stage.documents.unsaved == ["a"]
        assert [append[1] for append in stage.log.appends] == [1]

        await until(lambda: stage.log.snapshots)
        stage.edit("a", "z")
        sequence = stage.log.snapshots[0][1]
        assert [append[1] for append in stage.log.appends] == [1, sequence + 1]
        assert stage.documents.unsaved == ["a"]

        stage.written(Written("a", sequence, snapshots=1))
        assert stage.documents.unsaved == []

    on_stage(play)


def test_a_failure_is_retried_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_module, "RETRY_FIRST_S", 0.0)

    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.edit("a", "x")
        stage.written(Written("a", 1, StorageError("disk full")))
        for attempt in range(1, 6):
            await until(lambda: len(stage.log.snapshots) == attempt)  # noqa: B023 - awaited here
            sequence = stage.log.snapshots[-1][1]
            stage.written(Written("a", sequence, StorageError("disk full"), snapshots=1))
        assert stage.documents.unsaved == ["a"]

    on_stage(play)


def test_closing_writes_what_could_not_be_stored_before() -> None:
    async def play(stage: Stage) -> None:
        await stage.join("a")
        stage.edit("a", "x")
        stage.written(Written("a", 1, StorageError("disk full")))
        await stage.documents.close()

        assert len(stage.log.snapshots) == 1

    on_stage(play)
