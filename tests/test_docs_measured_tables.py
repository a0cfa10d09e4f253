"""Numbers in the documents are numbers that were recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benches.python.tables import PAGES, with_tables

_RESULTS = Path(__file__).parents[1] / "benches" / "results"

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@every_page
def test_tables_are_the_ones_that_the_records_give(page: Path) -> None:
    """`python -m benches.python.tables` brings them up to date."""
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text


@every_page
def test_every_record_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"<!-- measured: (\S+)", page.read_text(encoding="utf-8"))
    assert named
    assert not [name for name in named if not (_RESULTS / name).is_file()]
