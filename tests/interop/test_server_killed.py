"""The server dies in mid-traffic and comes back: nothing saved is lost, nothing doubles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from officina.crdt import Doc, Text
from officina_server import OfficinaServer
from websocket_peers import Peers, fetch, peers_in
from yjs_host import YjsHost, decode

NAMES = ["ada", "ben", "cleo", "dora"]


@pytest.fixture
def peers(yjs: YjsHost, own_server: OfficinaServer, room: str) -> Iterator[Peers]:
    with peers_in(yjs, own_server.url, room) as clients:
        yield clients


def _clock(state: bytes, client: int) -> int:
    """How many edits of `client` a state vector counts."""
    numbers, value, shift = [], 0, 0
    for byte in state:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    return dict(zip(numbers[1::2], numbers[2::2], strict=True)).get(client, 0)


def test_what_was_confirmed_as_saved_survives_a_kill(
    peers: Peers, own_server: OfficinaServer, room: str
) -> None:
    peers.join(*NAMES, params={"saved": "1"})
    peers.until_synced()
    peers.ask("keepEditing", seed=21)
    peers.ask("untilSomeSaved", edits=150)

    own_server.kill()
    peers.ask("disconnect")
    peers.ask("rest")
    own_server.start()

    kept = fetch(own_server.url, room).get_state()
    for client, name in enumerate(NAMES, start=101):
        assert _clock(kept, client) >= peers.history(name)["saved"][-1] >= 150


def test_clients_reconnect_after_a_kill_and_converge(
    peers: Peers, own_server: OfficinaServer, room: str
) -> None:
    """They keep editing while the server is away, and connect again on their own."""
    peers.join(*NAMES)
    peers.until_synced()
    peers.ask("keepEditing", seed=22)

    for _ in range(2):
        own_server.kill()
        peers.ask("untilDisconnected")
        own_server.start()
        peers.until_synced()
    peers.ask("rest")

    held = peers.until_converged()
    assert fetch(own_server.url, room).get_state() == decode(held["state"])


def test_nothing_is_doubled_by_a_kill(peers: Peers, own_server: OfficinaServer, room: str) -> None:
    peers.join(*NAMES)
    for number, name in enumerate(NAMES):
        peers.type(name, ("insert", 0, f"before-{number} "))
    peers.until_converged()

    own_server.kill()
    peers.ask("untilDisconnected")
    for number, name in enumerate(NAMES):
        peers.type(name, ("insert", 0, f"during-{number} "))
    own_server.start()
    peers.until_synced()
    held = peers.until_converged()

    expected = sorted(f"{when}-{number}" for when in ("before", "during") for number in range(4))
    assert sorted(held["text"].split()) == expected
    stored: Doc = fetch(own_server.url, room)
    assert str(stored.get("text", type=Text)) == held["text"]


def test_a_document_is_there_after_an_orderly_restart(
    peers: Peers, own_server: OfficinaServer
) -> None:
    peers.join("ada", "ben")
    peers.edit("ada", seed=23, count=150)
    before = peers.until_converged()
    peers.leave()

    own_server.stop()
    own_server.start()
    peers.join("cleo")
    peers.until_synced()

    assert peers.describe("cleo") == before
