"""The replicas of a differential episode: ours, and what is kept of those in the Node process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from officina.crdt import Array, Doc, Snapshot, StackItem, Text, UndoManager, convert_update
from our_edits import ROOTS, Editor

REMOTE = "remote"
"""The origin given to updates that came from outside, so that they are not sent out again."""


@dataclass(frozen=True, slots=True)
class Update:
    """An update in one of the two encodings."""

    data: bytes
    version: int

    def in_version(self, version: int) -> bytes:
        if version == self.version:
            return self.data
        return convert_update(self.data, source=self.version, target=version)


@dataclass(frozen=True, slots=True)
class UndoOptions:
    """What an undo manager captures.

    Args:
        scopes: names of roots; none for the whole document.
        timeout: 0 makes every transaction a step of its own; more than the episode lasts makes
            steps that end only where capturing is stopped. Nothing between, since the clock is no
            part of the seed.
    """

    scopes: list[str]
    timeout: int

    @classmethod
    def at_random(cls, rng: Random) -> UndoOptions:
        scopes: list[list[str]] = [[], ["text"], ["array", "map"], ["everything", "xml"], [*ROOTS]]
        return cls(rng.choice(scopes), rng.choice([0, 10**12]))


class Replica(Protocol):
    """What waits for a replica, and the state it was last known to have."""

    name: str
    inbox: list[Update]
    state: bytes


@dataclass
class YjsReplica:
    """A Yjs document in the Node process."""

    name: str
    inbox: list[Update] = field(default_factory=list)
    state: bytes = b"\0"


@dataclass
class OurReplica:
    """A `Doc` of ours, with the updates that its own edits made.

    Args:
        client: the id it writes under at first.
        rng: makes every choice.
        offsets: how it counts text.
        keeps_deleted: whether it can show what it once was.
        undo: what can be undone, if anything.
    """

    name: str
    client: int
    rng: Random
    offsets: str = "codepoint"
    keeps_deleted: bool = False
    undo: UndoOptions | None = None
    inbox: list[Update] = field(default_factory=list)
    operations: Counter[str] = field(default_factory=Counter)
    doc: Doc[Any] = field(init=False)

    def __post_init__(self) -> None:
        self._outbox: list[Update] = []
        self._open(self._document(self.client))

    @property
    def state(self) -> bytes:
        return self.doc.get_state()

    def edit(self, count: int, crowded: bool) -> list[Update]:
        """Makes random edits, several in one transaction at times; returns their updates."""
        while count > 0:
            count -= self._step_back() or self._edit_together(count, crowded)
        return self.sent()

    def apply(self, updates: Sequence[Update]) -> list[Update]:
        """Applies updates, all of them at once at times; returns what that changed beyond them."""
        if len(updates) > 1 and self.rng.random() < 0.2:
            version = self.rng.choice([1, 2])
            with self.doc.transaction(origin=REMOTE):
                self.doc.apply_updates([u.in_version(version) for u in updates], version=version)
        else:
            for update in updates:
                with self.doc.transaction(origin=REMOTE):
                    self.doc.apply_update(update.data, version=update.version)
        return self.sent()

    def sent(self) -> list[Update]:
        """What has been changed here since the last call."""
        sent, self._outbox = self._outbox, []
        return sent

    def restart(self, client: int) -> None:
        """Forgets the document and reads it back, from its own update or its own file."""
        if self.rng.random() < 0.3:
            options = {"client_id": client, "offsets": self.offsets}
            doc = Doc.from_bytes(self.doc.to_bytes(), skip_gc=self.keeps_deleted, **options)
        else:
            doc = self._document(client)
            version = self.rng.choice([1, 2])
            doc.apply_update(self.doc.get_update(version=version), version=version)
        stacks = self._saved_stacks() if self.rng.random() < 0.5 else {}
        self._open(doc, **stacks)

    def close(self) -> None:
        """Stops listening to the document, without which the two would keep each other alive."""
        self.doc.unobserve(self._subscription)

    def snapshot(self) -> bytes:
        return Snapshot.from_doc(self.doc).encode()

    def position(self) -> bytes:
        """A random place in the root text or the root array."""
        assoc = self.rng.choice([0, -1])
        if self.rng.random() < 0.5:
            text = self.doc.get("text", type=Text)
            return text.sticky_index(self._editor.place(text), assoc).encode()
        array = self.doc.get("array", type=Array)
        return array.sticky_index(self.rng.randint(0, len(array)), assoc).encode()

    def _document(self, client: int) -> Doc[Any]:
        return Doc(client_id=client, offsets=self.offsets, skip_gc=self.keeps_deleted)  # type: ignore[arg-type]

    def _open(self, doc: Doc[Any], **stacks: Any) -> None:
        self.doc = doc
        roots = {name: doc.get(name, type=kind) for name, kind in ROOTS.items()}
        self._editor = Editor(doc, self.rng, self.offsets)
        self._subscription = doc.observe(self._collect)
        self._manager = self.undo and UndoManager(
            doc=doc,
            scopes=[roots[name] for name in self.undo.scopes],
            capture_timeout_millis=self.undo.timeout,
            **stacks,
        )

    def _collect(self, event: Any) -> None:
        if event.origin != REMOTE:
            in_two = self.rng.random() < 0.5
            self._outbox.append(Update(event.update_v2, 2) if in_two else Update(event.update, 1))

    def _saved_stacks(self) -> dict[str, list[StackItem[Any]]]:
        if self._manager is None:
            return {}
        stacks = {"undo_stack": self._manager.undo_stack, "redo_stack": self._manager.redo_stack}
        return {
            name: [StackItem.decode(item.encode()) for item in stack]
            for name, stack in stacks.items()
        }

    def _edit_together(self, most: int, crowded: bool) -> int:
        """One to six edits in a transaction; returns how many."""
        edit = self._editor.edit_in_the_crowd if crowded else self._editor.edit
        together = min(most, self.rng.choice([1, 1, 1, 3, 6]))
        with self.doc.transaction():
            self.operations.update(edit()[0] for _ in range(together))
        return together

    def _step_back(self) -> int:
        """An undo or redo at times, if there is anything to take back; returns how many, 0 or 1."""
        manager = self._manager
        if manager is None or self.rng.random() < 0.75:
            return 0
        act = self.rng.random()
        if act < 0.1:
            manager.stop_capturing()
        if act < 0.6 and manager.can_undo():
            manager.undo()
            self.operations["undo"] += 1
        elif manager.can_redo():
            manager.redo()
            self.operations["redo"] += 1
        else:
            return 0
        return 1
