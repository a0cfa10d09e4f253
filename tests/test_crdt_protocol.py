"""Messages of the Yjs sync protocol: their bytes, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officina.crdt import (
    Decoder,
    Doc,
    Encoder,
    Text,
    YMessageType,
    YSyncMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    read_message,
    write_message,
    write_var_uint,
)
from officina.errors import DecodeError


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.text())))
def test_what_is_encoded_is_decoded(pairs: list[tuple[int, str]]) -> None:
    encoder = Encoder()
    for number, text in pairs:
        encoder.write_var_uint(number)
        encoder.write_var_string(text)
    decoder = Decoder(encoder.to_bytes())
    assert [(decoder.read_var_uint(), decoder.read_var_string()) for _ in pairs] == pairs
    assert decoder.read_message() is None


@given(st.binary(max_size=64))
def test_any_bytes_are_decoded_or_refused(stream: bytes) -> None:
    doc = Doc({"text": Text("kept")})
    before = doc.get_update()
    try:
        handle_sync_message(stream, doc)
    except DecodeError:
        assert doc.get_update() == before


def test_the_bytes_are_those_of_lib0() -> None:
    assert write_var_uint(300) == b"\xac\x02"
    assert write_message(b"abc") == b"\x03abc"
    assert read_message(b"\x03abc, and more") == b"abc"
    assert create_awareness_message(b"abc") == b"\x01\x03abc"
    assert create_update_message(b"abc") == b"\x00\x02\x03abc"
    assert create_sync_message(Doc()) == b"\x00\x00\x01\x00"
    assert (YMessageType.SYNC, YMessageType.AWARENESS) == (0, 1)
    assert list(YSyncMessageType) == [0, 1, 2]


def test_two_documents_are_brought_into_step() -> None:
    one, two = Doc({"text": Text("abc")}), Doc({"text": Text()})
    reply = handle_sync_message(create_sync_message(two)[1:], one)
    assert reply is not None
    assert reply[:2] == bytes([YMessageType.SYNC, YSyncMessageType.SYNC_STEP2])
    assert handle_sync_message(reply[1:], two) is None
    assert str(two["text"]) == "abc"


@pytest.mark.parametrize("stream", [b"", b"\x02", b"\x80", b"\x05abc", b"\xff" * 12])
def test_a_stream_that_ends_too_early_is_refused(stream: bytes) -> None:
    with pytest.raises(DecodeError):
        read_message(stream)


def test_negative_integers_and_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        write_var_uint(-1)
    with pytest.raises(DecodeError):
        Decoder(b"\x01\xff").read_var_string()
    assert list(Decoder(b"\x01a\x02bc").read_messages()) == [b"a", b"bc"]


def test_a_decoder_says_where_it_is() -> None:
    decoder = Decoder(bytes([2, 97, 98, 7]))

    assert decoder.read_message() == b"ab"
    assert (decoder.stream, decoder.i0, decoder.length) == (bytes([2, 97, 98, 7]), 3, 1)
