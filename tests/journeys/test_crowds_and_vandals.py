"""Many peers at once, slow ones and hostile ones: whoever behaves notices nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from officina.client import YjsClient
from officina.crdt import Array, Doc, Text
from raw_peer import CLOSE, PING, TEXT, RawPeer, frame, sync_message
from server_process import ServerProcess, until

Start = Callable[..., ServerProcess]


def write(server: ServerProcess, document: str, text: str) -> None:
    async def connect_and_write() -> None:
        doc = Doc()
        async with YjsClient(f"{server.url}/{document}", doc) as client:
            doc.get("text", type=Text).insert(0, text)
            await client.flush()

    asyncio.run(connect_and_write())


def read(server: ServerProcess, document: str) -> str:
    async def connect_and_read() -> str:
        doc = Doc()
        async with YjsClient(f"{server.url}/{document}", doc):
            return str(doc.get("text", type=Text))

    return asyncio.run(connect_and_read())


# Crowds


def test_64_peers_who_open_one_unloaded_document_at_once_all_get_it(
    start_server: Start,
) -> None:
    first = start_server()
    write(first, "crowded", "what was written yesterday")
    first.kill()
    server = start_server()

    async def join(_: int) -> str:
        doc = Doc()
        async with YjsClient(f"{server.url}/crowded", doc):
            return str(doc.get("text", type=Text))

    async def join_at_once() -> list[str]:
        return await asyncio.gather(*map(join, range(64)))

    assert asyncio.run(join_at_once()) == ["what was written yesterday"] * 64


def test_64_peers_who_edit_one_fresh_document_at_once_converge(server: ServerProcess) -> None:
    async def join_edit_and_wait(author: int) -> list[int]:
        doc = Doc()
        authors = doc.get("authors", type=Array)
        async with YjsClient(f"{server.url}/fresh", doc) as client:
            authors.append(author)
            await client.flush()
            while len(authors) < 64:
                await client.throttle()
            return list(authors)

    async def edit_at_once() -> list[list[int]]:
        return await asyncio.gather(*map(join_edit_and_wait, range(64)))

    seen = asyncio.run(edit_at_once())

    assert sorted(seen[0]) == list(range(64))
    assert all(one == seen[0] for one in seen)


def test_peers_that_leave_while_the_document_is_loading_do_no_harm(server: ServerProcess) -> None:
    write(server, "left", "still here")
    for _ in range(20):
        with RawPeer(server.port, "/yjs/left"):
            pass

    assert read(server, "left") == "still here"
    until(lambda: server.health()["peers"] == 0, "all have left")


def test_a_document_nobody_uses_is_compacted_unloaded_and_comes_back_whole(
    start_server: Start,
) -> None:
    server = start_server(unload_after_s=0.05)
    write(server, "idle", "a long story. " * 1000)

    until(lambda: server.health()["documents"] == 0, "the document is unloaded")

    assert read(server, "idle") == "a long story. " * 1000


# Slow ones


def test_a_reader_that_stalls_is_closed_with_1013_while_the_others_go_on(
    start_server: Start,
) -> None:
    server = start_server(close_timeout_s=30)
    with RawPeer(server.port, "/yjs/busy", receive_buffer=4096) as stalled:
        assert stalled.status == 101
        write(server, "busy", "x")
        for _ in range(10):
            write(server, "busy", "a lot of news " * 50_000)
            if server.metric("officina_slow_peers_closed_total"):
                break
        until(
            lambda: server.metric("officina_slow_peers_closed_total") == 1,
            "the stalled reader is closed",
        )

        assert stalled.close_code() == 1013
    assert read(server, "busy").startswith("a lot of news")


def test_a_request_that_never_ends_is_cut_off(start_server: Start) -> None:
    server = start_server(handshake_timeout_s=0.3)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as slow:
        slow.sendall(b"GET /yjs/a HTTP/1.1\r\nHost: ")
        assert slow.recv(100) == b""


def test_a_peer_that_answers_no_ping_is_closed(start_server: Start) -> None:
    server = start_server(ping_interval_s=0.2, ping_timeout_s=0.2)
    with RawPeer(server.port, "/yjs/silent") as silent:
        assert silent.status == 101
        assert silent.close_code() in range(1000, 1015)
    until(lambda: server.health()["peers"] == 0, "it is forgotten")


# Vandals

HOSTILE = {
    "a text frame": (frame(b"hello", TEXT), 1003),
    "an unmasked frame": (b"\x82\x01\x00", 1002),
    "a reserved bit": (frame(b"\0\0\1\0", first=0xC2), 1002),
    "an unknown opcode": (frame(b"", first=0x83), 1002),
    "a fragmented ping": (frame(b"", first=PING), 1002),
    "a continuation of nothing": (frame(b"x", first=0x80), 1002),
    "a frame that claims 2**64 bytes": (b"\x82\xff" + b"\xff" * 8 + b"\0" * 4, 1009),
    "a frame that claims 1 GiB": (b"\x82\xff" + (1 << 30).to_bytes(8, "big") + b"\0" * 4, 1009),
    "a message of unknown type": (frame(bytes([99, 1, 2, 3])), 1003),
    "an empty message": (frame(b""), 1007),
    "a sync message of unknown step": (frame(sync_message(7, b"")), 1007),
    "an update that is cut short": (frame(sync_message(2, b"\1\1\1")), 1007),
    "an update that claims 2**32 blocks": (
        frame(sync_message(2, b"\1\xff\xff\xff\xff\x0f\1\0")),
        1007,
    ),
    "an update with invalid UTF-8": (
        frame(sync_message(2, b"\1\1\1\0\4\1\4text\2\xff\xfe\0")),
        1007,
    ),
    "a state vector that is none": (frame(sync_message(0, b"\xff\xff")), 1007),
    "awareness that is none": (frame(b"\1\5\1\1\1\3abc"), 1007),
    "a payload longer than its message": (frame(b"\0\2\x7fabc"), 1007),
    "a close reason with invalid UTF-8": (frame(b"\x03\xe8\xff\xfe", CLOSE), 1007),
    "noise": (frame(bytes(range(10, 256))), 1003),
}


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> ServerProcess:
    server = ServerProcess(tmp_path_factory.mktemp("besieged") / "data")
    write(server, "garden", "roses")
    yield server
    server.kill()


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_bytes_close_their_sender_with_the_right_code_and_nobody_else(
    besieged: ServerProcess, attack: str
) -> None:
    hostile, code = HOSTILE[attack]
    with (
        RawPeer(besieged.port, "/yjs/garden") as vandal,
        RawPeer(besieged.port, "/yjs/garden") as gardener,
    ):
        vandal.send(hostile)

        assert vandal.close_code() == code
        gardener.send(frame(sync_message(0, b"\0")))
        while not (message := gardener.message()).startswith(b"\0\1"):
            pass
        assert b"roses" in message
    assert read(besieged, "garden") == "roses"
    assert besieged.log == ""


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        ("/", 404, "Documents are at /yjs/<document>"),
        ("/elsewhere", 404, "Documents are at /yjs/<document>"),
        ("/yjs", 404, "Documents are at /yjs/<document>"),
        ("/yjs/", 400, "1 to 255 bytes of UTF-8; this one has 0"),
        ("/yjs/" + "n" * 256, 400, "this one has 256"),
        ("/yjs/%FF%FE", 400, "valid UTF-8"),
        ("/yjs/a%00b", 400, "no control characters"),
        ("/yjs/a%0Ab", 400, "no control characters"),
        ("/yjs/a?saved=perhaps", 400, "saved is 0 or 1"),
    ],
)
def test_absurd_names_are_refused_with_a_status_and_a_sentence(
    besieged: ServerProcess, target: str, status: int, sentence: str
) -> None:
    with RawPeer(besieged.port, target) as peer:
        assert peer.status == status
        assert sentence in peer.rest()


@pytest.mark.parametrize(
    "target",
    [
        "/yjs/plain",
        "/yjs/with/slashes/",
        "/yjs/%E6%BC%A2%E5%AD%97",
        "/yjs/%20",
        "/yjs/" + "n" * 255,
    ],
)
def test_names_of_all_kinds_are_welcome(besieged: ServerProcess, target: str) -> None:
    with RawPeer(besieged.port, target) as peer:
        assert peer.status == 101


def test_a_page_of_another_site_is_refused(besieged: ServerProcess) -> None:
    with RawPeer(besieged.port, "/yjs/garden", "Origin: https://evil.example") as page:
        assert page.status == 403
        assert "--allow-origin" in page.rest()


def test_a_page_of_this_machine_may_connect(besieged: ServerProcess) -> None:
    with RawPeer(besieged.port, "/yjs/garden", "Origin: http://localhost:5173") as page:
        assert page.status == 101
