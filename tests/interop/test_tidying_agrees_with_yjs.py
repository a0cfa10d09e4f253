"""Where marks are tidied up after an update is where npm yjs tidies them up, in the same bytes."""

from __future__ import annotations

from typing import Any

from officina.crdt import Doc, Map, Text, merge_updates
from our_edits import ROOTS
from our_portrait import extent
from replicas import REMOTE
from yjs_host import YjsHost, encode

READER = 2**32 - 6


def test_what_a_map_entry_replaced_counts_as_deleted_before_the_entry_itself(yjs: YjsHost) -> None:
    """A deleted mark has its whole text looked at, a deleted word only its gap; the first decides.

    Here that is the mark, whose author also set the entry that was replaced, so that two equal
    marks in the gap of the deleted word stay.
    """
    first: Doc[Any] = Doc(client_id=9)
    first.get("map", type=Map)["key"] = "old"
    first.get("text", type=Text).insert(0, "abcd")
    first.get("text", type=Text).format(3, 4, {"italic": True})
    bold = [_copy(first, client) for client in (4, 5)]
    for doc in bold:
        doc.get("text", type=Text).format(1, 2, {"bold": True})
    written = merge_updates(*[doc.get_update() for doc in bold])
    last = _copy(bold[0], 3)
    with last.transaction():
        last.get("map", type=Map)["key"] = "new"
        last.get("text", type=Text).insert(1, "word")
        del last.get("map", type=Map)["key"]
        del last.get("text", type=Text)[1:5]
        last.get("text", type=Text).format(3, 4, {"italic": None})

    ours, theirs = _tidied(yjs, [written, last.get_update(bold[0].get_state())])

    assert ours == theirs


def _copy(doc: Doc[Any], client: int) -> Doc[Any]:
    copy: Doc[Any] = Doc(client_id=client)
    copy.apply_update(doc.get_update())
    return copy


def _tidied(yjs: YjsHost, updates: list[bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What we, and what Yjs, delete on receiving each of the updates, and hold in the end."""
    doc: Doc[Any] = Doc(client_id=READER)
    for name, kind in ROOTS.items():
        doc.get(name, type=kind)
    sent: list[str] = []
    subscription = doc.observe(
        lambda event: sent.append(encode(event.update)) if event.origin != REMOTE else None
    )
    for update in updates:
        with doc.transaction(origin=REMOTE):
            doc.apply_update(update)
    doc.unobserve(subscription)
    arguments = {"doc": "tidy", "updates": [encode(update) for update in updates]}
    _, theirs, held, _ = yjs.batch(
        [
            ("create", {"doc": "tidy", "client": READER}),
            ("apply", arguments),
            ("extent", {"doc": "tidy"}),
            ("forget", {"docs": ["tidy"]}),
        ]
    )
    return {"sent": sent, **extent(doc)}, {"sent": theirs, **held}
