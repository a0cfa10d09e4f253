"""`Text`: what a reader sees, what an index means, what is refused."""

from __future__ import annotations

import pytest

from officina.crdt import Doc, Text


@pytest.fixture
def text() -> Text:
    return Doc(client_id=1).get("text", type=Text)


def test_a_new_text_is_empty(text: Text) -> None:
    assert str(text) == ""
    assert len(text) == 0


def test_a_text_can_be_given_to_a_document_with_content() -> None:
    doc = Doc()
    doc["text"] = text = Text("hello")

    assert str(text) == "hello"
    assert str(doc["text"]) == "hello"


def test_insert_puts_text_before_an_index(text: Text) -> None:
    text.insert(0, "hello")
    text.insert(0, ">")
    text.insert(6, "<")
    text.insert(3, "-")

    assert str(text) == ">he-llo<"


def test_adding_appends(text: Text) -> None:
    text += "one"
    text += " two"

    assert str(text) == "one two"


def test_a_slice_can_be_deleted(text: Text) -> None:
    text += "hello world"

    del text[2:5]

    assert str(text) == "he world"


def test_one_character_can_be_deleted(text: Text) -> None:
    text += "hello"

    del text[1]

    assert str(text) == "hllo"


def test_a_slice_without_ends_is_everything(text: Text) -> None:
    text += "hello"

    assert text[:] == "hello"
    del text[:]

    assert str(text) == ""


def test_a_slice_can_be_replaced(text: Text) -> None:
    text += "hello world"

    text[0:5] = "goodbye"

    assert str(text) == "goodbye world"


def test_clear_empties_a_text(text: Text) -> None:
    text += "hello"

    text.clear()

    assert str(text) == ""


@pytest.mark.parametrize(("offsets", "after_emoji"), [("codepoint", 1), ("utf8", 4), ("utf16", 2)])
def test_an_index_counts_in_the_units_the_document_was_made_with(
    offsets: str, after_emoji: int
) -> None:
    text = Doc(offsets=offsets).get("text", type=Text)
    text.insert(0, "😀b")

    text.insert(after_emoji, "a")

    assert str(text) == "😀ab"
    assert len(text) == after_emoji + 2


@pytest.mark.parametrize(("offsets", "inside"), [("utf8", 1), ("utf8", 3), ("utf16", 1)])
def test_an_index_inside_a_character_is_refused_and_changes_nothing(
    offsets: str, inside: int
) -> None:
    doc = Doc(offsets=offsets)
    text = doc.get("text", type=Text)
    text.insert(0, "😀b")
    before = doc.get_update()

    with pytest.raises((IndexError, ValueError)):
        text.insert(inside, "a")
    with pytest.raises((IndexError, ValueError)):
        del text[0:inside]

    assert doc.get_update() == before


@pytest.mark.parametrize("index", [6, 100, 2**31, 2**62])
def test_inserting_past_the_end_is_refused_and_changes_nothing(text: Text, index: int) -> None:
    text += "hello"

    with pytest.raises(IndexError):
        text.insert(index, "x")

    assert str(text) == "hello"


def test_deleting_past_the_end_deletes_what_is_there_as_slices_do(text: Text) -> None:
    text += "hello"

    del text[3:100]

    assert str(text) == "hel"


def test_deleting_a_character_past_the_end_is_refused(text: Text) -> None:
    text += "hello"

    with pytest.raises(IndexError):
        del text[5]

    assert str(text) == "hello"


def test_a_lone_surrogate_is_refused_and_changes_nothing(text: Text) -> None:
    """It has no UTF-8 form, so no peer could be told about it."""
    text += "hello"

    with pytest.raises(ValueError, match="surrogate"):
        text.insert(0, "\ud800")

    assert str(text) == "hello"


def test_only_strings_can_be_inserted(text: Text) -> None:
    with pytest.raises(TypeError):
        text.insert(0, 5)

    assert str(text) == ""


def test_a_text_contains_its_parts(text: Text) -> None:
    text += "hello"

    assert "ell" in text
    assert "x" not in text


def test_two_authors_typing_at_one_place_agree_on_the_order() -> None:
    one, two = Doc(client_id=1), Doc(client_id=2)
    one.get("text", type=Text).insert(0, "aaa")
    two.get("text", type=Text).insert(0, "bbb")

    one.apply_update(two.get_update())
    two.apply_update(one.get_update())

    assert str(one.get("text", type=Text)) == str(two.get("text", type=Text)) == "aaabbb"


def test_a_root_stays_the_type_it_was_opened_as(text: Text) -> None:
    from officina.crdt import Array

    doc = Doc()
    doc.get("root", type=Text).insert(0, "a")

    with pytest.raises(TypeError):
        doc.get("root", type=Array)


def test_an_index_larger_than_any_text_is_out_of_range(text: Text) -> None:
    with pytest.raises(IndexError, match="out of range"):
        text[10**30]


def test_a_document_is_true_before_anything_is_in_it() -> None:
    doc = Doc()

    assert (doc or Doc()) is doc
