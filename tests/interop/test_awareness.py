"""Who is there: awareness states of clients that join, change, say goodbye or vanish."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from officina_server import OfficinaServer
from websocket_peers import Peers, peers_in
from yjs_host import YjsHost

ADA, BEN, CLEO = 101, 102, 103


@pytest.fixture
def peers(yjs: YjsHost, server: OfficinaServer, room: str) -> Iterator[Peers]:
    """Ada and Ben, each with a cursor, who see each other."""
    with peers_in(yjs, server.url, room) as clients:
        clients.join("ada", "ben")
        yjs.call("setAwareness", peer="ada", state={"name": "Ada"})
        yjs.call("setAwareness", peer="ben", state={"name": "Ben", "cursor": [1, 2]})
        _until(clients, {ADA: {"name": "Ada"}, BEN: {"name": "Ben", "cursor": [1, 2]}})
        yield clients


def _until(peers: Peers, states: dict[int, dict], *names: str) -> None:
    peers.ask("untilAwareness", *names, states={str(client): states[client] for client in states})


def test_a_joining_client_sees_who_is_there_and_is_seen(peers: Peers, yjs: YjsHost) -> None:
    peers.join("cleo")
    yjs.call("setAwareness", peer="cleo", state={"name": "Cleo"})

    everyone = {
        ADA: {"name": "Ada"},
        BEN: {"name": "Ben", "cursor": [1, 2]},
        CLEO: {"name": "Cleo"},
    }
    _until(peers, everyone)


def test_a_changed_state_reaches_everyone(peers: Peers, yjs: YjsHost) -> None:
    yjs.call("setAwareness", peer="ben", state={"name": "Ben", "cursor": [3, 4]})

    _until(peers, {ADA: {"name": "Ada"}, BEN: {"name": "Ben", "cursor": [3, 4]}})


def test_a_client_that_leaves_is_gone_for_the_others(peers: Peers) -> None:
    peers.leave("ben")

    _until(peers, {ADA: {"name": "Ada"}})


def test_a_client_whose_socket_is_destroyed_is_gone_for_the_others(peers: Peers) -> None:
    """It says no goodbye, so the server says it in its place, at once and not after 30 seconds."""
    peers.ask("vanish", "ben")

    _until(peers, {ADA: {"name": "Ada"}}, "ada")


def test_a_client_that_comes_back_is_seen_again(peers: Peers) -> None:
    peers.ask("vanish", "ben")
    _until(peers, {ADA: {"name": "Ada"}}, "ada")

    peers.ask("reconnect", "ben")

    _until(peers, {ADA: {"name": "Ada"}, BEN: {"name": "Ben", "cursor": [1, 2]}})


def test_a_client_that_joins_after_another_vanished_does_not_see_it(
    peers: Peers, yjs: YjsHost
) -> None:
    peers.ask("vanish", "ben")
    _until(peers, {ADA: {"name": "Ada"}}, "ada")

    peers.join("cleo")
    yjs.call("setAwareness", peer="cleo", state={"name": "Cleo"})

    _until(peers, {ADA: {"name": "Ada"}, CLEO: {"name": "Cleo"}}, "ada", "cleo")
