"""`officina.search.Index`: documents come, change and go; what is refused changes nothing."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from officina.search import Index

SOFA: dict[str, Any] = {
    "id": 7,
    "title": "Blue sofa set",
    "description": "Twelve parts",
    "category": "template",
    "tags": ["home", "living"],
    "price": 4900,
}


def make(**changes: Any) -> Index:
    fields: dict[str, Any] = {
        "text": {"title": 3, "description": 1},
        "facets": ["category", "tags"],
        "numbers": ["price", "popularity"],
        "order": "-popularity",
    }
    return Index(**{**fields, **changes})


def ids(index: Index, *words: str, **options: Any) -> list[int]:
    return [int(found) for found in index.search(" ".join(words), **options).ids]


def test_document_is_found_through_two_typos_when_add_has_returned() -> None:
    index = make()
    index.add(SOFA)
    assert ids(index, "bleu sofaa") == [7]


def test_document_with_the_same_id_takes_the_place_of_the_first() -> None:
    index = make()
    index.add(SOFA)
    index.add({"id": 7, "title": "Red chair"})
    assert len(index) == 1
    assert ids(index, "sofa") == []
    assert ids(index, "chair") == [7]


def test_of_two_documents_with_one_id_in_one_call_the_later_counts() -> None:
    index = make()
    index.add_many([SOFA, {"id": 7, "title": "Red chair"}])
    assert (len(index), ids(index, "sofa"), ids(index, "chair")) == (1, [], [7])


def test_removed_document_is_gone_when_remove_has_returned() -> None:
    index = make()
    index.add(SOFA)
    assert index.remove(7)
    assert not index.remove(7)
    assert ids(index, "sofa") == []
    assert 7 not in index


def test_update_changes_the_given_fields_only() -> None:
    index = make()
    index.add(SOFA)
    index.update({"id": 7, "price": 100, "tags": "sale"})
    assert index.get(7) == {**SOFA, "price": 100.0, "tags": "sale", "popularity": None}


def test_update_of_a_document_that_there_is_not_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="9"):
        make().update({"id": 9, "price": 1})


def test_updates_of_different_fields_from_several_threads_are_all_kept() -> None:
    index = make()
    index.add(SOFA)
    fields = ("price", "popularity")

    def count(field: str) -> None:
        for number in range(300):
            index.update({"id": 7, field: number})

    threads = [threading.Thread(target=count, args=(field,)) for field in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = index.get(7)
    assert found is not None
    assert [found[field] for field in fields] == [299, 299]


def test_refused_update_leaves_the_document_as_it_was() -> None:
    index = make()
    index.add(SOFA)
    with pytest.raises(TypeError, match='document 7, "price"'):
        index.update({"id": 7, "title": "Chair", "price": "cheap"})
    assert ids(index, "sofa") == [7]


def test_columns_are_documents_row_by_row() -> None:
    index = make()
    index.add_columns(
        {
            "id": np.arange(3),
            "title": ["blue sofa", "red chair", "green table"],
            "category": ["a", ["a", "b"], None],
            "price": np.array([1.5, 2.5, np.nan]),
            "popularity": np.array([1, 2, 3], dtype=np.int64),
        }
    )
    assert ids(index) == [2, 1, 0]
    assert ids(index, filters={"category": "a"}) == [1, 0]
    assert ids(index, filters={"price": (None, 2)}) == [0]


@pytest.mark.parametrize("column", ["title", "category", "price"])
def test_columns_of_different_lengths_are_refused(column: str) -> None:
    with pytest.raises(ValueError, match=f'"{column}" has 1 rows, "id" has 2'):
        make().add_columns({"id": [1, 2], column: [1.0] if column == "price" else ["x"]})


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        ({"title": "no id"}, ValueError, 'needs an "id"'),
        ({"id": "seven"}, TypeError, "int"),
        ({"id": 1, "title": 4}, TypeError, '"title"'),
        ({"id": 1, "price": "cheap"}, TypeError, '"price"'),
        ({"id": 1, "tags": 5}, TypeError, '"tags"'),
        ({"id": 2**70}, OverflowError, "too large"),
        ({"id": 1, "title": "\ud800"}, UnicodeEncodeError, "surrogates"),
    ],
)
def test_wrong_document_is_refused_and_none_of_its_call_is_added(
    document: dict[str, Any], error: type[Exception], words: str
) -> None:
    index = make()
    with pytest.raises(error, match=words):
        index.add_many([SOFA, document])
    assert len(index) == 0


def test_fields_that_the_index_does_not_have_are_left_out() -> None:
    index = make()
    index.add({**SOFA, "seller": {"name": "Ada"}})
    assert "seller" not in (index.get(7) or {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": {}}, "1 to 8 text fields"),
        ({"text": {"title": 0}}, "weight"),
        ({"facets": ["title"]}, "twice"),
        ({"facets": ["id"]}, "twice"),
        ({"order": "-views"}, "no number column"),
        ({"typos": {"price": False}}, "no text field"),
        ({"synonyms": {"a b c d e f g h i": "x"}}, "1 to 8 words"),
        ({"synonyms": {"sofa": "!"}}, "1 to 8 words"),
        ({"synonyms": {"x": ["y"] * 10_001}}, "at most 10000"),
        ({"language": "klingon"}, "no language .klingon.; there are arabic, danish"),
        ({"stop_words": "klingon"}, "no language"),
        ({"stop_words": True}, "none is given"),
    ],
)
def test_schema_that_contradicts_itself_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**changes)


def test_synonym_is_found_as_if_it_had_been_typed() -> None:
    index = make(synonyms={"couch": ["sofa", "settee"]})
    index.add(SOFA)
    assert ids(index, "blue couch") == [7]
    assert index.search("couch").corrections == {}


def test_synonyms_of_several_words_are_found_side_by_side() -> None:
    index = make(synonyms={"tv": ["television set"], "Table Lamp": "desk lamp", "Café": "bistro"})
    index.add_many(
        [
            {"id": 1, "title": "Television set"},
            {"id": 2, "title": "Set of a television"},
            {"id": 3, "title": "Red desk lamp"},
            {"id": 4, "title": "Bistro"},
        ]
    )
    assert ids(index, "tv") == [1]
    assert ids(index, "red table lamp") == [3]
    assert ids(index, "cafe") == [4]
    (hit,) = index.search("tv").hits
    assert hit.highlights["title"] == "<mark>Television</mark> <mark>set</mark>"
    assert (hit.rank["typos"], hit.rank["forms"]) == (0, 2)


def test_words_of_one_stem_find_each_other_and_what_was_typed_comes_first() -> None:
    titles = ["Run shoe", "Running shoes", "Runing shoes"]
    index = make(language="english")
    index.add_many({"id": id_, "title": title} for id_, title in enumerate(titles))
    assert ids(index, "running shoes") == [1, 0]
    assert ids(index, "shoe run") == [0, 1]
    assert ids(index, "runs sho", prefix=True) == [0, 1]
    assert index.search("running shose").corrections == {"shose": "shoes"}
    (first, second) = index.search("running shoes").hits
    assert (first.rank["exactness"], first.rank["forms"]) == ("whole", 0)
    assert (second.rank["exactness"], second.rank["forms"]) == ("other", 2)
    assert second.highlights["title"] == "<mark>Run</mark> <mark>shoe</mark>"


@pytest.mark.parametrize(
    "options", [{"stop_words": True, "language": "german"}, {"stop_words": "german"}]
)
def test_stop_words_of_a_language_may_be_unmatched(options: dict[str, Any]) -> None:
    index = make(**options)
    index.add({"id": 1, "title": "Sofa"})
    assert ids(index, "ein sofa für mich") == [1]
    index.add({"id": 2, "title": "Über mich"})
    assert ids(index, "über mich") == [2]


def test_stop_word_may_be_unmatched_when_there_are_others() -> None:
    index = make(stop_words=["the", "of"])
    index.add(SOFA)
    assert ids(index, "the sofa") == [7]
    assert ids(index, "the") == []


def test_typos_can_be_forbidden_everywhere_or_in_one_field() -> None:
    assert _finds_both_typos(typos=False) == ([], [])
    assert _finds_both_typos(typos={"description": False}) == ([7], [])
    assert _finds_both_typos() == ([7], [7])


def _finds_both_typos(**changes: Any) -> tuple[list[int], list[int]]:
    index = make(**changes)
    index.add({**SOFA, "title": "Wardrobe", "description": "Cushions"})
    return ids(index, "wardrobbe"), ids(index, "cushoins")


def test_searches_go_on_while_other_threads_add_and_remove() -> None:
    """What is never touched is found each time, and nobody fails."""
    index = make()
    index.add(SOFA)
    stop = threading.Event()
    problems: list[str] = []

    def change(first: int) -> None:
        for id_ in range(first, first + 400):
            index.add({"id": id_, "title": f"sofa number {id_}", "popularity": id_})
            if id_ % 3 == 0:
                index.remove(id_)

    def search() -> None:
        while not stop.is_set():
            if ids(index, "blue sofa set") != [7]:
                problems.append("the sofa was not found")

    threads = [threading.Thread(target=search) for _ in range(2)]
    writers = [threading.Thread(target=change, args=(1000 * number,)) for number in (1, 2)]
    for thread in threads + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in threads:
        thread.join()

    assert problems == []
    expected = 1 + sum(id_ % 3 != 0 for first in (1000, 2000) for id_ in range(first, first + 400))
    assert len(index) == expected
    assert index.search("sofa", limit=1).total == expected
