"""The client's side of the sync protocol, message by message."""

from __future__ import annotations

import pytest

from officina.crdt import Doc, Text
from officina.errors import DecodeError, RemoteProtocolError
from officina.sync import YjsEndpoint


def sync(step: int, payload: bytes) -> bytes:
    assert len(payload) < 128
    return bytes([0, step, len(payload)]) + payload


def document(text: str) -> Doc:
    return Doc({"text": Text(text)})


def test_a_client_starts_by_asking_for_what_it_lacks() -> None:
    doc = document("ours")

    assert YjsEndpoint(doc).start() == sync(0, doc.get_state())


def test_the_answer_to_that_question_makes_it_synced() -> None:
    doc = Doc()
    endpoint = YjsEndpoint(doc)

    assert endpoint.receive(sync(1, document("theirs").get_update())) is None

    assert endpoint.is_synced
    assert str(doc.get("text", type=Text)) == "theirs"


def test_it_answers_the_server_with_what_the_server_lacks() -> None:
    doc = document("made before connecting")
    endpoint = YjsEndpoint(doc)

    answer = endpoint.receive(sync(0, Doc().get_state()))

    assert answer == sync(1, doc.get_update())
    assert endpoint.unconfirmed == 1


def test_an_update_that_is_relayed_does_not_make_it_synced() -> None:
    endpoint = YjsEndpoint(Doc())

    endpoint.receive(sync(2, document("x").get_update()))

    assert not endpoint.is_synced


def test_confirmations_are_counted() -> None:
    endpoint = YjsEndpoint(Doc())
    for _ in range(3):
        endpoint.update(b"\0\0")

    endpoint.receive(b"\x08\x01")
    endpoint.receive(b"\x08\x00")

    assert (endpoint.confirmed, endpoint.refused, endpoint.unconfirmed) == (1, 1, 1)


@pytest.mark.parametrize("message", [b"\1\0", b"\2\0", b"\3"])
def test_what_concerns_others_is_let_pass(message: bytes) -> None:
    assert YjsEndpoint(Doc()).receive(message) is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", 1007),
        (b"\0", 1007),
        (b"\0\1", 1007),
        (b"\0\1\5abc", 1007),
        (b"\0\1\1abc", 1007),
        (b"\xff" * 20, 1007),
        (b"\x08", 1007),
        (b"\0\3\0", 1003),
        (b"\x63", 1003),
    ],
)
def test_a_message_that_breaks_the_protocol_names_the_close_code(message: bytes, code: int) -> None:
    with pytest.raises(RemoteProtocolError) as broken:
        YjsEndpoint(Doc()).receive(message)

    assert broken.value.close_code == code


def test_an_update_that_is_none_changes_nothing() -> None:
    doc = document("ours")
    endpoint = YjsEndpoint(doc)

    with pytest.raises(DecodeError):
        endpoint.receive(sync(2, b"\xff\xff\xff"))

    assert str(doc.get("text", type=Text)) == "ours"
