"""Awareness: who is told what, who counts as gone, what is refused."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from officina.crdt import (
    Awareness,
    Doc,
    Encoder,
    create_awareness_message,
    is_awareness_disconnect_message,
)
from officina.errors import DecodeError, LocalProtocolError

Told = list[tuple[str, dict[str, list[int]], Any]]


def _peers(**options: int) -> tuple[Awareness, Awareness]:
    """Two that have said something: nobody takes in a first state that says nothing."""
    peers = Awareness(Doc(client_id=1), **options), Awareness(Doc(client_id=2), **options)
    for peer in peers:
        peer.set_local_state({})
    return peers


def _listen(awareness: Awareness) -> Told:
    told: Told = []
    awareness.observe(
        lambda topic, event: told.append(
            (topic, {key: ids for key, ids in event[0].items() if ids}, event[1])
        )
    )
    return told


def _update(client_id: int, clock: int, state: str) -> bytes:
    encoder = Encoder()
    for number in (1, client_id, clock):
        encoder.write_var_uint(number)
    encoder.write_var_string(state)
    return encoder.to_bytes()


def test_a_state_reaches_the_other_peer_once() -> None:
    one, two = _peers()
    told = _listen(two)
    one.set_local_state({"user": "Zoë"})
    update = one.encode_awareness_update([1])
    two.apply_awareness_update(update, "remote")
    two.apply_awareness_update(update, "remote")
    assert two.states == {1: {"user": "Zoë"}, 2: {}}
    assert told == [("change", {"added": [1]}, "remote"), ("update", {"added": [1]}, "remote")]


def test_a_state_that_says_nothing_new_is_an_update_and_no_change() -> None:
    one, two = _peers()
    two.apply_awareness_update(one.encode_awareness_update([1]), "remote")
    told = _listen(two)
    one.set_local_state({})
    two.apply_awareness_update(one.encode_awareness_update([1]), "remote")
    one.set_local_state_field("cursor", 3)
    two.apply_awareness_update(one.encode_awareness_update([1]), "remote")
    assert [topic for topic, _, _ in told] == ["update", "change", "update"]
    assert two.states[1] == {"cursor": 3}


def test_who_leaves_is_forgotten_and_cannot_be_brought_back_by_older_news() -> None:
    one, two = _peers()
    old = one.encode_awareness_update([1])
    two.apply_awareness_update(old, "remote")
    one.set_local_state(None)
    gone = one.encode_awareness_update([1])
    assert is_awareness_disconnect_message(create_awareness_message(gone)[1:])
    assert not is_awareness_disconnect_message(create_awareness_message(old)[1:])
    two.apply_awareness_update(gone, "remote")
    two.apply_awareness_update(old, "remote")
    assert two.states == {2: {}}
    one.set_local_state_field("cursor", 3)
    assert one.get_local_state() is None


def test_who_is_said_to_be_gone_says_that_it_is_not() -> None:
    one, _ = _peers()
    one.set_local_state({"here": True})
    one.apply_awareness_update(_update(1, 100, "null"), "remote")
    assert one.get_local_state() == {"here": True}
    assert one.meta[1]["clock"] == 101


@pytest.mark.parametrize(
    "update",
    [b"", b"\x05", _update(7, 1, "{")[:-1], _update(7, 1, "{"), _update(7, 1, "[" * 100_000)],
    ids=["empty", "short", "cut", "not JSON", "deep"],
)
def test_a_forged_update_is_refused_and_changes_nothing(update: bytes) -> None:
    one, _ = _peers()
    told = _listen(one)
    with pytest.raises(DecodeError):
        one.apply_awareness_update(update, "remote")
    assert (one.states, told) == ({1: {}}, [])


def test_the_silent_are_forgotten_and_this_peer_is_renewed() -> None:
    async def main() -> None:
        one, two = _peers(outdated_timeout=60)
        one.apply_awareness_update(two.encode_awareness_update([2]), "remote")
        told = _listen(one)
        async with anyio.create_task_group() as group:
            await group.start(one.start)  # type: ignore[arg-type]
            with pytest.raises(LocalProtocolError):
                await one.start()
            with anyio.fail_after(5):
                while 2 in one.states:
                    await anyio.sleep(0.005)
            await one.stop()
        assert ("change", {"removed": [2]}, "timeout") in told
        assert ("update", {"updated": [1]}, "local") in told
        with pytest.raises(LocalProtocolError):
            await one.stop()

    anyio.run(main)


def test_an_observer_can_be_taken_away() -> None:
    one, _ = _peers()
    told: list[str] = []
    number = one.observe(lambda topic, _: told.append(topic))
    one.set_local_state({"a": 1})
    one.unobserve(number)
    one.set_local_state({"a": 2})
    assert told == ["change", "update"]
