"""Whether replicas that have received everything agree.

Compared are state vectors byte for byte, deleted ranges, content as Yjs reads it, content as Python
reads it, where positions that were taken on the way have gone, and what the document was in the
versions that were taken on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from json_values import first_difference
from officina.crdt import Doc, Snapshot, StickyIndex, Transaction, get_state, merge_updates
from officina.errors import LocalProtocolError
from our_portrait import extent, read_by_python, read_by_yjs
from replicas import Update
from yjs_host import Questions, decode, encode


class Agreement:
    """The end of an episode.

    Args:
        questions: to the Node process.
        theirs: the names of the Yjs replicas.
        ours: our documents, by the names of the replicas.
        sent: every update that any of them made.
        positions: places in the root text and the root array, encoded.
        versions: versions that the document had, encoded.
        keeps_deleted: whether the replicas can show them.
    """

    def __init__(
        self,
        questions: Questions,
        theirs: Sequence[str],
        ours: dict[str, Doc[Any]],
        sent: Sequence[Update],
        positions: Sequence[bytes],
        versions: Sequence[bytes],
        keeps_deleted: bool,
    ) -> None:
        self._questions = questions
        self._theirs = theirs
        self._ours = ours
        self._positions = positions
        self._versions = versions
        self._written = {
            f"{name} in encoding {version}": Update(doc.get_update(version=version), version)
            for name, doc in ours.items()
            for version in (1, 2)
        }
        self._merged = merge_updates(
            *[update.in_version(1) for update in sent], keep_deleted=keeps_deleted
        )

    def check(self) -> None:
        """Raises an `AssertionError` that names the first difference."""
        expected = self._compare_what_yjs_reads()
        self._compare_what_python_reads(expected)
        self._compare_positions()
        self._compare_versions()

    def compare_ours(self, reader: Doc[Any], theirs: Sequence[dict[str, Any]]) -> None:
        """Compares ours where Yjs replicas disagree: each must be what another replica is.

        Args:
            reader: ours that only read.
            theirs: what each of the Yjs replicas is.
        """
        readings = list(map(read_by_yjs, theirs))
        for name, doc in {"our reader": reader, **self._ours}.items():
            _expect_same(f"our reader and {name}", extent(reader), extent(doc))
            content = read_by_python(doc)
            if content not in readings:
                _expect_same(f"Yjs and {name}", readings[0], content)

    def ask_what_yjs_reads_at_once(self, answer: Callable[[dict[str, Any]], None]) -> None:
        """Asks what Yjs makes of everything that was sent, merged by us, in a fresh document."""
        self._questions.ask("read", answer, updates=[encode(self._merged)], version=1)

    def _compare_what_yjs_reads(self) -> dict[str, Any]:
        seen: dict[str, dict[str, Any]] = {}
        for name in self._theirs:
            self._questions.ask("describe", partial(seen.__setitem__, name), doc=name)
        merged = {"merge of all updates": Update(self._merged, 1)}
        for name, update in {**self._written, **merged}.items():
            self._questions.ask(
                "read",
                partial(seen.__setitem__, name),
                updates=[encode(update.data)],
                version=update.version,
            )
        self._questions.flush()
        first = self._theirs[0]
        expected = seen[first]
        # Updates leave out deletions that follow from other deletions; documents do not.
        seen["merge of all updates"]["deleted"] = expected["deleted"]
        for name, description in seen.items():
            _expect_same(f"{first} and {name}", expected, description)
        return expected

    def _compare_what_python_reads(self, expected: dict[str, Any]) -> None:
        state = decode(expected["state"])
        content = read_by_yjs(expected)
        _expect_same("state vector of the merged updates", state, get_state(self._merged))
        for name, doc in self._ours.items():
            _expect_same(f"{name} in Python", content, read_by_python(doc))
            seen = extent(doc)
            _expect_same(f"{name}'s extent", {key: expected[key] for key in seen}, seen)

    def _compare_positions(self) -> None:
        """Where they are in a document that is read from an update, which remembers no undo."""
        if not self._positions:
            return
        positions = [encode(position) for position in self._positions]
        for name, update in self._written.items():
            theirs: list[dict[str, Any]] = []
            self._questions.ask(
                "read",
                theirs.append,
                updates=[encode(update.data)],
                version=update.version,
                positions=positions,
            )
            self._questions.flush()
            doc: Doc[Any] = Doc(offsets="utf16")
            doc.apply_update(update.data, version=update.version)
            with doc.transaction() as transaction:
                ours = [_index(position, transaction) for position in self._positions]
            _expect_same(f"positions in {name}", theirs[0]["positions"], ours)

    def _compare_versions(self) -> None:
        """The document as it was in each version, in every replica."""
        for version in self._versions:
            seen: dict[str, dict[str, Any]] = {}
            for name in self._theirs:
                answer = partial(seen.__setitem__, name)
                self._questions.ask("contentAsOf", answer, doc=name, snapshot=encode(version))
            self._questions.flush()
            read = {name: read_by_yjs(content) for name, content in seen.items()}
            for name, doc in self._ours.items():
                read[name] = read_by_python(Doc.from_snapshot(Snapshot.decode(version), doc))
            first = self._theirs[0]
            for name, content in read.items():
                _expect_same(f"{first} and {name} as of {version.hex()}", read[first], content)


def _index(position: bytes, transaction: Transaction) -> int | None:
    """Where a position is; nowhere if what it stays with is gone."""
    try:
        return StickyIndex.decode(position).get_index(transaction)
    except LocalProtocolError:
        return None


def _expect_same(what: str, left: Any, right: Any) -> None:
    if left != right:
        raise AssertionError(f"{what} differ:\n  {first_difference(left, right)}")
