"""The Python peer against servers that misbehave on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.datastructures import Headers

from officina import client as client_module
from officina.client import YjsClient
from officina.crdt import Doc, Text
from officina.errors import LocalProtocolError, RemoteProtocolError

Behavior = Callable[[ServerConnection], Awaitable[None]]
NOTHING_NEW = b"\0\1\2\0\0"
"""Sync step 2 with an empty update."""


def against(
    behavior: Behavior, play: Callable[[str], Awaitable[None]], **options: Any
) -> list[str]:
    """Run `play(url)` against a server of that behavior; returns the paths that were asked for."""
    paths: list[str] = []

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        paths.append(connection.request.path)
        await behavior(connection)

    async def perform() -> None:
        async with serve_websockets(handle, "127.0.0.1", 0, **options) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            await play(f"ws://127.0.0.1:{port}/yjs/notes")

    asyncio.run(perform())
    return paths


async def confirm_all(connection: ServerConnection) -> None:
    """A well-behaved server without a memory."""
    await connection.send(NOTHING_NEW)
    async for message in connection:
        if message[:2] in (b"\0\1", b"\0\2"):
            await connection.send(b"\x08\x01")


async def sync_and_fall_silent(connection: ServerConnection) -> None:
    await connection.send(NOTHING_NEW)
    await connection.wait_closed()


def test_an_edit_is_flushed_once_the_server_has_confirmed_it() -> None:
    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc) as client:
            text = doc.get("text", type=Text)
            for number in range(100):
                text.insert(number, "x")
            assert client.unconfirmed == 100
            await client.flush()
            assert (client.confirmed, client.unconfirmed) == (100, 0)

    against(confirm_all, play)


def test_it_asks_for_confirmations_and_keeps_what_the_url_asks_for_already() -> None:
    async def play(url: str) -> None:
        async with YjsClient(f"{url}?token=x", Doc()):
            pass

    assert against(confirm_all, play) == ["/yjs/notes?token=x&saved=1"]


def test_a_flush_fails_when_the_server_could_not_store_something() -> None:
    async def refuse_all(connection: ServerConnection) -> None:
        await connection.send(NOTHING_NEW)
        async for message in connection:
            if message.startswith(b"\0\2"):
                await connection.send(b"\x08\x00")

    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc) as client:
            doc.get("text", type=Text).insert(0, "x")
            with pytest.raises(RemoteProtocolError, match="could not store 1 updates"):
                await client.flush()

    against(refuse_all, play)


def test_a_flush_fails_when_the_server_makes_no_progress_in_time() -> None:
    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc, timeout_s=0.2) as client:
            doc.get("text", type=Text).insert(0, "x")
            with pytest.raises(RemoteProtocolError, match=r"did not answer within 0.2 s"):
                await client.flush()

    against(sync_and_fall_silent, play)


def test_a_server_that_closes_is_named_with_its_code_and_reason() -> None:
    async def close_at_once(connection: ServerConnection) -> None:
        await connection.close(1013, "come back later")

    async def play(url: str) -> None:
        with pytest.raises(RemoteProtocolError, match="1013 come back later") as closed:
            async with YjsClient(url, Doc()):
                pass
        assert closed.value.close_code == 1013

    against(close_at_once, play)


def test_a_server_that_closes_later_fails_the_next_flush() -> None:
    async def sync_and_close(connection: ServerConnection) -> None:
        await connection.send(NOTHING_NEW)
        await connection.recv()
        await connection.close(1001, "shutting down")

    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc) as client:
            doc.get("text", type=Text).insert(0, "x")
            with pytest.raises(RemoteProtocolError, match="1001 shutting down"):
                await client.flush()

    against(sync_and_close, play)


def test_a_refusal_is_quoted() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.FORBIDDEN, "not you\n")

    async def play(url: str) -> None:
        with pytest.raises(RemoteProtocolError, match="HTTP 403: not you"):
            async with YjsClient(url, Doc()):
                pass

    against(confirm_all, play, process_request=refuse)


def test_a_redirect_to_nowhere_is_an_error_of_the_server() -> None:
    def redirect(connection: ServerConnection, request: Request) -> Response:
        return Response(302, "Found", Headers(Location="http://127.0.0.1:9/"))

    async def play(url: str) -> None:
        with pytest.raises(RemoteProtocolError):
            async with YjsClient(url, Doc()):
                pass

    against(confirm_all, play, process_request=redirect)


@pytest.mark.parametrize(
    "message", ["text", b"\x63", b"\0\1\x7fabc"], ids=["text", "unknown type", "cut short"]
)
def test_a_message_that_breaks_the_protocol_ends_the_session(message: str | bytes) -> None:
    async def misbehave(connection: ServerConnection) -> None:
        await connection.send(message)
        await connection.wait_closed()

    async def play(url: str) -> None:
        with pytest.raises(RemoteProtocolError):
            async with YjsClient(url, Doc()):
                pass

    against(misbehave, play)


def test_who_edits_without_ever_waiting_is_told_to_throttle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "MAX_UNSENT_BYTES", 1000)
    raised: list[object] = []

    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc):
            text = doc.get("text", type=Text)
            try:
                for _ in range(1000):
                    text.insert(0, "x")
            except* LocalProtocolError as errors:
                raised.extend(errors.exceptions)

    against(confirm_all, play)
    assert raised


def test_throttle_waits_while_the_server_is_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_UNCONFIRMED", 10)

    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc) as client:
            text = doc.get("text", type=Text)
            for _ in range(100):
                text.insert(0, "x")
                await client.throttle()
                assert client.unconfirmed <= 10

    against(confirm_all, play)


def test_what_others_write_arrives_and_is_not_sent_back() -> None:
    update = Doc({"text": Text("theirs")}).get_update()
    received: list[bytes] = []

    async def relay(connection: ServerConnection) -> None:
        await connection.send(NOTHING_NEW)
        await connection.send(bytes([0, 2, len(update)]) + update)
        async for message in connection:
            assert isinstance(message, bytes)
            received.append(message)

    async def play(url: str) -> None:
        doc = Doc()
        async with YjsClient(url, doc) as client:
            while not str(doc.get("text", type=Text)):
                await client.throttle()
            assert client.unconfirmed == 0

    against(relay, play)
    assert [message[:2] for message in received] == [b"\0\0"]
