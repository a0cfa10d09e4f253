"""Two replicas that edit nothing: one of Yjs and one of ours, which receive the same in one order.

After each delivery both must have the same state and the same deletions, and must have tidied up
the same formatting marks, in the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

from json_values import first_difference
from officina.crdt import merge_updates
from our_portrait import extent, read_by_python, read_by_yjs
from replicas import OurReplica, Update
from yjs_host import Questions, encode

_YJS = "reader"
_CLIENT = 2**32 - 6
"""The author of documents that only read: an id that no experiment hands to a writer."""


class Readers:
    """A Yjs document and one of ours, side by side.

    Args:
        questions: to the Node process.
        rng: decides what is merged on the way, and in which encoding it comes.
        keeps_deleted: whether the two can show what they once were.
    """

    name = _YJS

    def __init__(self, questions: Questions, rng: Random, keeps_deleted: bool) -> None:
        self._questions = questions
        self._rng = rng
        self.ours = OurReplica("our reader", _CLIENT, rng, keeps_deleted=keeps_deleted)
        self._keeps_deleted = keeps_deleted
        self._expected: list[tuple[dict[str, Any], dict[str, Any]]] = []
        questions.ask("create", doc=_YJS, client=_CLIENT, gc=not keeps_deleted)

    def receive(self, updates: Sequence[Update]) -> None:
        """Delivers updates to both; `compare` says whether they agree, once Yjs has answered."""
        left = list(updates)
        while left:
            together = self._rng.choice([1, 1, 1, 2, 5])
            self._deliver(left[:together])
            del left[:together]

    def finish(self) -> None:
        """Compares what can be read from the two in the end."""
        seen: list[dict[str, Any]] = []
        self._questions.ask("describe", seen.append, doc=_YJS)
        self._questions.flush()
        _expect_same(read_by_yjs(seen[0]), read_by_python(self.ours.doc))

    def _deliver(self, updates: list[Update]) -> None:
        version = self._rng.choice([1, 2])
        parts = [update.in_version(version) for update in updates]
        if len(parts) == 1:
            [update] = parts
        else:
            update = merge_updates(*parts, version=version, keep_deleted=self._keeps_deleted)
        tidied = self.ours.apply([Update(update, version)])
        ours = {
            "tidied": [encode(update.in_version(version)) for update in tidied],
            "extent": extent(self.ours.doc),
        }
        theirs: dict[str, Any] = {}
        self._questions.ask(
            "apply",
            partial(theirs.__setitem__, "tidied"),
            doc=_YJS,
            updates=[encode(update)],
            version=version,
            answer_in=version,
        )
        self._questions.ask("extent", partial(theirs.__setitem__, "extent"), doc=_YJS)
        self._expected.append((theirs, ours))

    def compare(self) -> None:
        """Compares after each delivery that Yjs has answered."""
        expected, self._expected = self._expected, []
        for theirs, ours in expected:
            _expect_same(theirs, ours)


def _expect_same(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    if theirs != ours:
        raise AssertionError(f"the readers differ: {first_difference(theirs, ours)}")
