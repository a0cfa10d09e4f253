"""The faults of npm yjs because of which the differential campaigns set something aside."""

from __future__ import annotations

import pytest

from yjs_host import YjsHost


def test_yjs_replicas_disagree_about_what_an_undo_brought_back(yjs: YjsHost) -> None:
    seen = yjs.call("disagreement")

    assert seen["author"] == [["w", "x", "z"]]
    assert seen["reader"] == [["w", "z", "x"]]
    assert seen["reversed"] == [5]


def test_yjs_replicas_disagree_about_the_same_units_cut_otherwise(yjs: YjsHost) -> None:
    seen = yjs.call("cutOtherwise")

    assert seen == {
        "apart": {"read": "xgb", "copy": "xgb", "reversed": [1]},
        "joined": {"read": "xbg", "copy": "xgb", "reversed": [1]},
        "arriving": {"read": "xbg", "copy": "xgb", "reversed": [1]},
    }


@pytest.mark.parametrize(
    ("holder", "within", "looked_for"),
    [("map", False, "_map"), ("array", False, "_item"), ("map", True, "client")],
)
def test_yjs_fails_to_undo_in_a_type_that_came_back_and_was_collected(
    yjs: YjsHost, holder: str, within: bool, looked_for: str
) -> None:
    seen = yjs.call("failure", holder=holder, within=within)

    expected = f"TypeError: Cannot read properties of undefined (reading '{looked_for}')"
    assert seen["error"] == expected
    assert seen["isLostParent"]


@pytest.mark.parametrize(("case", "left"), [("cutApart", "bcinner"), ("grownTogether", "nner")])
def test_yjs_takes_away_other_units_than_those_of_the_step(
    yjs: YjsHost, case: str, left: str
) -> None:
    seen = yjs.call(case)

    assert seen == {"left": left, "foreseen": True}


@pytest.mark.parametrize(("cut", "before", "after"), [(False, "abX", "aX"), (True, "aZbX", "aXZb")])
def test_yjs_brings_back_less_than_was_there_or_in_another_order(
    yjs: YjsHost, cut: bool, before: str, after: str
) -> None:
    seen = yjs.call("comingBack", cut=cut)

    assert seen == {"before": before, "after": after, "seen": True}


def test_yjs_leaves_blocks_waiting_of_which_nothing_is_missing(yjs: YjsHost) -> None:
    seen = yjs.call("leftWaiting")

    assert seen == {"written": "a-cdb", "left": "ab", "found": True, "read": "a-cdb"}
