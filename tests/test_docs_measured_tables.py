"""Numbers in the README are numbers that were recorded."""

from __future__ import annotations

import re
from pathlib import Path

from benches.python.tables import with_tables

_REPOSITORY = Path(__file__).parents[1]


def test_tables_in_the_readme_are_the_ones_that_the_records_give() -> None:
    """`python -m benches.python.tables` brings the README up to date."""
    page = (_REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert with_tables(page) == page


def test_every_record_that_the_readme_names_exists() -> None:
    page = (_REPOSITORY / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"<!-- measured: (\S+) -->", page)
    assert not [name for name in named if not (_REPOSITORY / "benches/results" / name).is_file()]
