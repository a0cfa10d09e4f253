"""What the Rust code depends on may be used and passed on by everybody: see `deny.toml`."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[1]


def _allows(allowed: set[str], expression: str) -> bool:
    """Whether an SPDX expression can be met: every part of an AND, by any choice of an OR."""
    parts = expression.replace("/", " OR ").split(" AND ")
    return all(
        any(choice.strip() in allowed for choice in part.strip("() ").split(" OR "))
        for part in parts
    )


def test_every_dependency_has_a_permissive_license() -> None:
    rules = tomllib.loads((_REPOSITORY / "deny.toml").read_text(encoding="utf-8"))
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    found = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, check=True)
    packages = json.loads(found.stdout)["packages"]
    allowed = set(rules["licenses"]["allow"])

    refused = {
        p["name"]: p["license"] for p in packages if not _allows(allowed, p["license"] or "")
    }

    assert len(packages) > 20
    assert refused == {}


@pytest.mark.parametrize(
    ("expression", "is_met"),
    [
        ("MIT", True),
        ("MIT/Apache-2.0", True),
        ("GPL-3.0 OR MIT", True),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", True),
        ("GPL-3.0", False),
        ("MIT AND GPL-3.0", False),
        ("", False),
    ],
)
def test_an_expression_is_met_only_by_what_is_allowed(expression: str, is_met: bool) -> None:
    assert _allows({"MIT", "Apache-2.0", "Unicode-3.0"}, expression) == is_met
