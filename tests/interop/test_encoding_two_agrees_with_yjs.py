"""Version 2 of the encoding: the same bytes as Yjs writes, read and written, whole and in parts."""

from __future__ import annotations

import pytest

from officina.crdt import Doc, convert_update, get_state, get_update, merge_updates
from yjs_host import YjsHost, decode, encode

AUTHORS = 3
HISTORIES = range(12)

every_history = pytest.mark.parametrize("seed", HISTORIES)


@pytest.fixture
def updates(yjs: YjsHost, seed: int) -> list[bytes]:
    """What several authors wrote at random, who saw one another now and then."""
    names = [f"author-{seed}-{author}" for author in range(AUTHORS)]
    yjs.batch([("create", {"doc": name, "client": 7 + i}) for i, name in enumerate(names)])
    written: list[bytes] = []
    for turn in range(30):
        name = names[turn % AUTHORS]
        made = yjs.call("edit", doc=name, seed=seed * 1000 + turn, count=8)
        written += map(decode, made)
        if turn % 2:
            tidied = yjs.call("apply", doc=names[(turn + 1) % AUTHORS], updates=made)
            written += map(decode, tidied)
    yjs.call("forget", docs=names)
    return written


@pytest.fixture
def theirs(yjs: YjsHost, updates: list[bytes], seed: int) -> str:
    """A Yjs document with all of them, read in one go, which leaves no runs in pieces."""
    names = [f"writer-{seed}", f"reader-{seed}"]
    yjs.batch([("create", {"doc": name, "client": 1_000}) for name in names])
    yjs.call("apply", doc=names[0], updates=[encode(update) for update in updates])
    yjs.call("apply", doc=names[1], updates=[yjs.call("update", doc=names[0])])
    return names[1]


@every_history
def test_a_document_is_written_byte_for_byte_as_yjs_writes_it(yjs: YjsHost, theirs: str) -> None:
    ours = Doc(client_id=1)
    ours.apply_update(decode(yjs.call("update", doc=theirs)))

    assert ours.get_update(version=1) == decode(yjs.call("update", doc=theirs))
    assert ours.get_update(version=2) == decode(yjs.call("update", doc=theirs, version=2))


@every_history
def test_a_document_read_in_either_version_is_the_same(yjs: YjsHost, theirs: str) -> None:
    first, second = Doc(client_id=1), Doc(client_id=1)
    first.apply_update(decode(yjs.call("update", doc=theirs, version=1)), version=1)
    second.apply_update(decode(yjs.call("update", doc=theirs, version=2)), version=2)

    assert second.get_state() == first.get_state()
    assert second.get_update() == first.get_update()


@every_history
def test_what_we_write_is_what_yjs_reads(yjs: YjsHost, theirs: str, seed: int) -> None:
    ours = Doc(client_id=1)
    ours.apply_update(decode(yjs.call("update", doc=theirs)))
    name = f"copy-{seed}"
    yjs.call("create", doc=name, client=1_000)

    yjs.call("apply", doc=name, updates=[encode(ours.get_update(version=2))], version=2)

    assert yjs.call("describe", doc=name) == yjs.call("describe", doc=theirs)


@every_history
def test_single_updates_convert_to_what_yjs_converts_them_to(
    yjs: YjsHost, updates: list[bytes]
) -> None:
    second = [convert_update(update, source=1, target=2) for update in updates]
    asked = [("convert", {"update": encode(update), "source": 1}) for update in updates]
    asked += [("convert", {"update": encode(update), "source": 2}) for update in second]
    answers = [decode(answer) for answer in yjs.batch(asked)]

    assert second == answers[: len(updates)]
    assert [convert_update(update, source=2, target=1) for update in second] == answers[
        len(updates) :
    ]


@every_history
def test_parts_of_an_update_are_the_same_in_both_versions(
    yjs: YjsHost, theirs: str, updates: list[bytes]
) -> None:
    half = Doc(client_id=1)
    half.apply_updates(updates[: len(updates) // 2])
    state = half.get_state()
    first = decode(yjs.call("update", doc=theirs, version=1))
    second = decode(yjs.call("update", doc=theirs, version=2))

    part = get_update(second, state, version=2)

    asked = {"update": encode(second), "state": encode(state), "version": 2}
    assert len(part) <= len(decode(yjs.call("diff", **asked)))
    assert convert_update(part, source=2, target=1) == get_update(first, state)
    assert get_state(second, version=2) == get_state(first)
    half.apply_update(part, version=2)
    assert half.get_state() == get_state(first)


@every_history
def test_merged_updates_of_version_2_give_the_same_document(
    yjs: YjsHost, updates: list[bytes], seed: int
) -> None:
    second = [convert_update(update, source=1, target=2) for update in updates]
    merged = merge_updates(*second, version=2)
    names = [f"merged-{seed}-ours", f"merged-{seed}-theirs"]
    yjs.batch([("create", {"doc": name, "client": 1_000}) for name in names])

    merged_by_yjs = yjs.call("merge", updates=[encode(update) for update in second], version=2)
    yjs.call("apply", doc=names[0], updates=[encode(merged)], version=2)
    yjs.call("apply", doc=names[1], updates=[merged_by_yjs], version=2)

    assert len(merged) <= len(decode(merged_by_yjs))
    assert yjs.call("describe", doc=names[0]) == yjs.call("describe", doc=names[1])
    listed = Doc(client_id=1)
    listed.apply_updates(second, version=2)
    at_once = Doc(client_id=1)
    at_once.apply_update(merged, version=2)
    assert listed.get_update() == at_once.get_update()
