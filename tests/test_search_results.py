"""`Index.search` and what it returns: ranking, filters, facets, pages, highlights, corrections."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

from officina.search import Index, Results

LISTINGS: list[dict[str, Any]] = [
    {"id": 1, "title": "Blue sofa", "description": "Soft", "category": "home", "price": 100},
    {"id": 2, "title": "Blue sofa set", "description": "Three", "category": "home", "price": 300},
    {"id": 3, "title": "Sofa, blue", "description": "Old", "category": "used", "price": 50},
    {"id": 4, "title": "Chair", "description": "For a blue sofa", "category": "home", "price": 80},
    {
        "id": 5,
        "title": "Bluetooth speaker",
        "description": "Loud",
        "category": "sound",
        "price": 60,
    },
    {"id": 6, "title": "WebSocket 日本語の本", "description": "Crème brûlée & <tags>", "price": 20},
]


@pytest.fixture
def index() -> Index:
    index = Index(
        text={"title": 3, "description": 1},
        facets=["category"],
        numbers=["price", "popularity"],
        order="-popularity",
    )
    index.add_many(LISTINGS)
    return index


def ids(results: Results) -> list[int]:
    return [int(found) for found in results.ids]


def test_exact_title_comes_first_then_its_beginning_then_other_order_then_other_fields(
    index: Index,
) -> None:
    results = index.search("blue sofa")
    assert ids(results) == [1, 2, 3, 4]
    exactness = [hit.rank["exactness"] for hit in results]
    assert exactness == ["whole", "beginning", "swapped", "other"]


def test_scores_never_ascend_and_are_arrays(index: Index) -> None:
    results = index.search("blue sofa")
    assert results.ids.dtype == np.int64
    assert results.scores.dtype == np.float64
    assert (np.diff(results.scores) <= 0).all()


def test_most_words_are_enough_only_when_nothing_holds_them_all(index: Index) -> None:
    results = index.search("blue sofa for reading")
    assert ids(results) == [4]
    (hit,) = results.hits
    assert hit.rank["missing"] == 1
    assert hit.highlights["description"] == "<mark>For</mark> a <mark>blue</mark> <mark>sofa</mark>"
    assert ids(index.search("sofa reading")) == []


def test_unfinished_word_matches_only_with_prefix(index: Index) -> None:
    assert ids(index.search("speak")) == []
    assert ids(index.search("speak", prefix=True)) == [5]
    assert ids(index.search("speak ", prefix=True)) == []


def test_words_typed_joined_or_split_are_found(index: Index) -> None:
    assert ids(index.search("bluesofa"))[0] == 1
    assert ids(index.search("web socket")) == [6]
    assert ids(index.search("blue tooth speaker")) == [5]


def test_accents_and_scripts_without_spaces(index: Index) -> None:
    assert ids(index.search("creme brulee")) == [6]
    assert ids(index.search("日本")) == [6]
    assert ids(index.search("本")) == [6]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"category": "home"}, [1, 2, 4]),
        ({"category": ["home", "used"]}, [1, 2, 3, 4]),
        ({"category": []}, []),
        ({"price": (60, 100)}, [1, 4]),
        ({"price": (None, 50)}, [3]),
        ({"price": 50}, [3]),
        ({"price": [50, 300]}, [2, 3]),
        ({"category": "home", "price": (90, None)}, [1, 2]),
        ({"any_of": [{"price": 50}, {"category": "home", "price": (200, None)}]}, [2, 3]),
        ({"none_of": [{"category": "home"}]}, [3]),
        ({"all_of": [{"price": (60, None)}, {"price": (None, 100)}]}, [1, 4]),
    ],
)
def test_filters(index: Index, filters: dict[str, Any], expected: list[int]) -> None:
    results = index.search("blue sofa", filters=filters)
    assert sorted(ids(results)) == expected
    assert results.total == len(expected)


@pytest.mark.parametrize(
    ("filters", "error", "words"),
    [
        ({"color": "blue"}, ValueError, "filters know category, price"),
        ({"price": (1, 2, 3)}, TypeError, "least, most"),
        ({"price": (float("nan"), 1)}, ValueError, "not a number"),
        ({"any_of": [{"nope": 1}]}, ValueError, 'not "nope"'),
        ({"category": 5}, TypeError, "iter"),
    ],
)
def test_wrong_filters_say_what_is_wrong(
    index: Index, filters: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        index.search("sofa", filters=filters)


def test_filters_nested_without_end_are_refused(index: Index) -> None:
    nested: dict[str, Any] = {}
    for _ in range(10_000):
        nested = {"all_of": [nested]}
    with pytest.raises(ValueError, match="nested too deep"):
        index.search("sofa", filters=nested)


def test_conditions_without_end_are_refused_and_values_are_not(index: Index) -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        index.search("sofa", filters={"price": list(range(5000))})
    assert ids(index.search("blue sofa", filters={"category": ["home"] * 100_000})) == [1, 2, 4]


def test_facets_count_what_is_found_and_a_filtered_facet_what_it_would_find(index: Index) -> None:
    results = index.search("sofa", facets=["category"])
    assert results.facets == {"category": {"home": 3, "used": 1}}
    chosen = index.search("sofa", filters={"category": "used"}, facets=["category"])
    assert ids(chosen) == [3]
    assert chosen.facets == {"category": {"home": 3, "used": 1}}
    assert chosen.total == 1


def test_sort_by_a_number_comes_after_the_typos(index: Index) -> None:
    assert ids(index.search("sofa", sort="price")) == [3, 4, 1, 2]
    assert ids(index.search("sofa", sort="-price")) == [2, 1, 4, 3]
    with pytest.raises(ValueError, match="no number column"):
        index.search("sofa", sort="title")


def test_empty_query_finds_everything_in_business_order(index: Index) -> None:
    index.update({"id": 4, "popularity": 9})
    assert ids(index.search()) == [4, 1, 2, 3, 5, 6]
    assert ids(index.search("  ...  ", filters={"category": "home"})) == [4, 1, 2]


def test_pages_by_offset_and_by_cursor_are_the_same(index: Index) -> None:
    whole = ids(index.search("blue sofa"))
    by_offset = [ids(index.search("blue sofa", limit=1, offset=place)) for place in range(4)]
    by_cursor: list[int] = []
    cursor = None
    while (page := index.search("blue sofa", limit=3, after=cursor)).cursor is not None:
        by_cursor += ids(page)
        cursor = page.cursor
    assert [*chain.from_iterable(by_offset)] == by_cursor == whole


def test_cursor_keeps_its_place_when_documents_come(index: Index) -> None:
    first = index.search("blue sofa", limit=2)
    index.add({"id": 9, "title": "Blue sofa"})
    assert ids(index.search("blue sofa", limit=2, after=first.cursor)) == [3, 4]


@pytest.mark.parametrize("cursor", ["", "xyz", "0" * 16, "0" * 47, "é" * 32, "0" * 480])
def test_cursor_that_no_search_returned_is_refused(index: Index, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        index.search("sofa", after=cursor)


def test_highlights_are_escaped_and_marked(index: Index) -> None:
    (hit,) = index.search("brulee").hits
    assert hit.highlights["description"] == "Crème <mark>brûlée</mark> &amp; &lt;tags&gt;"
    assert hit.texts["description"] == "Crème brûlée & <tags>"


def test_corrections_say_what_was_taken_for_what(index: Index) -> None:
    assert index.search("bluetoth speker").corrections == {
        "bluetoth": "bluetooth",
        "speker": "speaker",
    }
    assert index.search("blue tooth").corrections == {"blue tooth": "bluetooth"}
    assert index.search("blue sofa").corrections == {}


def test_total_counts_beyond_the_page_as_the_index_was_then(index: Index) -> None:
    results = index.search("sofa", limit=1)
    index.remove(4)
    assert results.total == 4
    assert index.search("sofa", limit=1).total == 3


def test_search_many_answers_in_order_on_any_number_of_threads(index: Index) -> None:
    texts = ["blue sofa", "bluetoth", "nothing at all", ""] * 5
    alone = [ids(index.search(text, limit=3)) for text in texts]
    for threads in (1, 2, 7, 1000):
        assert [ids(found) for found in index.search_many(texts, threads=threads, limit=3)] == alone
    assert index.search_many([]) == []


def test_suggestions_are_titles_each_once(index: Index) -> None:
    index.add({"id": 9, "title": "Blue sofa"})
    assert index.suggest("blue so") == ["Blue sofa", "Blue sofa set", "Sofa, blue"]
    assert index.suggest("blue so", limit=1) == ["Blue sofa"]


def test_similar_documents_share_telling_words(index: Index) -> None:
    similar = index.similar(1)
    assert ids(similar)[0] in (2, 3)
    assert 1 not in ids(similar)
    assert ids(index.similar(1, filters={"category": "used"})) == [3]
    with pytest.raises(ValueError, match="no document 77"):
        index.similar(77)


def test_lone_surrogates_and_endless_queries_are_refused(index: Index) -> None:
    with pytest.raises(UnicodeEncodeError):
        index.search("\ud800")
    with pytest.raises(ValueError, match="bytes"):
        index.search("sofa " * 400_000)
    with pytest.raises(ValueError, match="10000"):
        index.search("sofa", limit=10_001)
    assert ids(index.search("sofa " * 1000)) == [1, 2, 3, 4]
