"""The faults of npm yjs because of which the differential campaign sets something aside."""

from __future__ import annotations

from yjs_host import YjsHost


def test_yjs_replicas_disagree_about_what_an_undo_brought_back(yjs: YjsHost) -> None:
    seen = yjs.call("disagreement")

    assert seen["author"] == [["w", "x", "z"]]
    assert seen["reader"] == [["w", "z", "x"]]
    assert seen["reversed"] == [5]


def test_yjs_fails_to_undo_in_a_type_that_came_back_and_was_collected(yjs: YjsHost) -> None:
    seen = yjs.call("failure")

    assert seen["error"] == "TypeError: Cannot read properties of undefined (reading '_map')"
    assert seen["isLostParent"]
