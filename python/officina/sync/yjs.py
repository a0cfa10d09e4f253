"""The client's side of the Yjs sync protocol, for one document.

Source: y-protocols, PROTOCOL.md; SyncStatus as hocuspocus numbers it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from officina.crdt import Doc
from officina.errors import RemoteProtocolError

_MAX_VAR_UINT_BYTES: Final = 8  # 56 bits, more than any length or type needs


class _Message(IntEnum):
    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_STATUS = 8


class _Sync(IntEnum):
    STEP_1 = 0
    STEP_2 = 1
    UPDATE = 2


class YjsEndpoint:
    """Decides what to say to a server about one document; whoever owns it moves the bytes.

    Attributes:
        is_synced: the server's answer to our state vector has arrived.
        sent: messages sent that carry an update.
        confirmed: how many of them the server has stored; it says so only when it was asked to by
            `?saved=1`.
        refused: how many of them the server could not store.
    """

    def __init__(self, doc: Doc) -> None:
        self._doc = doc
        self.is_synced = False
        self.sent = 0
        self.confirmed = 0
        self.refused = 0

    @property
    def unconfirmed(self) -> int:
        """Messages that the server has not answered for yet."""
        return self.sent - self.confirmed - self.refused

    def start(self) -> bytes:
        """Ask for what we lack; the first message on a connection."""
        return _encode(_Message.SYNC, _Sync.STEP_1, self._doc.get_state())

    def update(self, update: bytes) -> bytes:
        """Make the message that carries a local update."""
        self.sent += 1
        return _encode(_Message.SYNC, _Sync.UPDATE, update)

    def receive(self, message: bytes) -> bytes | None:
        """Take in one message of the server.

        Returns:
            The answer, where one is due.

        Raises:
            RemoteProtocolError: the message breaks the protocol; close with `error.close_code`.
            DecodeError: it carries an update that is none.
        """
        kind, at = _read_var_uint(message, 0)
        if kind == _Message.SYNC:
            step, at = _read_var_uint(message, at)
            return self._receive_sync(step, _read_payload(message, at))
        if kind == _Message.SYNC_STATUS:
            is_stored, _ = _read_var_uint(message, at)
            if is_stored:
                self.confirmed += 1
            else:
                self.refused += 1
        elif kind not in (_Message.AWARENESS, _Message.AUTH, _Message.QUERY_AWARENESS):
            raise RemoteProtocolError(f"message of unknown type {kind}", 1003)
        return None

    def _receive_sync(self, step: int, payload: bytes) -> bytes | None:
        if step == _Sync.STEP_1:
            self.sent += 1
            return _encode(_Message.SYNC, _Sync.STEP_2, self._doc.get_update(payload))
        if step not in (_Sync.STEP_2, _Sync.UPDATE):
            raise RemoteProtocolError(f"sync message of unknown step {step}", 1003)
        self._doc.apply_update(payload)
        self.is_synced = self.is_synced or step == _Sync.STEP_2
        return None


def _encode(kind: _Message, step: _Sync, payload: bytes) -> bytes:
    return bytes((kind, step)) + _var_uint(len(payload)) + payload


def _var_uint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read_var_uint(message: bytes, at: int) -> tuple[int, int]:
    """Returns the number and where it ends."""
    number = 0
    for index, byte in enumerate(message[at : at + _MAX_VAR_UINT_BYTES]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, at + index + 1
    raise RemoteProtocolError(f"message has no whole number at byte {at}", 1007)


def _read_payload(message: bytes, at: int) -> bytes:
    length, start = _read_var_uint(message, at)
    if start + length != len(message):
        raise RemoteProtocolError(
            f"message claims {length} bytes of payload and has {len(message) - start}", 1007
        )
    return message[start:]
