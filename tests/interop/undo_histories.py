"""Random histories of edits, undos and redos: made with our engine, replayed by Yjs, compared.

A `History` is one document with an undo manager and two more that send it updates. What every
step did is written down; Yjs repeats the steps with the same client id, and after each of them
both must have sent the same bytes, and have the same content, the same state vector, the same
deleted ranges, the same number of steps on both stacks, and the same positions. Where an undo
meets a fault of Yjs (see `node/yjs_faults.mjs`), the history is set aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from experiment import (
    YJS_BRINGS_BACK_OTHERS,
    YJS_DISAGREES,
    YJS_FAILS,
    YJS_TAKES_OTHERS,
    Difference,
    Outcome,
)
from json_values import first_difference
from officina.crdt import Assoc, Doc, StickyIndex, Text, UndoManager, merge_updates
from our_edits import ROOTS, Edit, Editor
from our_portrait import extent, read_by_python, read_by_yjs
from our_values import NUMBERS_IN_THE_SAME_BYTES
from replicas import REMOTE
from yjs_host import YjsHost, encode

_SCOPES = [[], ["text"], ["array", "map"], ["everything", "xml"], list(ROOTS)]
_CLIENT = 5
_OTHERS = [3, 9]


class History:
    """One document with an undo manager, and two more that send it updates.

    Args:
        yjs: the Node process.
        seed: makes every choice in it; the same seed repeats the same history.
        length: how many steps it has at most.
    """

    def __init__(self, yjs: YjsHost, seed: int, length: int) -> None:
        self._yjs, self._seed, self._length = yjs, seed, length
        self._rng = rng = Random(seed)
        self._gc = rng.random() < 0.7
        self._doc, self._editor = self._open(_CLIENT)
        self._others = [self._open(client) for client in _OTHERS]
        self._timeout = rng.choice([0, 10**12])
        self._scopes = rng.choice(_SCOPES)
        self._manager = UndoManager(
            doc=self._doc,
            scopes=[self._doc.get(name, type=ROOTS[name]) for name in self._scopes],
            capture_timeout_millis=self._timeout,
        )
        self._origins = ["mine", REMOTE] if rng.random() < 0.2 else [None]
        for origin in filter(None, self._origins):
            self._manager.include_origin(origin)
        self._over = False
        self._positions: list[StickyIndex] = []
        self._steps: list[list[Any]] = []
        self._trace: list[dict[str, Any]] = []
        self._operations: Counter[str] = Counter()
        self._sent: list[str] = []
        self._subscription = self._doc.observe(
            lambda event: self._sent.append(encode(event.update))
        )

    def run(self) -> Outcome:
        """Takes the steps here, then in Yjs, and compares what came of each.

        Raises:
            Difference: a step had another effect in Yjs.
        """
        self._act()
        # The document and what listens to it would keep each other alive.
        self._doc.unobserve(self._subscription)
        replay = self._yjs.call(
            "undoHistory",
            client=_CLIENT,
            gc=self._gc,
            scopes=self._scopes,
            timeout=self._timeout,
            origins=self._origins,
            steps=self._steps,
        )
        for index, (ours, theirs) in enumerate(zip(self._trace, replay, strict=True)):
            if fault := self._fault(index, ours, theirs):
                return Outcome(Counter(), 0, Counter([fault]))
            self._compare(index, ours, theirs)
        return Outcome(self._operations, sum(len(step["updates"]) for step in self._trace))

    def _act(self) -> None:
        for _ in range(self._length):
            if not self._over:
                self._step()
        if self._rng.random() < 0.5:
            while self._manager.can_undo() and not self._over:
                self._take("undo", self._manager.undo)

    def _open(self, client: int) -> tuple[Doc[Any], Editor]:
        doc: Doc[Any] = Doc(client_id=client, offsets="utf16", skip_gc=not self._gc)
        for name, kind in ROOTS.items():
            doc.get(name, type=kind)
        return doc, Editor(doc, self._rng, "utf16", NUMBERS_IN_THE_SAME_BYTES, as_yjs=True)

    def _fault(self, index: int, ours: dict[str, Any], theirs: dict[str, Any]) -> str | None:
        """In which way Yjs is at fault in an undo or redo that it does not do as we do."""
        if self._steps[index][0] not in ("undo", "redo"):
            return None
        if theirs.get("fails"):
            return YJS_FAILS
        if ours["updates"] == theirs.get("updates"):
            return None
        if theirs.get("takesOthers"):
            return YJS_TAKES_OTHERS
        if theirs.get("bringsBackOthers"):
            return YJS_BRINGS_BACK_OTHERS
        if not theirs.get("disagrees"):
            return None
        ours_at_fault = self._yjs.call("reversedIn", update=encode(self._doc.get_update()))
        return None if _CLIENT in ours_at_fault else YJS_DISAGREES

    def _compare(self, index: int, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        if "error" not in theirs:
            theirs["content"] = read_by_yjs(theirs["content"])
        for what in ours:
            if ours[what] != theirs.get(what):
                history = "\n".join(map(repr, self._steps[: index + 1]))
                where = first_difference(ours[what], theirs.get(what, theirs))
                raise Difference(
                    f"seed {self._seed}, step {index}, {what}, scopes {self._scopes}, timeout "
                    f"{self._timeout}, origins {self._origins}, gc {self._gc}:\n"
                    f"  ours against Yjs: {where}\n{history}"
                )

    def _step(self) -> None:
        rng = self._rng
        choice = rng.random()
        if choice < 0.45:
            self._edit("edit", self._origins[0])
        elif choice < 0.5:
            self._edit("other", "other")
        elif choice < 0.62:
            self._receive()
        elif choice < 0.8:
            self._take("undo", self._manager.undo)
        elif choice < 0.9:
            self._take("redo", self._manager.redo)
        elif choice < 0.95:
            self._record("stop", self._manager.stop_capturing)
        elif choice < 0.96 and self._scopes:
            self._record("clear", self._manager.clear)
        elif len(self._positions) < 4:
            text = self._doc.get("text", type=Text)
            index = self._editor.place(text)
            assoc = rng.choice([Assoc.AFTER, Assoc.BEFORE])
            self._positions.append(text.sticky_index(index, assoc))
            self._record("position", lambda: None, index, int(assoc))

    def _edit(self, kind: str, origin: str | None) -> None:
        """Makes edits in one transaction; `_take` says what follows if they have no effect."""
        with self._doc.transaction(origin=origin):
            count = self._rng.choice([1, 1, 1, 2, 5])
            done = [self._made_by(self._editor) for _ in range(count)]
        if self._sent or self._scopes:
            self._record(kind, lambda: None, done)
        else:
            self._over = True

    def _receive(self) -> None:
        """Lets one of the other documents, or both at once, send what they have not sent yet.

        Not while there is something to redo in a scope that is the whole document: Yjs looks for
        marks to tidy up in a transaction of its own, which may be empty, as in `_take`.
        """
        if not self._scopes and self._manager.can_redo():
            return
        senders = self._rng.sample(self._others, self._rng.choice([1, 1, 2]))
        updates = [self._written_by(*sender) for sender in senders]
        update = merge_updates(*updates, keep_deleted=not self._gc)
        self._record("remote", lambda: self._apply(update), encode(update))

    def _written_by(self, other: Doc[Any], editor: Editor) -> bytes:
        if self._rng.random() < 0.7:
            other.apply_update(self._doc.get_update(other.get_state()))
        for _ in range(self._rng.choice([1, 3])):
            self._made_by(editor)
        return other.get_update(self._doc.get_state())

    def _apply(self, update: bytes) -> None:
        with self._doc.transaction(origin=REMOTE):
            self._doc.apply_update(update)

    def _take(self, kind: str, step: Callable[[], bool]) -> None:
        """Takes a step; one without effect ends a history whose scope is the whole document.

        There Yjs takes an empty transaction for a change, and forgets what could be redone.
        """
        if step() or self._scopes:
            self._operations[kind] += 1
            self._record(kind, lambda: None)
        else:
            self._over = True

    def _made_by(self, editor: Editor) -> Edit:
        edit = editor.edit()
        self._operations[edit[0]] += 1
        return edit

    def _record(self, kind: str, act: Any, *arguments: Any) -> None:
        act()
        self._steps.append([kind, *arguments])
        sent, self._sent = self._sent, []
        self._trace.append(
            {
                "updates": sent,
                **extent(self._doc),
                "content": read_by_python(self._doc),
                "stacks": self._stacks(),
                "positions": [[encode(p.encode()), p.get_index()] for p in self._positions],
            }
        )

    def _stacks(self) -> list[int] | None:
        """How many steps there are, unless Yjs counts empty transactions of its own as well."""
        if not self._scopes:
            return None
        return [len(self._manager.undo_stack), len(self._manager.redo_stack)]
