"""Two Yjs replicas and two of ours edit one document over a bad network and must agree in the end.

An `Episode` is one document, one seed and so many edits. Each round every replica receives some of
what waits for it (shuffled, some of it twice, some merged into one update by Yjs or by us, some
replaced by a diff against an old state) and makes a few random edits. In a crowded episode, one in
three, all type single letters into the same few gaps, under new client ids all the time. Then
everything still under way is delivered, and the four are compared: state vectors byte for byte,
deleted ranges, content as Yjs reads it, content as Python reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Protocol

from json_values import canonical, first_difference, from_json
from officina.crdt import Array, Doc, Map, Text, get_state, get_update, merge_updates
from our_edits import edit_at_random, edit_in_the_crowd
from yjs_host import YjsHost, decode, encode

_CLIENTS = [1, 2, 127, 128, 2**31, 2**32 - 2, 2**32 + 1, 2**52 + 12345, 2**53 - 1]


class Difference(AssertionError):
    """The replicas disagree, or one of them failed; says how to see it again."""


class Replica(Protocol):
    """One of the four: what waits for it, and the state it was last known to have."""

    name: str
    inbox: list[bytes]
    state: bytes


@dataclass
class OurReplica:
    """A `Doc` of ours, with the updates that its own edits made."""

    name: str
    client: int
    inbox: list[bytes] = field(default_factory=list)
    outbox: list[bytes] = field(default_factory=list)
    doc: Doc = field(init=False)

    def __post_init__(self) -> None:
        self._open(Doc(client_id=self.client))

    @property
    def state(self) -> bytes:
        return self.doc.get_state()

    def edit(self, rng: Random, count: int, crowded: bool) -> list[bytes]:
        """Makes random edits, several in one transaction at times; returns their updates."""
        edit = edit_in_the_crowd if crowded else edit_at_random
        while count > 0:
            together = min(count, rng.choice([1, 1, 1, 3, 6]))
            with self.doc.transaction():
                for _ in range(together):
                    edit(self.doc, rng)
            count -= together
        made, self.outbox = self.outbox, []
        return made

    def apply(self, updates: Sequence[bytes]) -> None:
        for update in updates:
            self.doc.apply_update(update)
        self.outbox.clear()

    def reload(self, client: int) -> None:
        """Forgets the document and reads it back from its own update, as after a restart."""
        saved = self.doc.get_update()
        self._open(Doc(client_id=client))
        self.apply([saved])

    def plain(self) -> dict[str, Any]:
        """The content as a Python reader sees it."""
        return {
            "text": str(self.doc.get("text", type=Text)),
            "array": self.doc.get("array", type=Array).to_py(),
            "map": self.doc.get("map", type=Map).to_py(),
        }

    def _open(self, doc: Doc) -> None:
        self.doc = doc
        doc.get("text", type=Text)
        doc.get("array", type=Array)
        doc.get("map", type=Map)
        self._subscription = doc.observe(lambda event: self.outbox.append(event.update))


@dataclass
class YjsReplica:
    """A Yjs document in the Node process; asked in batches by the episode."""

    name: str
    inbox: list[bytes] = field(default_factory=list)
    state: bytes = b"\0"


@dataclass(frozen=True)
class Outcome:
    """What an episode did."""

    seed: int
    edits: int
    updates: int


class Episode:
    """One document edited by four replicas.

    Args:
        yjs: the Node process.
        seed: makes every choice in it; the same seed repeats the same history.
        edits: how many edits the four make together.
    """

    def __init__(self, yjs: YjsHost, seed: int, edits: int) -> None:
        self._yjs = yjs
        self._seed = seed
        self._edits = edits
        self._rng = Random(seed)
        clients = self._rng.sample(_CLIENTS, 4)
        self._theirs = [YjsReplica("y1"), YjsReplica("y2")]
        self._ours = [OurReplica("o1", clients[2]), OurReplica("o2", clients[3])]
        self._replicas: list[Replica] = [*self._theirs, *self._ours]
        self._sent: list[bytes] = []
        self._used = set(_CLIENTS)
        self._crowded = self._rng.random() < 0.35
        self._edits_a_round = 3 if self._crowded else 12
        keeps_deleted = self._rng.random() < 0.2
        self._calls: list[tuple[str, dict[str, Any]]] = []
        self._answers: list[Callable[[Any], None]] = []
        for replica, client in zip(self._theirs, clients[:2], strict=True):
            self._ask(
                "create", lambda _: None, doc=replica.name, client=client, gc=not keeps_deleted
            )

    def run(self) -> Outcome:
        """Edits, delivers everything, compares.

        Raises:
            Difference: the replicas disagree, or one of them failed on the way.
        """
        try:
            made = self._edit_in_rounds()
            self._deliver_everything()
            self._compare()
        except Exception as error:
            raise Difference(f"{error}\n{self._again}") from error
        except BaseException as panic:
            panic.add_note(self._again)
            raise
        finally:
            self._calls.clear()
            self._answers.clear()
            self._yjs.call("forget", docs=[replica.name for replica in self._theirs])
        return Outcome(self._seed, made, len(self._sent))

    @property
    def _again(self) -> str:
        return (
            f"to see it again: python tests/interop/fuzz.py --seed {self._seed} "
            f"--episodes 1 --edits-per-episode {self._edits}"
        )

    def _edit_in_rounds(self) -> int:
        made = 0
        while made < self._edits:
            for replica in self._replicas:
                self._disturb(replica)
            made += sum(map(self._yjs_edits, self._theirs)) + sum(map(self._we_edit, self._ours))
            self._flush()
        return made

    def _yjs_edits(self, replica: YjsReplica) -> int:
        self._deliver_to_yjs(replica, self._some(replica.inbox))
        if self._crowded and self._rng.random() < 0.5:
            self._ask("become", lambda _: None, doc=replica.name, client=self._new_client())
        count = self._rng.randint(0, self._edits_a_round)
        self._ask(
            "edit",
            self._sender(replica),
            doc=replica.name,
            seed=self._rng.getrandbits(32),
            count=count,
            crowded=self._crowded,
        )
        self._ask("state", lambda state: setattr(replica, "state", decode(state)), doc=replica.name)
        return count

    def _we_edit(self, replica: OurReplica) -> int:
        replica.apply(self._some(replica.inbox))
        if self._rng.random() < (0.5 if self._crowded else 0.05):
            replica.reload(self._new_client())
        count = self._rng.randint(0, self._edits_a_round)
        self._send(replica, replica.edit(self._rng, count, self._crowded))
        return count

    def _new_client(self) -> int:
        client = self._rng.getrandbits(self._rng.choice([16, 32, 53]))
        while client in self._used:
            client += 1
        self._used.add(client)
        return client

    def _disturb(self, replica: Replica) -> None:
        """Merges some of what waits for `replica`, or adds a diff against a state it once had."""
        inbox = replica.inbox
        act = self._rng.random()
        if act < 0.15 and len(inbox) > 1:
            inbox.append(merge_updates(*self._take(inbox)))
        elif act < 0.3 and len(inbox) > 1:
            merged = [encode(update) for update in self._take(inbox)]
            self._ask("merge", lambda update: inbox.append(decode(update)), updates=merged)
        elif act < 0.33 and len(inbox) > 1:
            inbox.append(get_update(merge_updates(*self._take(inbox)), replica.state))
        elif act < 0.36:
            inbox.append(self._rng.choice(self._ours).doc.get_update(replica.state))
        elif act < 0.4:
            source = self._rng.choice(self._theirs)
            state = encode(replica.state)
            self._ask(
                "update", lambda update: inbox.append(decode(update)), doc=source.name, state=state
            )

    def _take(self, inbox: list[bytes]) -> list[bytes]:
        self._rng.shuffle(inbox)
        count = self._rng.randint(2, min(6, len(inbox)))
        return [inbox.pop() for _ in range(count)]

    def _some(self, inbox: list[bytes]) -> list[bytes]:
        """Part of what waits, in any order; one in ten comes again later."""
        self._rng.shuffle(inbox)
        count = self._rng.choice([0, 1, len(inbox) // 2, len(inbox)])
        delivered = [inbox.pop() for _ in range(min(count, len(inbox)))]
        inbox.extend(update for update in delivered if self._rng.random() < 0.1)
        return delivered

    def _deliver_everything(self) -> None:
        """Empties all inboxes, also of what Yjs changes on its own account meanwhile."""
        while any(replica.inbox for replica in self._replicas):
            for ours in self._ours:
                ours.apply(self._all(ours.inbox))
            for theirs in self._theirs:
                self._deliver_to_yjs(theirs, self._all(theirs.inbox))
            self._flush()

    def _all(self, inbox: list[bytes]) -> list[bytes]:
        self._rng.shuffle(inbox)
        delivered = inbox[:]
        inbox.clear()
        return delivered

    def _deliver_to_yjs(self, replica: YjsReplica, updates: list[bytes]) -> None:
        self._ask(
            "apply",
            self._sender(replica),
            doc=replica.name,
            updates=[encode(update) for update in updates],
        )

    def _sender(self, replica: Replica) -> Callable[[Any], None]:
        return lambda updates: self._send(replica, [decode(update) for update in updates])

    def _send(self, sender: Replica, updates: list[bytes]) -> None:
        self._sent.extend(updates)
        for replica in self._replicas:
            if replica is not sender:
                replica.inbox.extend(updates)

    def _ask(self, method: str, answer: Callable[[Any], None], **arguments: Any) -> None:
        self._calls.append((method, arguments))
        self._answers.append(answer)

    def _flush(self) -> None:
        calls, self._calls = self._calls, []
        answers, self._answers = self._answers, []
        for answer, result in zip(answers, self._yjs.batch(calls), strict=True):
            answer(result)

    def _compare(self) -> None:
        merged = merge_updates(*self._sent)
        written = {ours.name: ours.doc.get_update() for ours in self._ours}
        written["merge of all updates"] = merged
        seen: dict[str, dict[str, Any]] = {}
        for theirs in self._theirs:
            self._ask("describe", partial(seen.__setitem__, theirs.name), doc=theirs.name)
        for name, update in written.items():
            self._ask("read", partial(seen.__setitem__, name), updates=[encode(update)])
        self._flush()
        expected = seen[self._theirs[0].name]
        # Updates leave out deletions that follow from other deletions; documents do not.
        seen["merge of all updates"]["deleted"] = expected["deleted"]
        for name, description in seen.items():
            _expect_same(f"{self._theirs[0].name} and {name}", expected, description)
        self._compare_in_python(expected, merged)

    def _compare_in_python(self, expected: dict[str, Any], merged: bytes) -> None:
        state = decode(expected["state"])
        plain = canonical(from_json(expected["plain"]))
        _expect_same("state vector of the merged updates", state, get_state(merged))
        for ours in self._ours:
            _expect_same(f"state vector of {ours.name}", state, ours.state)
            _expect_same(f"content of {ours.name} in Python", plain, canonical(ours.plain()))


def _expect_same(what: str, left: Any, right: Any) -> None:
    if left != right:
        raise AssertionError(f"{what} differ:\n  {first_difference(left, right)}")
