"""Two Yjs replicas and two of ours edit one document over a bad network and must agree in the end.

An `Episode` is one document, one seed and so many operations: edits of every shared type, undos and
redos. Each round every replica receives some of what waits for it (see `network.py`) and makes a
few operations of its own. In a crowded episode, one in three, all type single letters into the same
few gaps, under new client ids all the time. Two more replicas only read (see `readers.py`).

Documents can grow without bound: each replica that undoes what several had deleted brings back a
copy of its own, later deletions and undos act on all the copies, and so they multiply, among
replicas of Yjs alone as well. An episode in which more has been sent than `_MOST_BYTES` makes no
further operations, and ends as every other one.

Then everything still under way is delivered, and all replicas are compared (see `agreement.py`).
Yjs has three faults that episodes run into (see `node/yjs_faults.mjs`). A step that fails in Yjs is
counted apart, and the episode goes on. So it does when Yjs leaves blocks waiting of which nothing
is missing: in the end it is asked to look again. An episode in which Yjs replicas disagree with
each other, or with one that reads the same units joined to other blocks, is set aside, but only if
Yjs wrote the blocks that make them, and if ours hold the same edits and each reads as one of Yjs:
where such a block goes depends on the order of arrival, and on how its neighbors are cut.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from random import Random
from typing import Any

from agreement import Agreement
from experiment import YJS_DISAGREES, YJS_FAILS, YJS_LEAVES_WAITING, Difference, Outcome
from network import Network
from readers import Readers
from replicas import OurReplica, Replica, UndoOptions, Update, YjsReplica
from yjs_host import Questions, YjsHost, decode, encode

_CLIENTS = [1, 2, 127, 128, 2**31, 2**32 - 2, 2**32 + 1, 2**52 + 12345, 2**53 - 1]
_MOST_VERSIONS = 6
_MOST_BYTES = 1 << 20


class Episode:
    """One document edited by four replicas.

    Args:
        yjs: the Node process.
        seed: makes every choice in it; the same seed repeats the same history.
        edits: how many operations the four make together, unless the document outgrows that.
    """

    def __init__(self, yjs: YjsHost, seed: int, edits: int) -> None:
        self._questions = Questions(yjs)
        self._seed = seed
        self._edits = edits
        self._rng = rng = Random(seed)
        clients = rng.sample(_CLIENTS, 4)
        self._used = set(_CLIENTS)
        self._our_clients = set(clients[2:])
        self._crowded = rng.random() < 0.35
        self._edits_a_round = 3 if self._crowded else 12
        self._keeps_deleted = rng.random() < 0.3
        self._theirs = [self._yjs_replica(f"y{n}", clients[n]) for n in (0, 1)]
        self._ours = [self._our_replica(f"o{n}", clients[n]) for n in (2, 3)]
        replicas: list[Replica] = [*self._theirs, *self._ours]
        self._network = Network(replicas, self._questions, rng, self._keeps_deleted)
        self._readers = Readers(self._questions, rng, self._keeps_deleted)
        self._read = 0
        self._versions: list[bytes] = []
        self._positions: list[bytes] = []

    def run(self) -> Outcome:
        """Edits, delivers everything, compares.

        Raises:
            Difference: the replicas disagree, or one of them failed on the way.
        """
        try:
            self._edit_in_rounds()
            self._deliver_everything()
            self._flush()
            return self._outcome()
        except Exception as error:
            raise Difference(f"{error}\n{self._again}") from error
        except BaseException as panic:
            panic.add_note(self._again)
            raise
        finally:
            self._questions.forget()
            names = [replica.name for replica in self._theirs]
            self._questions.ask("forget", docs=[*names, self._readers.name])
            self._questions.flush()
            for replica in [*self._ours, self._readers.ours]:
                replica.close()

    def _outcome(self) -> Outcome:
        operations = self._operations()
        apart = (YJS_FAILS, YJS_LEAVES_WAITING)
        set_aside = Counter({kind: operations.pop(kind, 0) for kind in apart})
        agreement = self._agreement()
        try:
            self._readers.finish()
            agreement.check()
        except AssertionError:
            seen, authors = self._what_yjs_made_of_it(agreement)
            agrees = all(content["roots"] == seen[0]["roots"] for content in seen)
            if agrees or not authors or not authors.isdisjoint(self._our_clients):
                raise
            agreement.compare_ours(self._readers.ours.doc, seen)
            return Outcome(Counter(), 0, Counter([YJS_DISAGREES]), self._is_outgrown)
        return Outcome(operations, len(self._network.sent), +set_aside, self._is_outgrown)

    def _what_yjs_made_of_it(self, agreement: Agreement) -> tuple[list[dict[str, Any]], set[int]]:
        """What each of the Yjs replicas is, and whose blocks make them disagree, if they do.

        One more reads everything from one update, in which runs that Yjs had cut are joined.
        """
        seen: list[dict[str, Any]] = []
        authors: set[int] = set()
        for name in [*(replica.name for replica in self._theirs), self._readers.name]:
            self._questions.ask("describe", seen.append, doc=name)
            self._questions.ask("reversed", authors.update, doc=name)
        agreement.ask_what_yjs_reads_at_once(seen.append)
        self._questions.flush()
        return seen, authors

    @property
    def _again(self) -> str:
        return (
            f"to see it again: python tests/interop/fuzz.py --seed {self._seed} "
            f"--episodes 1 --edits-per-episode {self._edits}"
        )

    def _yjs_replica(self, name: str, client: int) -> YjsReplica:
        undo = self._undo_options()
        self._questions.ask(
            "create",
            doc=name,
            client=client,
            gc=not self._keeps_deleted,
            undo=undo and {"scopes": undo.scopes, "timeout": undo.timeout},
        )
        return YjsReplica(name)

    def _our_replica(self, name: str, client: int) -> OurReplica:
        offsets = self._rng.choice(["codepoint", "utf16", "utf8"])
        undo = self._undo_options()
        return OurReplica(name, client, self._rng, offsets, self._keeps_deleted, undo)

    def _undo_options(self) -> UndoOptions | None:
        return UndoOptions.at_random(self._rng) if self._rng.random() < 0.7 else None

    def _edit_in_rounds(self) -> None:
        made = 0
        while made < self._edits and not self._is_outgrown:
            self._network.disturb()
            made += sum(map(self._yjs_edits, self._theirs)) + sum(map(self._we_edit, self._ours))
            self._look()
            self._flush()

    @property
    def _is_outgrown(self) -> bool:
        return self._network.sent_bytes > _MOST_BYTES

    def _yjs_edits(self, replica: YjsReplica) -> int:
        self._deliver_to_yjs(replica, self._network.some_for(replica))
        if self._crowded and self._rng.random() < 0.5:
            self._questions.ask("become", doc=replica.name, client=self._new_client())
        count = self._rng.randint(0, self._edits_a_round)
        self._ask_for_updates(
            replica,
            "edit",
            self._any_encoding(),
            seed=self._seed_for_yjs(),
            count=count,
            crowded=self._crowded,
        )
        self._questions.ask(
            "state", lambda state: setattr(replica, "state", decode(state)), doc=replica.name
        )
        return count

    def _we_edit(self, replica: OurReplica) -> int:
        self._network.send(replica, replica.apply(self._network.some_for(replica)))
        if self._rng.random() < (0.5 if self._crowded else 0.05):
            replica.restart(client := self._new_client())
            self._our_clients.add(client)
        count = self._rng.randint(0, self._edits_a_round)
        self._network.send(replica, replica.edit(count, self._crowded))
        return count

    def _look(self) -> None:
        """Notes positions in one of the replicas, and the version that it is, now and then."""
        if self._rng.random() < 0.2:
            theirs = self._rng.choice(self._theirs).name
            seed = self._seed_for_yjs()
            self._questions.ask(
                "positions",
                lambda found: self._positions.extend(map(decode, found)),
                doc=theirs,
                seed=seed,
                count=2,
            )
            self._positions.append(self._rng.choice(self._ours).position())
        if not self._keeps_deleted or len(self._versions) >= _MOST_VERSIONS:
            return
        if self._rng.random() < 0.1:
            self._versions.append(self._rng.choice(self._ours).snapshot())
        if self._rng.random() < 0.1:
            self._questions.ask(
                "snapshot",
                lambda version: self._versions.append(decode(version)),
                doc=self._rng.choice(self._theirs).name,
            )

    def _any_encoding(self) -> int:
        return self._rng.choice([1, 2])

    def _seed_for_yjs(self) -> int:
        return self._rng.getrandbits(32)

    def _new_client(self) -> int:
        client = self._rng.getrandbits(self._rng.choice([16, 32, 53]))
        while client in self._used:
            client += 1
        self._used.add(client)
        return client

    def _deliver_everything(self) -> None:
        """Empties all inboxes, also of what the replicas tidy up meanwhile."""
        while self._network.is_busy():
            for ours in self._ours:
                self._network.send(ours, ours.apply(self._network.all_for(ours)))
            for theirs in self._theirs:
                self._deliver_to_yjs(theirs, self._network.all_for(theirs))
                self._ask_for_updates(theirs, "lookAgain", self._any_encoding())
            self._flush()

    def _deliver_to_yjs(self, replica: YjsReplica, updates: list[Update]) -> None:
        """Delivers updates in the order given, each in its encoding."""
        for version, stretch in groupby(updates, key=lambda update: update.version):
            self._ask_for_updates(
                replica,
                "apply",
                self._any_encoding(),
                updates=[encode(update.data) for update in stretch],
                version=version,
            )

    def _ask_for_updates(
        self, replica: YjsReplica, method: str, answer_in: int, **arguments: Any
    ) -> None:
        """Asks for something that changes a Yjs document; what that sends is passed on."""

        def pass_on(updates: list[str]) -> None:
            sent = [Update(decode(update), answer_in) for update in updates]
            self._network.send(replica, sent)

        self._questions.ask(method, pass_on, doc=replica.name, answer_in=answer_in, **arguments)

    def _flush(self) -> None:
        """Asks Yjs, and lets the readers read what has been sent since the last time."""
        self._questions.flush()
        self._readers.compare()
        fresh = self._network.sent[self._read :]
        self._read += len(fresh)
        self._readers.receive(fresh)

    def _agreement(self) -> Agreement:
        return Agreement(
            self._questions,
            theirs=[replica.name for replica in self._theirs],
            ours={replica.name: replica.doc for replica in self._ours},
            sent=self._network.sent,
            positions=self._positions,
            versions=self._versions,
            keeps_deleted=self._keeps_deleted,
        )

    def _operations(self) -> Counter[str]:
        made: Counter[str] = Counter()
        for theirs in self._theirs:
            self._questions.ask("operations", made.update, doc=theirs.name)
        self._questions.flush()
        for ours in self._ours:
            made.update(ours.operations)
        return made
