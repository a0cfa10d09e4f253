"""Formatted text: attributes, embeds, deltas in and out, and what observers hear of them."""

from __future__ import annotations

from typing import Any

import pytest

from officina.crdt import Doc, Map, Text, TextEvent, XmlFragment, XmlText
from officina.errors import LocalProtocolError


@pytest.fixture
def text() -> Text:
    return Doc({"text": Text()}, client_id=1).get("text", type=Text)


def test_text_is_inserted_with_the_attributes_given_and_no_others(text: Text) -> None:
    text.insert(0, "plain ")
    text.insert(6, "bold", {"bold": True})
    text.insert(8, "--", {"italic": True})
    assert text.diff() == [
        ("plain ", None),
        ("bo", {"bold": True}),
        ("--", {"italic": True}),
        ("ld", {"bold": True}),
    ]


def test_text_without_attributes_takes_over_those_before_it(text: Text) -> None:
    text.insert(0, "ab", {"bold": True})
    text.insert(1, "x")
    text.insert(3, "y")
    text.insert(0, "z")
    assert text.diff() == [("z", None), ("axby", {"bold": True})]


def test_formatting_sets_and_takes_away(text: Text) -> None:
    text.insert(0, "hello world")
    text.format(0, 5, {"bold": True, "link": {"to": "a"}})
    text.format(2, 8, {"bold": None, "size": 1.5})
    assert text.to_delta() == [
        {"insert": "he", "attributes": {"bold": True, "link": {"to": "a"}}},
        {"insert": "llo", "attributes": {"link": {"to": "a"}, "size": 1.5}},
        {"insert": " wo", "attributes": {"size": 1.5}},
        {"insert": "rld"},
    ]


def test_deleting_formatted_text_leaves_no_marks_behind() -> None:
    doc = Doc({"text": Text()}, client_id=1)
    text = doc.get("text", type=Text)
    text.insert(0, "abc")
    text.insert(1, "x", {"bold": True})
    del text[1]
    assert text.to_delta() == [{"insert": "abc"}]
    text.insert(1, "y")
    assert text.to_delta() == [{"insert": "aybc"}]


def test_embeds_take_the_room_of_one_unit(text: Text) -> None:
    text.insert(0, "ab")
    text.insert_embed(1, {"image": "x.png"}, {"width": 10})
    assert len(text) == 3
    assert str(text) == "ab"
    assert text.diff() == [("a", None), ({"image": "x.png"}, {"width": 10}), ("b", None)]


def test_a_shared_type_can_be_embedded(text: Text) -> None:
    inner = Map({"k": 1})
    text.insert_embed(0, inner)
    inner["k"] = 2
    [(found, attributes)] = text.diff()
    assert found == inner
    assert attributes is None
    assert found["k"] == 2


def test_a_delta_is_applied_from_the_start(text: Text) -> None:
    text.insert(0, "Gandalf the Grey")
    text.apply_delta(
        [
            {"retain": 7, "attributes": {"bold": True}},
            {"retain": 5},
            {"insert": "White", "attributes": {"color": "#fff"}},
            {"delete": 4},
        ]
    )
    assert text.to_delta() == [
        {"insert": "Gandalf", "attributes": {"bold": True}},
        {"insert": " the "},
        {"insert": "White", "attributes": {"color": "#fff"}},
    ]


def test_the_last_newline_is_left_out_if_sanitize_is_false(text: Text) -> None:
    text.apply_delta([{"insert": "a\n"}], sanitize=False)
    assert str(text) == "a"
    text.clear()
    text.apply_delta([{"insert": "a\n"}])
    assert str(text) == "a\n"


def test_the_last_newline_is_left_out_before_deleted_text_as_well(text: Text) -> None:
    text.insert(0, "abc")
    del text[2]
    text.apply_delta([{"retain": 2}, {"insert": "x\n"}], sanitize=False)
    assert str(text) == "abx"


def test_retaining_past_the_end_adds_newlines(text: Text) -> None:
    text.apply_delta([{"retain": 2}, {"insert": "x"}])
    assert str(text) == "\n\nx"


def test_what_is_no_delta_changes_nothing(text: Text) -> None:
    text.insert(0, "abc")
    with pytest.raises(ValueError, match="insert, retain and delete"):
        text.apply_delta([{"delete": 1}, {}])
    assert str(text) == "abc"


def test_formatting_past_the_end_is_refused(text: Text) -> None:
    text.insert(0, "abc")
    with pytest.raises(IndexError):
        text.format(1, 4, {"bold": True})
    with pytest.raises(IndexError):
        text.insert(4, "x", {"bold": True})
    assert text.diff() == [("abc", None)]


def test_observers_hear_of_attributes(text: Text) -> None:
    deltas: list[list[dict[str, Any]]] = []

    def heard(event: TextEvent) -> None:
        deltas.append(event.delta)

    subscription = text.observe(heard)
    text.insert(0, "hello", {"bold": True})
    text.format(1, 3, {"bold": None, "size": 2})
    text.insert_embed(5, {"e": 1})
    text.unobserve(subscription)
    assert deltas == [
        [{"insert": "hello", "attributes": {"bold": True}}],
        [{"retain": 1}, {"retain": 2, "attributes": {"bold": None, "size": 2}}],
        [{"retain": 5}, {"insert": {"e": 1}}],
    ]


def test_marks_that_concurrent_formatting_left_are_tidied_up_in_an_update_of_their_own() -> None:
    docs = [Doc({"text": Text()}, client_id=client) for client in (1, 2)]
    texts = [doc.get("text", type=Text) for doc in docs]
    texts[0].insert(0, "abcd")
    docs[1].apply_update(docs[0].get_update())
    texts[0].format(1, 3, {"bold": True})
    del texts[1][0:4]
    updates: list[bytes] = []
    subscription = docs[0].observe(lambda event: updates.append(event.update))
    docs[0].apply_update(docs[1].get_update(docs[0].get_state()))
    docs[0].unobserve(subscription)
    assert len(updates) == 2
    docs[1].apply_update(docs[0].get_update())
    assert [text.to_delta() for text in texts] == [[], []]
    assert docs[0].get_update() == docs[1].get_update()


def test_marks_are_tidied_up_after_an_update_applied_in_a_transaction_as_well() -> None:
    """As in Yjs, where an update within a transaction makes that a remote one."""
    docs = [Doc({"text": Text()}, client_id=client) for client in (1, 2)]
    texts = [doc.get("text", type=Text) for doc in docs]
    texts[0].insert(0, "abcd")
    docs[1].apply_update(docs[0].get_update())
    texts[0].format(1, 3, {"bold": True})
    del texts[1][0:4]
    origins: list[object] = []
    subscription = docs[0].observe(lambda event: origins.append(event.origin))
    with docs[0].transaction(origin="network"):
        docs[0].apply_update(docs[1].get_update(docs[0].get_state()))
    docs[0].unobserve(subscription)
    assert origins == ["network", None]


def test_reading_what_changed_deletes_no_marks() -> None:
    docs = [Doc({"text": Text()}, client_id=client) for client in (1, 2, 3)]
    texts = [doc.get("text", type=Text) for doc in docs]
    texts[0].insert(0, "abcdef")
    docs[1].apply_update(docs[0].get_update())
    texts[0].format(2, 4, {"bold": True})
    texts[1].format(0, 6, {"bold": True})
    docs[2].apply_update(docs[0].get_update())
    update = docs[1].get_update(docs[0].get_state())
    docs[0].apply_update(update)
    deltas: list[list[dict[str, Any]]] = []

    def heard(event: TextEvent) -> None:
        deltas.append(event.delta)

    subscription = texts[2].observe(heard)
    docs[2].apply_update(update)
    texts[2].unobserve(subscription)
    assert deltas == [[{"retain": 4, "attributes": {"bold": True}}]]
    assert docs[2].get_update() == docs[0].get_update()


@pytest.mark.parametrize("make", [Text, XmlText])
def test_a_delta_may_insert_shared_types(make: type[Text] | type[XmlText]) -> None:
    doc = Doc({"text": Text(), "fragment": XmlFragment()}, client_id=1)
    text = doc["text"] if make is Text else doc["fragment"].children.append("")
    entries, words = Map({"key": "value"}), Text("inside")

    text.apply_delta(
        [
            {"insert": "ab"},
            {"insert": entries, "attributes": {"bold": True}},
            {"insert": {"plain": 1}},
            {"insert": words},
        ]
    )

    assert [run["insert"] for run in text.to_delta()] == ["ab", entries, {"plain": 1}, words]
    words += "!"
    entries["more"] = 2
    copy = Doc(client_id=2)
    copy.apply_update(doc.get_update())
    same = (
        copy.get("text", type=Text)
        if make is Text
        else copy.get("fragment", type=XmlFragment).children[0]
    )
    assert [str(run["insert"]) for run in same.to_delta()] == [
        "ab",
        '{"key":"value","more":2}',
        "{'plain': 1}",
        "inside!",
    ]
    for refused in (text.to_delta(), [{"insert": Map()}, {"insert": Doc()}]):
        before = doc.get_update()
        with pytest.raises((LocalProtocolError, ValueError)):
            text.apply_delta(refused)
        assert doc.get_update() == before


def test_a_stretch_that_ends_before_it_begins_is_refused(text: Text) -> None:
    text += "hello"

    for call in (lambda: text.format(3, 1, {"bold": True}), lambda: text.attribution(3, 1)):
        with pytest.raises(IndexError, match="stop 1 lies before start 3"):
            call()
    assert text.attribution(2, 2) == []
