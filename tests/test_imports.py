"""Who may import whom: the sources against the picture that the architecture page draws.

Rooms are levels; an import goes down, past as many levels as it likes, and never sideways or up
but for the few arrows named here. The Rust crates follow the same rule through their manifests.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[1]
_PACKAGE = _REPOSITORY / "python" / "officina"

_LEVELS = [
    {"__init__", "__main__"},
    {"cli"},
    {"server", "client"},
    {"p2p", "store"},
    {"market", "plugins", "collab", "sync", "auth"},
    {"crdt", "ot", "ledger", "search"},
    {"_native"},
    {"errors"},
]
_SIDEWAYS = {("sync", "collab"), ("market", "auth"), ("plugins", "market")}

_CRATES = {
    "bindings": {"crdt", "ot", "sync", "ledger", "search"},
    "sync": {"crdt", "ot"},
    "crdt": set[str](),
    "ot": set[str](),
    "ledger": set[str](),
    "search": set[str](),
}


def _room(path: Path) -> str:
    return path.relative_to(_PACKAGE).parts[0].removesuffix(".py").removesuffix(".pyi")


def _imported_modules(source: str, package: str) -> Iterator[str]:
    """The absolute names that `source`, a module of `package`, imports from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            )
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _imported_rooms(source: str, package: str) -> set[str]:
    rooms = {room for level in _LEVELS for room in level}
    parts = (name.split(".") for name in _imported_modules(source, package))
    return {
        part[1] for part in parts if part[0] == "officina" and len(part) > 1 and part[1] in rooms
    }


def _is_allowed(importer: str, imported: str) -> bool:
    if importer == imported or (importer, imported) in _SIDEWAYS:
        return True
    level = {room: number for number, rooms in enumerate(_LEVELS) for room in rooms}
    return level[importer] < level[imported]


def _sources() -> list[Path]:
    return sorted(_PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_module_imports_only_from_rooms_below_its_own(path: Path) -> None:
    package = ".".join(["officina", *path.relative_to(_PACKAGE).parts[:-1]])
    imported = _imported_rooms(path.read_text(encoding="utf-8"), package)
    assert not {room for room in imported if not _is_allowed(_room(path), room)}


def test_every_room_of_the_package_is_on_the_picture() -> None:
    rooms = {room for level in _LEVELS for room in level}
    assert {_room(path) for path in _sources()} <= rooms


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("server", "crdt", True),
        ("store", "errors", True),
        ("plugins", "market", True),
        ("market", "plugins", False),
        ("store", "server", False),
        ("crdt", "ot", False),
        ("errors", "crdt", False),
    ],
)
def test_imports_go_down_and_sideways_only_where_the_picture_says(
    importer: str, imported: str, allowed: bool
) -> None:
    assert _is_allowed(importer, imported) is allowed


def test_relative_and_nested_imports_are_seen() -> None:
    source = "from ..store import UpdateLog\ndef late():\n    import officina.crdt\n"
    assert _imported_rooms(source, "officina.server") == {"store", "crdt"}


def _manifests() -> dict[str, dict[str, object]]:
    return {
        path.parent.name: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(_REPOSITORY.glob("rust/*/Cargo.toml"))
        if path.parent.name != "fuzz"
    }


def _dependencies(manifest: dict[str, object]) -> set[str]:
    tables = (
        manifest.get(key, {}) for key in ("dependencies", "dev-dependencies", "build-dependencies")
    )
    return {name for table in tables if isinstance(table, dict) for name in table}


@pytest.mark.parametrize("crate", _manifests())
def test_crate_depends_only_on_the_crates_below_it(crate: str) -> None:
    ours = {
        name.removeprefix("officina-")
        for name in _dependencies(_manifests()[crate])
        if "officina-" in name
    }
    assert ours <= _CRATES[crate]


@pytest.mark.parametrize("crate", sorted(_manifests().keys() - {"bindings"}))
def test_no_crate_but_the_bindings_knows_python(crate: str) -> None:
    assert not {name for name in _dependencies(_manifests()[crate]) if name.startswith("pyo3")}
