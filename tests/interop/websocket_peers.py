"""y-websocket clients in Node, as many as a test wants, and a Python document beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from officina.crdt import Doc
from yjs_host import YjsHost

_SYNC_STEP_1, _SYNC_STEP_2 = 0, 1


class Peers:
    """The clients of one test, by name; all are gone when the test ends.

    Args:
        yjs: the Node process they live in.
        url: the server, without the document name.
        room: the document they open.
    """

    def __init__(self, yjs: YjsHost, url: str, room: str) -> None:
        self._yjs = yjs
        self._url = url
        self._room = room
        self._next_client = 101
        self.names: list[str] = []

    def join(self, *names: str, clients: Sequence[int] = (), **options: Any) -> None:
        """Connects clients in one turn of Node's event loop.

        Args:
            names: what the test calls them.
            clients: their Yjs client ids; 101, 102, 103 and so on by default.
            options: what `connect` in `node/peers.mjs` takes: `params`, `updates`, `connected`.
        """
        ids = clients or range(self._next_client, self._next_client + len(names))
        self._next_client += len(names)
        wanted = [
            {"peer": name, "url": self._url, "room": self._room, "client": client, **options}
            for name, client in zip(names, ids, strict=True)
        ]
        self.names.extend(names)
        self._yjs.call("connectAll", peers=wanted)

    def until_synced(self, *names: str) -> None:
        """Waits until the server has answered these clients (all by default)."""
        self._yjs.call("untilSynced", peers=list(names) or self.names)

    def until_converged(self, *names: str) -> dict[str, Any]:
        """Waits until these clients (all by default) are equal; returns what they then hold."""
        held: dict[str, Any] = self._yjs.call("untilConverged", peers=list(names) or self.names)
        return held

    def edit(self, name: str, seed: int, count: int) -> None:
        """Makes random edits of every kind, all at once."""
        self._yjs.call("edit", doc=name, seed=seed, count=count)

    def type(self, name: str, *edits: tuple[str, int, str | int]) -> None:
        """Makes plain text edits: `("insert", 0, "a")`, `("delete", 0, 1)`."""
        self._yjs.call("type", doc=name, edits=edits)

    def describe(self, name: str) -> dict[str, Any]:
        """What a client holds now."""
        held: dict[str, Any] = self._yjs.call("describe", doc=name)
        return held

    def history(self, name: str) -> dict[str, Any]:
        """What a client saw on the wire: saved edits, close codes, unexpected message types."""
        seen: dict[str, Any] = self._yjs.call("history", peer=name)
        return seen

    def ask(self, method: str, *names: str, **arguments: Any) -> Any:
        """Calls a method of `node/peers.mjs` for these clients (all by default)."""
        return self._yjs.call(method, peers=list(names) or self.names, **arguments)

    def leave(self, *names: str) -> None:
        """Destroys these clients (all by default)."""
        leaving = list(names) or self.names
        self._yjs.call("leave", peers=leaving)
        self.names = [name for name in self.names if name not in leaving]


@contextmanager
def peers_in(yjs: YjsHost, url: str, room: str) -> Iterator[Peers]:
    """Clients that leave when the test is over, however it ends."""
    peers = Peers(yjs, url, room)
    try:
        yield peers
    finally:
        peers.leave()


def fetch(url: str, room: str, doc: Doc | None = None) -> Doc:
    """Brings a Python document up to date with the server's, over a socket of its own."""
    doc = doc or Doc()
    with connect_websocket(f"{url}/{room}") as socket:
        state = doc.get_state()
        socket.send(bytes([0, _SYNC_STEP_1]) + _with_length(state))
        doc.apply_update(_answer(socket))
    return doc


def _answer(socket: ClientConnection) -> bytes:
    """The content of the server's sync step 2."""
    while True:
        message = socket.recv(timeout=20)
        assert isinstance(message, bytes)
        if message[:2] == bytes([0, _SYNC_STEP_2]):
            length, start = _length(message, 2)
            return message[start : start + length]


def _with_length(content: bytes) -> bytes:
    length, prefix = len(content), bytearray()
    while length > 127:
        prefix.append(length & 127 | 128)
        length >>= 7
    return bytes([*prefix, length]) + content


def _length(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] > 127:
        value |= (message[at] & 127) << shift
        shift += 7
        at += 1
    return value | message[at] << shift, at + 1
