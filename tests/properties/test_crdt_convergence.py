"""Whatever the order in which updates arrive, and however often, the document is the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from json_values import canonical
from officina.crdt import Doc, merge_updates
from properties.histories import History, content, delivered, histories


def _same(left: Doc, right: Doc) -> None:
    assert left.get_state() == right.get_state()
    assert left.get_update() == right.get_update()
    assert canonical(content(left)) == canonical(content(right))


@given(histories, st.data())
def test_any_order_of_updates_converges(history: History, data: st.DataObject) -> None:
    order = data.draw(st.permutations(history.updates))

    _same(delivered(*order), history.document)


@given(histories, st.data())
def test_repeated_updates_change_nothing(history: History, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history.updates or [Doc().get_update()])))
    order = data.draw(st.permutations([*history.updates, *again]))

    _same(delivered(*order), history.document)


@given(histories, st.data())
def test_a_document_saved_half_way_and_loaded_again_converges(
    history: History, data: st.DataObject
) -> None:
    """What still waited for other updates is saved with the document."""
    order = data.draw(st.permutations(history.updates))
    half = len(order) // 2
    saved = delivered(*order[:half]).get_update()

    _same(delivered(saved, *order[half:]), history.document)


@given(histories, st.data())
def test_a_diff_brings_what_the_state_vector_says_is_missing(
    history: History, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(history.updates)))
    behind = delivered(*history.updates[:count])
    behind.apply_update(history.document.get_update(behind.get_state()))

    _same(behind, history.document)


@given(histories)
def test_writing_reading_and_writing_a_document_gives_the_same_bytes(history: History) -> None:
    written = history.document.get_update()

    assert delivered(written).get_update() == written


@given(histories, st.data())
def test_merging_updates_has_the_effect_of_applying_them(
    history: History, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(history.updates))

    _same(delivered(merge_updates(*order)), history.document)


@given(histories, st.data())
def test_merging_is_commutative(history: History, data: st.DataObject) -> None:
    """Also of updates with gaps: what waits is waiting in either order."""
    some = (
        data.draw(st.lists(st.sampled_from(history.updates), unique=True, max_size=4))
        if (history.updates)
        else []
    )

    _same(
        delivered(merge_updates(*some)),
        delivered(merge_updates(*reversed(some))),
    )


@given(histories, st.data())
def test_merging_is_associative(history: History, data: st.DataObject) -> None:
    order = data.draw(st.permutations(history.updates))
    first = data.draw(st.integers(0, len(order)))
    second = data.draw(st.integers(first, len(order)))
    a, b, c = order[:first], order[first:second], order[second:]
    merged_a, merged_b, merged_c = (merge_updates(*part) for part in (a, b, c))

    _same(
        delivered(merge_updates(merge_updates(merged_a, merged_b), merged_c)),
        delivered(merge_updates(merged_a, merge_updates(merged_b, merged_c))),
    )


@given(histories)
def test_merging_is_idempotent(history: History) -> None:
    once = merge_updates(*history.updates)

    _same(delivered(merge_updates(once, once)), delivered(once))
    _same(delivered(merge_updates(*history.updates, once)), delivered(once))
