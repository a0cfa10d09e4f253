"""A peer without manners: sends any bytes it likes, and reads only when told to."""

from __future__ import annotations

import os
import socket
import struct
from types import TracebackType
from typing import Self

BINARY, TEXT, CLOSE, PING = 2, 1, 8, 9


def frame(payload: bytes, opcode: int = BINARY, *, first: int | None = None) -> bytes:
    """One masked frame; `first` replaces its first byte."""
    head = bytes([0x80 | opcode if first is None else first])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += b"\xfe" + struct.pack("!H", len(payload))
    else:
        head += b"\xff" + struct.pack("!Q", len(payload))
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def sync_message(step: int, payload: bytes) -> bytes:
    """A y-protocols sync message: step 1, 2 or update, and its payload."""
    length, size = b"", len(payload)
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([0, step]) + length + bytes([size]) + payload


class RawPeer:
    """One TCP connection that asks for an upgrade and shows what comes back."""

    def __init__(
        self,
        port: int,
        target: str,
        *headers: str,
        receive_buffer: int | None = None,
    ) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(30)
        self._socket.connect(("127.0.0.1", port))
        request = [
            f"GET {target} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *headers,
        ]
        self._socket.sendall("\r\n".join([*request, "", ""]).encode("latin-1"))
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._read(1)
        self.status = int(head.split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def rest(self) -> str:
        """Everything until the server closes; the body of a refusal."""
        body = b""
        while chunk := self._socket.recv(4096):
            body += chunk
        return body.decode()

    def close_code(self) -> int:
        """Read frames until the close frame, and on until the socket's end."""
        while True:
            opcode, payload = self._frame()
            if opcode == CLOSE:
                break
        while self._socket.recv(4096):
            pass
        return int.from_bytes(payload[:2], "big")

    def message(self) -> bytes:
        """The next binary message."""
        while True:
            opcode, payload = self._frame()
            if opcode == BINARY:
                return payload

    def _frame(self) -> tuple[int, bytes]:
        first, length = self._read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        return first & 15, self._read(length)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._socket.recv(size - len(data))
            if not chunk:
                raise ConnectionError("the socket ended")
            data += chunk
        return data
