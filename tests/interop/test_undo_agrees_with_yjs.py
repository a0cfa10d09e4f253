"""Undo and redo do what npm yjs does, step by step, in random histories with other writers.

A few seconds of it here; `OFFICINA_FUZZ=long` for more. What random histories seldom meet, the
order in which the content of several clients goes and comes back, is written out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from officina.crdt import Doc, UndoManager, merge_updates
from our_edits import ROOTS, Edit, make
from replicas import REMOTE
from undo_histories import History
from yjs_host import YjsHost, encode

LONG = os.environ.get("OFFICINA_FUZZ") == "long"
HISTORIES = 5_000 if LONG else 100
BATCHES = 10


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_undo_and_redo_do_what_yjs_does(yjs: YjsHost, batch: int) -> None:
    for seed in range(batch, HISTORIES, BATCHES):
        History(yjs, seed, 40).run()


class Script:
    """A document of ours, the steps taken in it, and the updates that each made."""

    def __init__(self, origins: list[str | None], timeout: int) -> None:
        self.doc = _document(5)
        self._arguments = {"client": 5, "scopes": [], "gc": True, "timeout": timeout}
        self._arguments["origins"] = self._origins = origins
        self._manager = UndoManager(doc=self.doc, scopes=[], capture_timeout_millis=timeout)
        for origin in filter(None, origins):
            self._manager.include_origin(origin)
        self._steps: list[list[Any]] = []
        self._sent: list[list[str]] = []
        self._subscription = self.doc.observe(
            lambda event: self._sent[-1].append(encode(event.update))
        )

    def edit(self, *edits: Edit) -> None:
        self._take(lambda: self._make(edits, self._origins[0]), "edit", list(edits))

    def edit_untracked(self, *edits: Edit) -> None:
        self._take(lambda: self._make(edits, "other"), "other", list(edits))

    def receive(self, *others: Doc[Any]) -> None:
        update = merge_updates(*[other.get_update(self.doc.get_state()) for other in others])

        def act() -> None:
            with self.doc.transaction(origin=REMOTE):
                self.doc.apply_update(update)

        self._take(act, "remote", encode(update))

    def undo(self) -> None:
        self._take(self._manager.undo, "undo")

    def redo(self) -> None:
        self._take(self._manager.redo, "redo")

    def stop_capturing(self) -> None:
        self._take(self._manager.stop_capturing, "stop")

    def check(self, yjs: YjsHost) -> None:
        """Takes the same steps in Yjs, which must send the same updates."""
        replay = yjs.call("undoHistory", steps=self._steps, **self._arguments)
        assert self._sent == [step["updates"] for step in replay]

    def _make(self, edits: tuple[Edit, ...], origin: str | None) -> None:
        with self.doc.transaction(origin=origin):
            for edit in edits:
                make(self.doc, edit)

    def _take(self, act: Callable[[], object], *step: Any) -> None:
        self._steps.append(list(step))
        self._sent.append([])
        act()


def _document(client: int) -> Doc[Any]:
    doc: Doc[Any] = Doc(client_id=client, offsets="utf16")
    for name, kind in ROOTS.items():
        doc.get(name, type=kind)
    return doc


def test_texts_are_tidied_up_in_the_order_in_which_the_document_met_their_authors(
    yjs: YjsHost,
) -> None:
    script = Script([None], timeout=0)
    texts = {name: ["map.set", ["map"], name, {"$": "text", "value": "xx"}] for name in "ab"}
    bold = {name: ["text.format", ["map", name], 0, 1, {"bold": True}] for name in "ab"}
    script.edit(*texts.values())
    first, second = _document(3), _document(9)
    for other in (first, second):
        other.apply_update(script.doc.get_update())
    make(first, ["array.insert", ["array"], 0, [1]])
    script.receive(first)
    script.edit(*bold.values())
    make(first, bold["a"])
    make(second, bold["b"])
    script.receive(first, second)
    script.undo()
    script.undo()
    script.redo()

    script.check(yjs)


def test_what_several_clients_inserted_in_one_step_is_taken_away_from_the_last_of_them_on(
    yjs: YjsHost,
) -> None:
    script = Script(["mine", REMOTE], timeout=10**12)
    other = _document(3)
    make(other, ["array.insert", ["array"], 0, [1]])
    script.receive(other)
    script.stop_capturing()
    script.edit(["array.insert", ["array"], 1, [2]])
    make(other, ["array.insert", ["array"], 0, [0]])
    script.receive(other)
    script.undo()
    script.redo()

    script.check(yjs)


def test_what_a_step_inserted_and_deleted_does_not_come_back(yjs: YjsHost) -> None:
    script = Script(["mine", REMOTE], timeout=10**12)
    others = [_document(client) for client in (3, 9)]
    for other in others:
        make(other, ["array.insert", ["array"], 0, [1, 2]])
        make(other, ["array.delete", ["array"], 0, 1])
    script.receive(*others)
    script.undo()
    script.redo()
    script.undo()

    script.check(yjs)


def test_what_is_typed_behind_what_an_undo_brought_back_goes_when_deleted_at_once(
    yjs: YjsHost,
) -> None:
    script = Script(["mine"], timeout=10**12)
    script.edit(["array.insert", ["array"], 0, [1]])
    script.stop_capturing()
    script.edit(["array.delete", ["array"], 0, 1])
    script.undo()
    script.edit_untracked(
        ["array.insert", ["array"], 1, ["two", False]], ["array.delete", ["array"], 2, 1]
    )
    script.edit_untracked(["array.delete", ["array"], 0, 2])
    script.undo()

    script.check(yjs)


def test_what_grows_together_with_what_an_undo_brought_back_is_kept_with_it(yjs: YjsHost) -> None:
    script = Script(["mine"], timeout=10**12)
    script.edit(["text.insert", ["text"], 0, "ab", None])
    script.stop_capturing()
    script.edit(["text.delete", ["text"], 0, 2])
    script.undo()
    script.edit_untracked(["text.insert", ["text"], 2, "cd", None])
    script.edit_untracked(["text.delete", ["text"], 1, 2])

    script.check(yjs)


def _with_a_text(value: str) -> Script:
    """A text in an array, which every edit is a step of its own to."""
    script = Script([None], timeout=0)
    script.edit(["array.insert", ["array"], 0, [{"$": "text", "value": value}]])
    return script


def _delete_the_text_and_undo(script: Script) -> None:
    script.edit(["array.delete", ["array"], 0, 1])
    script.undo()


def test_what_came_back_in_parts_that_grew_together_is_taken_away_in_one(yjs: YjsHost) -> None:
    script = _with_a_text("z")
    script.edit(["text.insert", ["array", 0], 0, "abc", None], ["text.delete", ["array", 0], 3, 4])
    _delete_the_text_and_undo(script)
    other = _document(3)
    other.apply_update(script.doc.get_update())
    make(other, ["text.delete", ["array", 0], 1, 2])
    script.receive(other)
    _delete_the_text_and_undo(script)
    script.undo()

    script.check(yjs)


def test_what_came_back_beside_is_a_neighbor_also_when_it_came_back_twice_in_one_text(
    yjs: YjsHost,
) -> None:
    script = _with_a_text("a")
    script.edit(["text.delete", ["array", 0], 0, 1])
    script.edit(["text.insert", ["array", 0], 0, "b", None])
    _delete_the_text_and_undo(script)
    script.edit(["text.delete", ["array", 0], 0, 1])
    script.undo()
    _delete_the_text_and_undo(script)
    script.undo()
    script.undo()

    script.check(yjs)
