"""A document at rest: one file that opens at once and is the whole document when it is needed."""

from __future__ import annotations

import zlib

import pytest

from officina.crdt import Array, Doc, Map, Text
from officina.errors import DecodeError


def _written() -> Doc:
    doc = Doc(client_id=1)
    doc["text"] = Text("hello, 😀")
    doc["list"] = Array([1, "two", Text("three")])
    doc["map"] = Map({"key": Map({"inner": None})})
    del doc["text"][1:3]
    return doc


def test_a_document_comes_back_whole() -> None:
    """Byte for byte in what it sends, value for value in what it shows."""
    doc = _written()
    copy = Doc.from_bytes(doc.to_bytes())
    assert copy.to_py() == doc.to_py()
    assert copy.get_update() == doc.get_update()
    assert copy.to_bytes() == doc.to_bytes()


def test_texts_and_state_can_be_read_before_the_rest_is_decoded() -> None:
    """They say the same before and after."""
    doc = _written()
    copy = Doc.from_bytes(doc.to_bytes())
    assert list(copy) == ["text", "list", "map"]
    text = copy.get("text", type=Text)
    assert (str(text), len(text), text.to_py()) == ("hlo, 😀", 6, "hlo, 😀")
    assert copy.get_state() == doc.get_state()
    assert copy.statistics().blocks == doc.statistics().blocks
    assert (str(text), len(text)) == ("hlo, 😀", 6)


@pytest.mark.parametrize("offsets", ["codepoint", "utf8", "utf16"])
def test_lengths_count_what_the_new_document_counts(offsets: str) -> None:
    """The options are those of Doc."""
    data = _written().to_bytes()
    copy = Doc.from_bytes(data, offsets=offsets, client_id=9)
    text = copy.get("text", type=Text)
    before = len(text)
    text.insert(0, "x")
    assert len(text) == before + 1
    assert copy.client_id == 9


def test_the_first_edit_finds_everything_in_place() -> None:
    """Edits, updates and observers work as on any document."""
    doc = _written()
    ours, theirs = Doc.from_bytes(doc.to_bytes()), Doc.from_bytes(doc.to_bytes())
    heard: list[object] = []
    ours.get("text", type=Text).observe(lambda event: heard.append(event.delta))
    theirs.get("text", type=Text).insert(1, "e")
    ours.apply_update(theirs.get_update(ours.get_state()))
    assert str(ours["text"]) == "helo, 😀"
    assert heard == [[{"retain": 1}, {"insert": "e"}]]


def test_what_is_pending_stays_pending() -> None:
    """It is in the file too."""
    doc = _written()
    first = doc.get_update()
    state = doc.get_state()
    doc["text"] += "!"
    waiting = Doc()
    waiting.apply_update(doc.get_update(state))
    copy = Doc.from_bytes(waiting.to_bytes())
    assert copy.pending == waiting.pending
    copy.apply_update(first)
    assert copy.get_update() == doc.get_update()


def test_damage_is_noticed_when_the_file_is_opened() -> None:
    """Whatever byte it is."""
    data = _written().to_bytes()
    for at in range(len(data)):
        with pytest.raises(DecodeError):
            Doc.from_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
    for other in (b"", b"OFDOC", data[:-1], b"\x00\x00"):
        with pytest.raises(DecodeError):
            Doc.from_bytes(other)


def test_forged_content_cannot_be_passed_on() -> None:
    """A file whose checksum is right and whose content is no update opens; it loses no data."""
    data = bytearray(_written().to_bytes())
    data[-4:] = b"\xff\xff\xff\xff"
    data[6:10] = zlib.crc32(data[10:]).to_bytes(4, "little")
    doc = Doc.from_bytes(bytes(data))
    for refused in (
        lambda: doc["text"].insert(0, "x"),
        doc.get_update,
        doc.to_bytes,
        lambda: doc.apply_update(_written().get_update()),
    ):
        with pytest.raises(DecodeError, match="could not be thawed"):
            refused()


def test_only_an_empty_document_can_be_opened_into() -> None:
    """Roots to start with would get in the way."""
    with pytest.raises(ValueError, match="empty"):
        Doc.from_bytes(_written().to_bytes(), init={"text": Text("x")})
