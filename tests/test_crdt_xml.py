"""XML types in Python: the tree, its views, its events, and what the text forms look like."""

from __future__ import annotations

from typing import Any

import pytest

from officina.crdt import (
    Array,
    Assoc,
    Doc,
    Map,
    Snapshot,
    Text,
    XmlElement,
    XmlEvent,
    XmlFragment,
    XmlText,
)


@pytest.fixture
def doc() -> Doc:
    return Doc(client_id=1)


@pytest.fixture
def page(doc: Doc) -> XmlFragment:
    """A page that reads `Hello <em class="bold">World</em>!`."""
    doc["page"] = page = XmlFragment(
        [XmlText("Hello "), XmlElement("em", {"class": "bold"}, [XmlText("World")]), "!"]
    )
    return page


def test_a_tree_is_written_as_xml(page: XmlFragment) -> None:
    assert str(page) == 'Hello <em class="bold">World</em>!'
    assert [str(node) for node in page.children] == [
        "Hello ",
        '<em class="bold">World</em>',
        "!",
    ]


def test_another_replica_reads_the_same_tree(doc: Doc, page: XmlFragment) -> None:
    other = Doc()
    other.apply_update(doc.get_update())
    read = other.get("page", type=XmlFragment)
    assert str(read) == str(page)
    assert [type(node) for node in read.children] == [XmlText, XmlElement, XmlText]


def test_nodes_know_where_they_stand(page: XmlFragment) -> None:
    hello, emphasis, mark = page.children
    assert page.parent is None
    assert emphasis.parent == page
    assert hash(emphasis.parent) == hash(page)
    assert emphasis.children[0].parent == emphasis
    assert page.first_child == hello
    assert (hello.previous_sibling, hello.next_sibling) == (None, emphasis)
    assert (mark.previous_sibling, mark.next_sibling) == (emphasis, None)
    assert hello.siblings() == [emphasis, mark]
    assert page.siblings() == []
    assert page.descendants() == [hello, emphasis, emphasis.first_child, mark]
    assert page != object()


def test_a_node_in_a_map_or_an_array_has_no_siblings(doc: Doc) -> None:
    doc["map"] = entries = Map({"node": XmlElement("a")})
    doc["array"] = Array([XmlFragment(["x"])])
    assert entries["node"].parent == entries
    assert entries["node"].siblings() == []
    assert str(doc["array"][0]) == "x"
    assert doc.to_py() == {"map": {"node": "<a></a>"}, "array": ["x"]}


def test_children_are_a_list(page: XmlFragment) -> None:
    children = page.children
    strong = children.insert(1, XmlElement("strong", None, ["wonderful"]))
    assert isinstance(strong, XmlElement)
    space = children.insert(2, " ")
    assert isinstance(space, XmlText)
    assert str(page) == 'Hello <strong>wonderful</strong> <em class="bold">World</em>!'
    assert len(children) == 5
    assert children[1] == strong
    assert children[-1] == list(children)[4]
    assert children[1:3] == [strong, space]
    assert strong in children
    children[4] = "?"
    del children[1:3]
    assert str(page) == 'Hello <em class="bold">World</em>?'
    del children[0]
    children.append(XmlElement("br"))
    assert str(page) == '<em class="bold">World</em>?<br></br>'
    del children[:]
    assert str(page) == ""


def test_children_refuse_what_is_not_there(page: XmlFragment) -> None:
    for act in (
        lambda: page.children[3],
        lambda: page.children.insert(4, "x"),
        lambda: page.children.insert(-1, "x"),
        lambda: page.children.__delitem__(3),
        lambda: page.children.__setitem__(3, "x"),
    ):
        with pytest.raises(IndexError):
            act()
    with pytest.raises(TypeError):
        page.children["first"]  # type: ignore[call-overload]
    assert len(page.children) == 3


def test_children_refuse_what_is_no_node(page: XmlFragment) -> None:
    for value in (1, None, Text("x"), {"a": 1}):
        with pytest.raises(TypeError):
            page.children.append(value)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        Doc({"page": XmlFragment([3])})  # type: ignore[list-item]


def test_a_node_stands_in_one_place_only(page: XmlFragment) -> None:
    for node in page.children:
        with pytest.raises(ValueError, match="part of a document already"):
            page.children.append(node)
    twice = XmlElement("a")
    with pytest.raises(RuntimeError):
        page.children.append(XmlElement("b", None, [twice, twice]))
    assert len(page.children) == 3


def test_attributes_are_a_dictionary_of_pairs(page: XmlFragment) -> None:
    attributes = page.children[1].attributes
    assert page.children[1].tag == "em"
    assert attributes["class"] == attributes.get("class") == "bold"
    assert "class" in attributes
    assert attributes.get("id") is None
    with pytest.raises(KeyError):
        attributes["id"]
    attributes["id"] = "x"
    assert list(attributes) == [("class", "bold"), ("id", "x")]
    assert len(attributes) == 2
    del attributes["class"]
    del attributes["class"]
    assert str(page.children[1]) == '<em id="x">World</em>'


def test_attributes_are_written_by_name_and_as_javascript_does(doc: Doc) -> None:
    doc["page"] = page = XmlFragment([XmlElement("A", [("z", "1")])])
    attributes = page.children[0].attributes
    values: dict[str, Any] = {
        "f": 1e21,
        "i": 3,
        "l": [1, [2, None]],
        "n": None,
        "o": {"a": 1},
        "t": True,
    }
    for key, value in values.items():
        attributes[key] = value
    written = 'f="1e+21" i="3" l="1,2," n="null" o="[object Object]" t="true" z="1"'
    assert str(page) == f"<a {written}></a>"
    assert dict(attributes) == {"z": "1", **values}
    assert "n" in attributes


def test_a_text_has_attributes_and_edits_like_a_text(page: XmlFragment) -> None:
    text = page.children[0]
    text.attributes["lang"] = "en"
    assert list(text.attributes) == [("lang", "en")]
    text.insert(5, ", 𝄞")
    text += "dear "
    assert len(text) == len("Hello, 𝄞 dear ")
    assert str(text) == text.to_py() == "Hello, 𝄞 dear "
    del text[5:8]
    del text[0]
    assert str(text) == "ello dear "
    text.clear()
    assert str(text) == ""
    with pytest.raises(IndexError):
        text.insert(1, "x")


def test_formatting_is_written_as_tags(page: XmlFragment) -> None:
    text = page.children[0]
    text.insert(0, "Oh! ", {"b": True})
    text.format(0, 3, {"i": {"class": "x", "at": 1}})
    text.format(1, 2, {"b": None})
    assert str(text) == (
        '<b><i at="1" class="x">O</i></b><i at="1" class="x">h</i>'
        '<b><i at="1" class="x">!</i></b><b> </b>Hello '
    )
    italic = {"class": "x", "at": 1}
    assert text.diff() == [
        ("O", {"b": True, "i": italic}),
        ("h", {"i": italic}),
        ("!", {"b": True, "i": italic}),
        (" ", {"b": True}),
        ("Hello ", None),
    ]
    assert text.to_delta()[1] == {"insert": "h", "attributes": {"i": italic}}
    with pytest.raises(IndexError):
        text.format(0, 99, {"b": True})


def test_embeds_take_the_room_of_one_unit(page: XmlFragment) -> None:
    text = page.children[2]
    text.insert_embed(0, {"image": "x.png"}, {"b": True})
    image = XmlElement("img", {"src": "y.png"})
    text.insert_embed(2, image)
    assert len(text) == 3
    assert image.parent == text
    assert str(text) == '<b>[object Object]</b>!<img src="y.png"></img>'
    assert text.diff() == [({"image": "x.png"}, {"b": True}), ("!", None), (image, None)]


def test_text_events_carry_attributes(page: XmlFragment) -> None:
    text = page.children[0]
    seen: list[Any] = []
    text.observe(lambda event: seen.append(event.delta))
    text.format(1, 3, {"b": True})
    text.insert_embed(0, {"a": 1})
    assert seen == [
        [{"retain": 1}, {"retain": 2, "attributes": {"b": True}}],
        [{"insert": {"a": 1}}],
    ]


def test_what_is_not_part_of_a_document_says_so() -> None:
    text, element, fragment = XmlText("a"), XmlElement("b"), XmlFragment()
    assert text.to_py() == text.prelim == "a"
    assert element.prelim == ("b", [], [])
    assert XmlFragment(["a"]).prelim == ["a"]
    for act in (
        lambda: str(text),
        lambda: element.tag,
        lambda: fragment.children,
        lambda: element.attributes,
        lambda: fragment.parent,
        lambda: fragment.doc,
    ):
        with pytest.raises(RuntimeError):
            act()


def test_there_is_no_element_without_a_tag() -> None:
    with pytest.raises(ValueError, match="tag"):
        XmlElement()


def test_elements_and_fragments_have_no_plain_value(page: XmlFragment) -> None:
    for node in (page, page.children[1], XmlFragment(), XmlElement("a")):
        with pytest.raises(ValueError, match="no plain value"):
            node.to_py()


def test_only_a_fragment_is_assigned_as_a_root(doc: Doc) -> None:
    for node in (XmlText("a"), XmlElement("a")):
        with pytest.raises(ValueError, match="XmlFragment"):
            doc["node"] = node  # type: ignore[assignment]


def test_any_xml_type_is_opened_as_a_root(doc: Doc) -> None:
    element = doc.get("element", type=XmlElement)
    element.attributes["a"] = "1"
    element.children.append("x")
    assert str(element) == '<undefined a="1">x</undefined>'
    text = doc.get("text", type=XmlText)
    text.insert(0, "x")
    assert str(text) == "x"
    with pytest.raises(TypeError):
        doc.get("element", type=XmlFragment)


def test_type_names_are_those_of_pycrdt() -> None:
    nodes = (XmlText(), XmlElement("a"), XmlFragment())
    assert [node.type_name for node in nodes] == ["xmltext", "xmlelement", "xmlfragment"]


class Seen:
    """What an event said, kept beyond the call."""

    def __init__(self, event: XmlEvent) -> None:
        self.target = str(event.target)
        self.path = event.path
        self.children_changed = event.children_changed
        self.delta = event.delta
        self.keys = event.keys


def test_an_event_tells_children_from_attributes(page: XmlFragment) -> None:
    emphasis = page.children[1]
    seen: list[Seen] = []
    subscription = emphasis.observe(lambda event: seen.append(Seen(event)))
    emphasis.attributes["class"] = "thin"
    emphasis.attributes["id"] = 3
    del emphasis.attributes["id"]
    emphasis.children.append(XmlElement("br"))
    emphasis.unobserve(subscription)
    emphasis.children.append("unheard")

    assert [event.children_changed for event in seen] == [False, False, False, True]
    assert [event.keys for event in seen] == [
        {"class": {"action": "update", "oldValue": "bold", "newValue": "thin"}},
        {"id": {"action": "add", "newValue": 3}},
        {"id": {"action": "delete", "oldValue": 3}},
        {},
    ]
    assert seen[0].delta == []
    retained, inserted = seen[3].delta
    assert retained == {"retain": 1}
    assert [str(node) for node in inserted["insert"]] == ["<br></br>"]
    assert seen[3].target == '<em class="thin">World<br></br></em>'


def test_deep_events_come_with_the_path_to_the_node(page: XmlFragment) -> None:
    seen: list[list[Seen]] = []
    page.observe_deep(lambda events: seen.append([Seen(event) for event in events]))
    with page.doc.transaction():
        page.children[1].children[0].insert(0, "new ")
        page.children[1].attributes["id"] = "x"
        del page.children[0]
    assert [[event.path for event in events] for events in seen] == [[[], [0], [0, 0]]]
    text = seen[0][2]
    assert text.children_changed is None
    assert text.delta == [{"insert": "new "}]


def test_a_node_that_came_with_the_change_has_no_event_of_its_own(page: XmlFragment) -> None:
    seen: list[list[str]] = []
    page.observe_deep(lambda events: seen.append([str(event.target) for event in events]))
    with page.doc.transaction():
        element = page.children.append(XmlElement("a", {"b": "c"}, ["text"]))
        element.attributes["d"] = "e"
        element.children.append("more")
    assert seen == [[str(page)]]


def test_children_that_came_and_went_have_changed(doc: Doc) -> None:
    doc["xml"] = fragment = XmlFragment()
    heard: list[tuple[bool | None, list[Any]]] = []
    fragment.observe(lambda event: heard.append((event.children_changed, event.delta)))

    with doc.transaction():
        fragment.children.append("x")
        del fragment.children[0]

    assert heard == [(True, [])]


def test_a_text_in_xml_tells_of_its_past_like_any_other() -> None:
    doc: Doc[XmlFragment] = Doc({"xml": XmlFragment(["hello"])}, client_id=1, skip_gc=True)
    text = doc["xml"].children[0]
    before = Snapshot.from_doc(doc)
    position = text.sticky_index(5, Assoc.BEFORE)
    other = Doc(client_id=2)
    other.apply_update(doc.get_update())
    other.get("xml", type=XmlFragment).children[0].insert(5, " world")
    doc.apply_update(other.get_update())

    text.apply_edits([0, 0], [1, 0], ["", "J"])

    assert text.to_py() == "Jello world"
    assert text.attribution() == [(1, 0, 5), (2, 5, 11)]
    delta = [{"delete": 1}, {"insert": "J"}, {"retain": 4}, {"insert": " world"}]
    assert text.delta_between(before) == delta
    assert position.get_index() == 5
