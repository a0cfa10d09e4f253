"""Who else is there: small states that peers tell each other and forget, such as names and cursors.

Source: npm `y-protocols`, awareness.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from officina._native.crdt import Doc
from officina.crdt.protocol import Decoder, Encoder, read_message
from officina.errors import DecodeError, LocalProtocolError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup, TaskStatus

_State = dict[str, Any]
_Callback = Callable[[str, tuple[dict[str, Any], Any]], object]
# How often, in each `outdated_timeout`, it is looked whether somebody is gone.
_CHECKS = 10


@dataclass(frozen=True, slots=True)
class _Said:
    """What an update says of one client."""

    client_id: int
    clock: int
    state: _State | None


class Awareness:
    """The states of the peers of a document, this one's among them.

    Args:
        ydoc: the document; its `client_id` is this peer's.
        outdated_timeout: after how many milliseconds of silence a peer counts as gone.
    """

    client_id: int

    def __init__(self, ydoc: Doc, *, outdated_timeout: int = 30000) -> None:
        self.client_id = ydoc.client_id
        self._outdated_timeout = outdated_timeout
        self._meta: dict[int, dict[str, Any]] = {}
        self._states: dict[int, _State] = {}
        self._observers: dict[str, _Callback] = {}
        self._numbers = count(1)
        self._task_group: TaskGroup | None = None
        self.set_local_state({})

    @property
    def meta(self) -> dict[int, dict[str, Any]]:
        """Of each client its "clock", and "lastUpdated" in milliseconds of Unix time."""
        return self._meta

    @property
    def states(self) -> dict[int, _State]:
        """The state of each client that is there."""
        return self._states

    async def start(self, *, task_status: TaskStatus[None] | None = None) -> None:
        """Keep telling that this peer is there, and forget those that no longer do, until stopped.

        Args:
            task_status: told when it has begun.

        Raises:
            LocalProtocolError: it was started before.
        """
        from anyio import create_task_group

        if self._task_group is not None:
            message = "Awareness already started"
            raise LocalProtocolError(message)
        async with create_task_group() as self._task_group:
            self._task_group.start_soon(self._keep_current)
            if task_status is not None:
                task_status.started()

    async def stop(self) -> None:
        """End what `start` does.

        Raises:
            LocalProtocolError: it was not started.
        """
        if self._task_group is None:
            message = "Awareness not started"
            raise LocalProtocolError(message)
        self._task_group.cancel_scope.cancel()
        self._task_group = None

    async def _keep_current(self) -> None:
        from anyio import sleep

        while True:
            await sleep(self._outdated_timeout / 1000 / _CHECKS)
            self._renew()
            self._forget_the_silent()

    def _renew(self) -> None:
        state = self.get_local_state()
        silent_ms = self._get_time() - self._meta[self.client_id]["lastUpdated"]
        if state is not None and silent_ms >= self._outdated_timeout / 2:
            self.set_local_state(state)

    def _forget_the_silent(self) -> None:
        now = self._get_time()
        silent = [
            client_id
            for client_id in self._states
            if client_id != self.client_id
            and now - self._meta[client_id]["lastUpdated"] >= self._outdated_timeout
        ]
        if silent:
            self.remove_awareness_states(silent, "timeout")

    def _get_time(self) -> int:
        return int(time.time() * 1000)

    def get_local_state(self) -> _State | None:
        """The state of this peer; `None` if it said that it left."""
        return self._states.get(self.client_id)

    def set_local_state(self, state: _State | None) -> None:
        """Replace the state of this peer and tell the observers.

        Args:
            state: what JSON can hold; `None` to leave.
        """
        client_id = self.client_id
        before = copy.deepcopy(self._states.get(client_id))
        clock = self._meta[client_id]["clock"] + 1 if client_id in self._meta else 0
        self._record(_Said(client_id, clock, state))
        changes = _Changes()
        if state is None:
            changes.removed.append(client_id)
        else:
            changes.note(client_id, is_new=before is None, is_different=state != before)
        self._tell(changes, "local", always=True)

    def set_local_state_field(self, field: str, value: Any) -> None:
        """Set one field of the state of this peer; without a state nothing happens.

        Args:
            field: its name.
            value: what JSON can hold.
        """
        state = self.get_local_state()
        if state is not None:
            self.set_local_state({**copy.deepcopy(state), field: value})

    def remove_awareness_states(self, client_ids: Sequence[int], origin: Any) -> None:
        """Forget the states of peers and tell the observers.

        Args:
            client_ids: whose; unknown ones are passed over.
            origin: what the observers are told as the reason.
        """
        changes = _Changes()
        for client_id in client_ids:
            if client_id not in self._states:
                continue
            clock = self._meta[client_id]["clock"]
            if client_id == self.client_id:
                self._record(_Said(client_id, clock + 1, None))
            else:
                del self._states[client_id]
            changes.removed.append(client_id)
        self._tell(changes, origin)

    def encode_awareness_update(self, client_ids: Sequence[int]) -> bytes:
        """What other peers need to know of some clients.

        Args:
            client_ids: which.

        Returns:
            An awareness update, for `create_awareness_message`.

        Raises:
            KeyError: nothing was ever heard of one of them.
        """
        encoder = Encoder()
        encoder.write_var_uint(len(client_ids))
        for client_id in client_ids:
            encoder.write_var_uint(client_id)
            encoder.write_var_uint(self._meta[client_id]["clock"])
            state = self._states.get(client_id)
            encoder.write_var_string(json.dumps(state, separators=(",", ":"), ensure_ascii=False))
        return encoder.to_bytes()

    def apply_awareness_update(self, update: bytes, origin: Any) -> None:
        """Learn what another peer knows, and tell the observers what is new.

        Args:
            update: what its `encode_awareness_update` returned.
            origin: what the observers are told as the reason.

        Raises:
            DecodeError: it is not an awareness update; nothing was changed.
        """
        changes = _Changes()
        for said in _decode(update):
            self._learn(said, changes)
        self._tell(changes, origin)

    def _learn(self, said: _Said, changes: _Changes) -> None:
        known = self._meta.get(said.client_id)
        before = self._states.get(said.client_id)
        clock = 0 if known is None else known["clock"]
        leaves = said.clock == clock and said.state is None and before is not None
        if said.clock <= clock and not leaves:
            return
        if said.state is None and said.client_id == self.client_id and before is not None:
            # Another peer took this one for gone: a newer clock tells that it is not.
            self._record(_Said(said.client_id, said.clock + 1, before))
            changes.removed.append(said.client_id)
            return
        self._record(said)
        if said.state is not None:
            changes.note(said.client_id, is_new=known is None, is_different=said.state != before)
        elif known is not None:
            changes.removed.append(said.client_id)

    def _record(self, said: _Said) -> None:
        if said.state is None:
            self._states.pop(said.client_id, None)
        else:
            self._states[said.client_id] = said.state
        self._meta[said.client_id] = {"clock": said.clock, "lastUpdated": self._get_time()}

    def _tell(self, changes: _Changes, origin: Any, *, always: bool = False) -> None:
        if changes.added or changes.different or changes.removed:
            self._emit("change", changes.added, changes.different, changes.removed, origin)
        if always or changes.added or changes.updated or changes.removed:
            self._emit("update", changes.added, changes.updated, changes.removed, origin)

    def _emit(
        self,
        topic: Literal["change", "update"],
        added: list[int],
        updated: list[int],
        removed: list[int],
        origin: Any,
    ) -> None:
        told = {"added": added, "updated": updated, "removed": removed}
        for callback in list(self._observers.values()):
            callback(topic, (told, origin))

    def observe(self, callback: _Callback) -> str:
        """Have `callback(topic, (changes, origin))` called whenever something changes.

        The topic "update" is for all that was heard, "change" for what is different than before.
        `changes` holds the client ids that were "added", "updated" and "removed".

        Args:
            callback: what to call.

        Returns:
            An id for `unobserve`.
        """
        number = str(next(self._numbers))
        self._observers[number] = callback
        return number

    def unobserve(self, id: str) -> None:  # noqa: A002 - pycrdt's name
        """End what `observe` began.

        Args:
            id: what it returned.
        """
        del self._observers[id]


class _Changes:
    """What there is to tell of one act, by client id."""

    def __init__(self) -> None:
        self.added: list[int] = []
        self.updated: list[int] = []
        self.different: list[int] = []
        self.removed: list[int] = []

    def note(self, client_id: int, *, is_new: bool, is_different: bool) -> None:
        if is_new:
            self.added.append(client_id)
            return
        self.updated.append(client_id)
        if is_different:
            self.different.append(client_id)


def _decode(update: bytes) -> list[_Said]:
    decoder = Decoder(update)
    return [
        _Said(decoder.read_var_uint(), decoder.read_var_uint(), _state(decoder.read_var_string()))
        for _ in range(decoder.read_var_uint())
    ]


def _state(text: str) -> _State | None:
    if not text:
        return None
    try:
        state: _State | None = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"an awareness state is not JSON: {error}"
        raise DecodeError(message) from error
    return state


def is_awareness_disconnect_message(message: bytes) -> bool:
    """Whether a message says that one client left.

    Args:
        message: an awareness message without its first byte.

    Raises:
        DecodeError: it is not an awareness message.
    """
    decoder = Decoder(read_message(message))
    if decoder.read_var_uint() != 1:
        return False
    decoder.read_var_uint()
    decoder.read_var_uint()
    return decoder.read_var_string() == "null"
