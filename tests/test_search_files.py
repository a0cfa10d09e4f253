"""Saved indexes: opened in place, refused when damaged, replaced whole."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from officina.errors import DecodeError
from officina.search import Index


def make(rows: int) -> Index:
    index = Index(text={"title": 3, "description": 1}, facets=["kind"], numbers=["price"])
    index.add_many(
        {"id": row, "title": f"listing number {row}", "kind": f"k{row % 7}", "price": row}
        for row in range(rows)
    )
    return index


def answers(index: Index) -> list[list[int]]:
    texts = ["listing number 7", "lisitng 42", "numbr", "", "nothing"]
    return [found.ids.tolist() for found in index.search_many(texts, limit=50)]


def test_saved_index_answers_as_before_and_can_be_changed(tmp_path: Path) -> None:
    index = make(3000)
    for id_ in range(0, 3000, 3):
        index.remove(id_)
    index.add({"id": 9999, "title": "listing of its own"})
    index.save(tmp_path / "saved.idx")

    opened = Index.open(tmp_path / "saved.idx")
    assert len(opened) == len(index)
    assert opened.fields == index.fields
    assert answers(opened) == answers(index)
    opened.add({"id": 1, "title": "something else"})
    assert opened.search("something").ids.tolist() == [1]
    assert index.search("something").ids.tolist() == []


def test_saved_index_keeps_its_language_its_stop_words_and_its_synonyms(tmp_path: Path) -> None:
    index = Index(
        text={"title": 1}, language="english", stop_words=True, synonyms={"tv": "television set"}
    )
    index.save(tmp_path / "saved.idx")

    opened = Index.open(tmp_path / "saved.idx")
    opened.add_many([{"id": 1, "title": "Running"}, {"id": 2, "title": "A television set"}])
    assert opened.search("the run").ids.tolist() == [1]
    assert opened.search("tv").ids.tolist() == [2]


def test_saving_over_an_open_index_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "saved.idx"
    make(50).save(path)
    opened = Index.open(path)
    before = answers(opened)
    make(5).save(path)
    assert answers(opened) == before
    assert len(Index.open(path)) == 5
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved.idx"]


def test_saves_of_several_threads_to_one_place_leave_one_of_them_whole(tmp_path: Path) -> None:
    path = tmp_path / "saved.idx"
    indexes = [make(500), make(700)]
    threads = [
        threading.Thread(target=lambda index=index: [index.save(path) for _ in range(10)])
        for index in indexes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Index.open(path)) in (500, 700)
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved.idx"]


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "saved.idx"
    make(40).save(path)
    whole = path.read_bytes()
    unnoticed = []
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            Index.open(path)
        except DecodeError as error:
            assert "rebuild it from its source" in str(error)  # noqa: PT017 - thousands of tries
        else:
            unnoticed.append(at)
    assert all(whole[at] == 0 for at in unnoticed), (
        "only the padding between sections is not checked"
    )


@pytest.mark.parametrize("keep", [0, 7, 19, 100, -8])
def test_file_that_is_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "saved.idx"
    make(40).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DecodeError, match="not a usable index"):
        Index.open(path)


def test_missing_file_and_folder_are_os_errors_that_name_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.idx"):
        Index.open(tmp_path / "none.idx")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        make(1).save(tmp_path / "nowhere" / "saved.idx")


def test_process_killed_while_saving_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "saved.idx"
    make(10).save(path)
    script = (
        "import sys; from officina.search import Index\n"
        "index = Index(text={'title': 1})\n"
        "index.add_many({'id': n, 'title': f'word{n} listing {n * 7919}'} for n in range(20000))\n"
        "print('ready', flush=True)\n"
        "while True: index.save(sys.argv[1])\n"
    )
    saver = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert saver.stdout is not None
    for _ in range(3):
        if saver.stdout.readline():
            break
    for _ in range(200):
        assert len(Index.open(path)) in (10, 20000)
    saver.kill()
    saver.wait()
    saver.stdout.close()
    assert len(Index.open(path)) in (10, 20000)
