"""The bad network between the replicas of an episode.

It delivers late, in any order and some updates twice; it merges several into one, leaves out what a
replica has, and rewrites updates in the other encoding, all of it by Yjs or by us.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from officina.crdt import get_update, merge_updates
from replicas import OurReplica, Replica, Update
from yjs_host import Questions, decode, encode


class Network:
    """Carries what one replica sends to all the others.

    Args:
        replicas: all of them.
        questions: to the Node process, where Yjs merges, cuts and converts as well.
        rng: makes every choice.
        keeps_deleted: whether deleted content must not be lost on the way.
    """

    def __init__(
        self, replicas: Sequence[Replica], questions: Questions, rng: Random, keeps_deleted: bool
    ) -> None:
        self._replicas = replicas
        self._questions = questions
        self._rng = rng
        self._keeps_deleted = keeps_deleted
        self.sent: list[Update] = []
        """Every update as it was made, in an order in which each follows those it builds on."""
        self.sent_bytes = 0

    def send(self, sender: Replica, updates: Sequence[Update]) -> None:
        self.sent.extend(updates)
        self.sent_bytes += sum(len(update.data) for update in updates)
        for replica in self._replicas:
            if replica is not sender:
                replica.inbox.extend(updates)

    def is_busy(self) -> bool:
        return any(replica.inbox for replica in self._replicas)

    def some_for(self, replica: Replica) -> list[Update]:
        """Part of what waits, in any order; one in ten comes again later."""
        inbox = replica.inbox
        self._rng.shuffle(inbox)
        count = self._rng.choice([0, 1, len(inbox) // 2, len(inbox)])
        delivered = [inbox.pop() for _ in range(min(count, len(inbox)))]
        inbox.extend(update for update in delivered if self._rng.random() < 0.1)
        return delivered

    def all_for(self, replica: Replica) -> list[Update]:
        inbox = replica.inbox
        self._rng.shuffle(inbox)
        delivered = inbox[:]
        inbox.clear()
        return delivered

    def disturb(self) -> None:
        """Changes what waits for some of the replicas."""
        for replica in self._replicas:
            act = self._rng.random()
            if act < 0.15:
                self._merge(replica)
            elif act < 0.3:
                self._let_yjs_merge(replica)
            elif act < 0.35:
                self._cut(replica)
            elif act < 0.45:
                self._convert(replica)
            elif act < 0.52:
                self._bring_up_to_date(replica)

    def _merge(self, replica: Replica) -> None:
        replica.inbox.extend(self._merged(self._take(replica.inbox)))

    def _merged(self, updates: list[Update]) -> list[Update]:
        if not updates:
            return []
        version = self._any_encoding()
        parts = [update.in_version(version) for update in updates]
        merged = merge_updates(*parts, version=version, keep_deleted=self._keeps_deleted)
        return [Update(merged, version)]

    def _let_yjs_merge(self, replica: Replica) -> None:
        version = self._any_encoding()
        taken = [encode(update.in_version(version)) for update in self._take(replica.inbox)]
        if taken:
            self._ask_yjs(replica, "merge", version, updates=taken, version=version)

    def _cut(self, replica: Replica) -> None:
        """Leaves out what the replica is known to have."""
        for merged in self._merged(self._take(replica.inbox)):
            state, version = replica.state, merged.version
            if self._rng.random() < 0.5:
                cut = get_update(merged.data, state, version=version)
                replica.inbox.append(Update(cut, version))
            else:
                update = encode(merged.data)
                self._ask_yjs(
                    replica, "diff", version, update=update, state=encode(state), version=version
                )

    def _convert(self, replica: Replica) -> None:
        """Rewrites one update in the other encoding, by Yjs; ours does so for every merge."""
        if replica.inbox:
            update = replica.inbox.pop(self._rng.randrange(len(replica.inbox)))
            self._ask_yjs(
                replica,
                "convert",
                3 - update.version,
                update=encode(update.data),
                source=update.version,
            )

    def _bring_up_to_date(self, replica: Replica) -> None:
        """Adds what another replica has and this one, as far as is known, has not."""
        source, version = self._rng.choice(self._replicas), self._any_encoding()
        if isinstance(source, OurReplica):
            update = source.doc.get_update(replica.state, version=version)
            replica.inbox.append(Update(update, version))
        else:
            self._ask_yjs(
                replica,
                "update",
                version,
                doc=source.name,
                state=encode(replica.state),
                version=version,
            )

    def _ask_yjs(self, replica: Replica, method: str, answer: int, **arguments: object) -> None:
        """Asks for an update in encoding `answer`, and puts it into a replica's inbox."""
        self._questions.ask(
            method,
            lambda update: replica.inbox.append(Update(decode(update), answer)),
            **arguments,
        )

    def _take(self, inbox: list[Update]) -> list[Update]:
        """Two to six of the updates that wait, or none if there are not so many."""
        if len(inbox) < 2:
            return []
        self._rng.shuffle(inbox)
        count = self._rng.randint(2, min(6, len(inbox)))
        return [inbox.pop() for _ in range(count)]

    def _any_encoding(self) -> int:
        return self._rng.choice([1, 2])
