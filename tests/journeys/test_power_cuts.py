"""Servers that die in the middle of traffic: what was confirmed as saved is there afterwards."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import Callable
from random import Random

import pytest

from officina.client import YjsClient
from officina.crdt import Array, Doc
from officina.errors import RemoteProtocolError
from server_process import ServerProcess, until

Start = Callable[..., ServerProcess]


async def read_tokens(server: ServerProcess, document: str) -> list[str]:
    doc = Doc()
    tokens = doc.get("tokens", type=Array)
    async with YjsClient(f"{server.url}/{document}", doc):
        return list(tokens)


async def write_until_cut(server: ServerProcess, document: str, author: str) -> list[str]:
    """Write numbered tokens as fast as the server takes them; returns those confirmed as saved."""
    doc = Doc()
    tokens = doc.get("tokens", type=Array)
    written: list[str] = []
    client = YjsClient(f"{server.url}/{document}", doc)
    before = 0
    try:
        async with client:
            await client.flush()
            before = client.confirmed
            while True:
                written.append(f"{author}-{len(written)}")
                tokens.append(written[-1])
                await client.throttle()
                await asyncio.sleep(0)
    except RemoteProtocolError:
        return written[: max(client.confirmed - before, 0)]


async def write_and_kill(server: ServerProcess, authors: list[str], updates: int) -> list[str]:
    """Several authors write to two documents until the server has seen `updates`, then it dies."""
    writers = [
        asyncio.create_task(write_until_cut(server, f"document-{index % 2}", author))
        for index, author in enumerate(authors)
    ]
    seen = server.metric("officina_updates_total")
    await asyncio.to_thread(
        until, lambda: server.metric("officina_updates_total") >= seen + updates, "traffic"
    )
    server.kill()
    return [token for confirmed in await asyncio.gather(*writers) for token in confirmed]


@pytest.mark.timeout(600)
def test_nothing_confirmed_is_missing_after_25_kills_in_the_middle_of_traffic(
    start_server: Start,
) -> None:
    rng = Random(25)
    confirmed: set[str] = set()
    server = start_server(unload_after_s=0.05)
    for round_number in range(25):
        authors = [f"{round_number}-{author}" for author in range(rng.randint(1, 6))]

        confirmed |= set(asyncio.run(write_and_kill(server, authors, updates=rng.randint(1, 2000))))
        server = start_server(unload_after_s=0.05)

        found = [
            token
            for document in ("document-0", "document-1")
            for token in asyncio.run(read_tokens(server, document))
        ]
        assert confirmed <= set(found), f"round {round_number}: confirmed edits are missing"
        assert len(found) == len(set(found)), f"round {round_number}: edits came back twice"
    assert confirmed


def test_a_drained_server_says_1001_keeps_everything_and_exits_with_0(start_server: Start) -> None:
    server = start_server()

    written: list[str] = []

    async def write_until_drained() -> None:
        doc = Doc()
        tokens = doc.get("tokens", type=Array)
        async with YjsClient(f"{server.url}/drained", doc) as client:
            for number in range(500):
                tokens.append(str(number))
            await client.flush()
            written.extend(tokens)
            server.signal(signal.SIGTERM)
            while True:
                await client.throttle()

    with pytest.raises(RemoteProtocolError) as closed:
        asyncio.run(write_until_drained())

    assert closed.value.close_code == 1001
    assert server.wait() == 0
    assert asyncio.run(read_tokens(start_server(), "drained")) == written


def test_a_full_disk_is_told_to_the_peer_and_heals_without_a_restart(start_server: Start) -> None:
    server = start_server()
    unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)

    async def write(token: str) -> None:
        doc = Doc()
        tokens = doc.get("tokens", type=Array)
        async with YjsClient(f"{server.url}/full", doc) as client:
            tokens.append(token)
            await client.flush()

    asyncio.run(write("before"))
    largest = max(path.stat().st_size for path in server.data.iterdir())
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (largest, unlimited[1]))
    with pytest.raises(RemoteProtocolError, match="could not store"):
        asyncio.run(write("x" * (largest + 1_000_000)))
    assert server.health()["status"] == "unsaved"

    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
    until(lambda: server.health()["status"] == "ok", "the snapshot is tried again")
    server.kill()

    tokens = asyncio.run(read_tokens(start_server(), "full"))
    assert [len(token) for token in tokens] == [len("before"), largest + 1_000_000]


def test_a_damaged_document_is_refused_with_1011_and_the_others_are_served(
    start_server: Start,
) -> None:
    server = start_server()

    async def write(document: str) -> None:
        doc = Doc()
        tokens = doc.get("tokens", type=Array)
        async with YjsClient(f"{server.url}/{document}", doc) as client:
            await client.flush()
            for number in range(3):
                tokens.append(f"{document}-token-{number}")
                await client.flush()

    for document in ("broken", "whole"):
        asyncio.run(write(document))
    server.signal(signal.SIGTERM)
    server.wait()
    database = server.data / "officina.sqlite3"
    content = database.read_bytes()
    assert content.count(b"broken-token-1") == 1
    database.write_bytes(content.replace(b"broken-token-1", b"broken-tokem-1"))

    server = start_server()
    with pytest.raises(RemoteProtocolError, match="damaged") as refused:
        asyncio.run(read_tokens(server, "broken"))

    assert refused.value.close_code == 1011
    assert len(asyncio.run(read_tokens(server, "whole"))) == 3
    assert "record 2 of 3 fails its checksum" in server.log
