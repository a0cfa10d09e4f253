"""The messages of the Yjs sync and awareness protocols, for transports of your own.

`officina.sync` speaks them over WebSocket without any of this.

Source: npm `y-protocols`, PROTOCOL.md; npm `lib0`, encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from officina._native.crdt import Doc
from officina.errors import DecodeError

_EMPTY_UPDATE = b"\x00\x00"
_MAX_UINT_BITS = 63


class YMessageType(IntEnum):
    """What a message is about, by its first byte.

    Attributes:
        SYNC: the content of a document.
        AWARENESS: who is there, and where.
    """

    SYNC = 0
    AWARENESS = 1


class YSyncMessageType(IntEnum):
    """What a sync message says, by its second byte.

    Attributes:
        SYNC_STEP1: what the sender has: a state.
        SYNC_STEP2: the answer to a step 1: an update with what its sender lacks.
        SYNC_UPDATE: a change: an update.
    """

    SYNC_STEP1 = 0
    SYNC_STEP2 = 1
    SYNC_UPDATE = 2


def write_var_uint(num: int) -> bytes:
    """Encode an integer, seven bits a byte, the lowest first.

    Args:
        num: zero or more.

    Raises:
        ValueError: `num` is negative.
    """
    if num < 0:
        message = f"{num} is negative"
        raise ValueError(message)
    encoded = bytearray()
    while num > 0x7F:
        encoded.append(0x80 | num & 0x7F)
        num >>= 7
    encoded.append(num)
    return bytes(encoded)


def write_message(stream: bytes) -> bytes:
    """Put the length of some bytes in front of them."""
    return write_var_uint(len(stream)) + stream


def read_message(stream: bytes) -> bytes:
    """The bytes that a stream begins with, their length in front of them.

    Raises:
        DecodeError: the stream is empty or ends too early.
    """
    message = Decoder(stream).read_message()
    if message is None:
        error = "the stream is empty"
        raise DecodeError(error)
    return message


def create_awareness_message(data: bytes) -> bytes:
    """An awareness message.

    Args:
        data: what `Awareness.encode_awareness_update` returned.
    """
    return bytes([YMessageType.AWARENESS]) + write_message(data)


def create_sync_message(ydoc: Doc) -> bytes:
    """A step 1 with the state of a document: what a peer needs to know to send the rest."""
    return _sync_message(YSyncMessageType.SYNC_STEP1, ydoc.get_state())


def create_update_message(data: bytes) -> bytes:
    """A message that a document has changed.

    Args:
        data: the update, such as a `TransactionEvent.update`.
    """
    return _sync_message(YSyncMessageType.SYNC_UPDATE, data)


def _sync_message(kind: YSyncMessageType, data: bytes) -> bytes:
    return bytes([YMessageType.SYNC, kind]) + write_message(data)


def handle_sync_message(message: bytes, ydoc: Doc) -> bytes | None:
    """Do what a sync message asks for.

    Args:
        message: the message without its first byte, which said that it is a sync message.
        ydoc: the document it is about.

    Returns:
        The step 2 that answers a step 1; `None` for the others.

    Raises:
        DecodeError: it is not a sync message; the document is as it was.
    """
    kind = Decoder(message).read_var_uint()
    if kind == YSyncMessageType.SYNC_STEP1:
        update = ydoc.get_update(read_message(message[1:]))
        return _sync_message(YSyncMessageType.SYNC_STEP2, update)
    if kind in (YSyncMessageType.SYNC_STEP2, YSyncMessageType.SYNC_UPDATE):
        update = read_message(message[1:])
        if update != _EMPTY_UPDATE:
            ydoc.apply_update(update)
    return None


class Encoder:
    """Writes integers and strings one after the other.

    Attributes:
        stream: what was written, in pieces.
    """

    def __init__(self) -> None:
        self.stream: list[bytes] = []

    def write_var_uint(self, num: int) -> None:
        """Add an integer, zero or more."""
        self.stream.append(write_var_uint(num))

    def write_var_string(self, text: str) -> None:
        """Add a string: its length in UTF-8 bytes, then these."""
        self.stream.append(write_message(text.encode()))

    def to_bytes(self) -> bytes:
        """All that was written."""
        return b"".join(self.stream)


class Decoder:
    """Reads integers, byte strings and strings one after the other.

    Args:
        stream: what to read from; `i0` is the position in it.
    """

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.i0 = 0

    @property
    def length(self) -> int:
        """How many bytes are left."""
        return len(self.stream) - self.i0

    def read_var_uint(self) -> int:
        """The integer that comes next.

        Raises:
            DecodeError: the stream ends before it does, or it is larger than 63 bits.
        """
        number = 0
        for shift in range(0, _MAX_UINT_BITS, 7):
            if self.i0 == len(self.stream):
                message = f"the stream ends at byte {self.i0}, inside an integer"
                raise DecodeError(message)
            byte = self.stream[self.i0]
            self.i0 += 1
            number |= (byte & 0x7F) << shift
            if byte <= 0x7F:
                return number
        message = f"the integer before byte {self.i0} is too large"
        raise DecodeError(message)

    def read_message(self) -> bytes | None:
        """The byte string that comes next; `None` at the end of the stream.

        Raises:
            DecodeError: the stream ends before it does.
        """
        if self.i0 == len(self.stream):
            return None
        length = self.read_var_uint()
        end = self.i0 + length
        if end > len(self.stream):
            message = f"the stream ends {end - len(self.stream)} bytes too early"
            raise DecodeError(message)
        found, self.i0 = self.stream[self.i0 : end], end
        return found

    def read_messages(self) -> Iterator[bytes]:
        """The byte strings that come next, up to the end of the stream.

        Raises:
            DecodeError: the stream ends inside one.
        """
        while (message := self.read_message()) is not None:
            yield message

    def read_var_string(self) -> str:
        """The string that comes next; an empty one at the end of the stream.

        Raises:
            DecodeError: the stream ends before it does, or it is not UTF-8.
        """
        message = self.read_message()
        try:
            return "" if message is None else message.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(str(error)) from error
