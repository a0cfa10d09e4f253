"""Clients with the official yjs and y-websocket packages edit together through a real server."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from json_values import canonical, from_json
from officina.client import YjsClient
from officina.crdt import Array, Doc, Map, Text
from officina_server import OfficinaServer
from our_edits import Editor
from websocket_peers import Peers, fetch, peers_in
from yjs_host import YjsHost, decode, encode

CLIENTS = 5


@pytest.fixture
def peers(yjs: YjsHost, server: OfficinaServer, room: str):
    with peers_in(yjs, server.url, room) as clients:
        yield clients


def _expect_same(doc: Doc, held: dict) -> None:
    """A Python document and the description of a Yjs document are of the same content."""
    content = {
        "text": str(doc.get("text", type=Text)),
        "array": doc.get("array", type=Array).to_py(),
        "map": doc.get("map", type=Map).to_py(),
    }
    assert doc.get_state() == decode(held["state"])
    assert canonical(content) == canonical(from_json(held["plain"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clients_editing_everything_at_once_converge(
    peers: Peers, server: OfficinaServer, room: str, seed: int
) -> None:
    """Text with formatting and embeds, maps, arrays, XML, nested types, subdocuments."""
    names = [f"client {number}" for number in range(CLIENTS)]
    peers.join(*names)
    peers.until_synced()
    rng = Random(seed)

    for _ in range(8):
        for name in names:
            peers.edit(name, seed=rng.getrandbits(32), count=15)

    held = peers.until_converged()
    _expect_same(fetch(server.url, room), held)


def test_clients_editing_in_the_background_all_the_time_converge(
    peers: Peers, server: OfficinaServer, room: str
) -> None:
    peers.join("ada", "ben", "cleo")
    peers.ask("keepEditing", seed=11)
    peers.join("dora", "eve")
    peers.until_synced()
    peers.ask("rest")

    held = peers.until_converged()
    _expect_same(fetch(server.url, room), held)


def test_a_late_joiner_reads_the_whole_document(peers: Peers) -> None:
    peers.join("ada", "ben")
    peers.edit("ada", seed=5, count=200)
    peers.edit("ben", seed=6, count=200)
    before = peers.until_converged("ada", "ben")

    peers.join("late")
    peers.until_synced("late")

    assert peers.describe("late") == before


def test_a_document_outlives_its_last_client(peers: Peers) -> None:
    peers.join("ada")
    peers.edit("ada", seed=7, count=100)
    peers.join("witness")
    before = peers.until_converged()
    peers.leave()

    peers.join("next day")
    peers.until_synced("next day")

    assert peers.describe("next day") == before


def test_edits_made_before_connecting_arrive(
    peers: Peers, server: OfficinaServer, room: str
) -> None:
    """The server asks for them with a sync step 1 of its own."""
    peers.join("ada", "ben", connected=False)
    peers.edit("ada", seed=8, count=60)
    peers.edit("ben", seed=9, count=60)

    peers.ask("reconnect")

    held = peers.until_converged()
    _expect_same(fetch(server.url, room), held)


def test_edits_made_while_disconnected_arrive_once(peers: Peers) -> None:
    peers.join("ada", "ben")
    peers.type("ada", ("insert", 0, "before "))
    peers.until_converged()
    peers.ask("disconnect", "ada")
    peers.type("ada", ("insert", 7, "offline "))
    peers.type("ben", ("insert", 0, "online "))

    peers.ask("reconnect", "ada")

    assert sorted(peers.until_converged()["text"].split()) == ["before", "offline", "online"]


def test_sixty_four_clients_joining_a_fresh_document_at_once_are_all_synced(
    peers: Peers, server: OfficinaServer, room: str
) -> None:
    names = [f"client {number}" for number in range(64)]
    peers.join(*names)
    for number, name in enumerate(names):
        peers.type(name, ("insert", 0, f"{number} "))

    peers.until_synced()
    held = peers.until_converged()

    assert sorted(held["text"].split(), key=int) == [str(number) for number in range(64)]
    _expect_same(fetch(server.url, room), held)


def test_client_ids_of_53_bits_do_not_double_the_text(
    peers: Peers, server: OfficinaServer, room: str
) -> None:
    peers.join("ada", "ben", clients=[2**53 - 1, 2**52 + 12345])
    peers.type("ada", ("insert", 0, "ada"))
    peers.until_converged()
    peers.type("ben", ("insert", 3, "ben"))
    peers.until_converged()
    peers.ask("disconnect")
    peers.ask("reconnect")
    peers.until_synced()

    held = peers.until_converged()

    assert held["text"] == "adaben"
    _expect_same(fetch(server.url, room), held)


def test_one_authors_updates_delivered_out_of_order_read_bdac(
    peers: Peers, yjs: YjsHost, server: OfficinaServer, room: str
) -> None:
    """a@0, b@0, c@2, d@1 reach the server as 1, 4, 3, 2; the text is `bdac`, and stalls nowhere."""
    yjs.call("create", doc="author", client=77)
    edits = [("insert", 0, "a"), ("insert", 0, "b"), ("insert", 2, "c"), ("insert", 1, "d")]
    updates = [update for edit in edits for update in yjs.call("type", doc="author", edits=[edit])]
    peers.join("reader")
    peers.until_synced()

    for number in (1, 4, 3, 2):
        peers.join(f"carrier of {number}", updates=[updates[number - 1]])
        peers.until_synced()

    assert peers.until_converged()["text"] == "bdac"
    assert str(fetch(server.url, room).get("text", type=Text)) == "bdac"
    yjs.call("forget", docs=["author"])


def test_plain_clients_never_see_the_saved_message(peers: Peers) -> None:
    peers.join("plain")
    peers.join("asking", params={"saved": "1"})
    peers.until_synced()
    peers.type("plain", ("insert", 0, "a"))
    peers.type("asking", ("insert", 0, "b"))
    peers.ask("untilAllSaved", "asking")
    peers.until_converged()

    assert peers.history("plain") == {"saved": [], "closes": [], "unknown": [], "errors": 0}
    assert peers.history("asking")["saved"] != []


def test_a_document_name_may_hold_slashes_spaces_and_any_letter(
    yjs: YjsHost, server: OfficinaServer
) -> None:
    for name in ["a/b/c", "图纸%20один", "%F0%9F%98%80"]:
        with peers_in(yjs, server.url, name) as clients:
            clients.join("ada", "ben")
            clients.type("ada", ("insert", 0, name))

            assert clients.until_converged()["text"] == name


def test_a_python_client_edits_together_with_yjs_clients(
    peers: Peers, server: OfficinaServer, room: str
) -> None:
    peers.join("ada", "ben")
    peers.until_synced()
    peers.ask("keepEditing", seed=31)

    doc = Doc(client_id=2**40 + 1)
    editor = Editor(doc, Random(32))

    async def edit_along() -> dict:
        async with YjsClient(f"{server.url}/{room}", doc) as client:
            for _ in range(200):
                editor.edit()
                await client.throttle()
            await client.flush()
            peers.ask("rest")
            peers.ask("untilHas", state=encode(doc.get_state()))
            held = peers.until_converged()
            async with asyncio.timeout(20):
                while doc.get_state() != decode(held["state"]):
                    await asyncio.sleep(0.005)
            return held

    _expect_same(doc, asyncio.run(edit_along()))
