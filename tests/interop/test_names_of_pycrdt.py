"""Every public name of pycrdt, and every public member of its classes, is in officina.crdt too."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import officina.crdt

pycrdt = pytest.importorskip("pycrdt")

# What pycrdt's own package file imports for its own use.
_NOT_PYCRDTS = {"extend_path"}

_NAMES = sorted(
    name
    for name, value in vars(pycrdt).items()
    if not name.startswith("_") and not isinstance(value, ModuleType) and name not in _NOT_PYCRDTS
)
_OPERATORS = {
    *("__add__", "__radd__", "__iadd__", "__len__", "__iter__", "__contains__", "__getitem__"),
    *("__setitem__", "__delitem__", "__enter__", "__exit__", "__aenter__", "__aexit__"),
    *("__anext__", "__aiter__"),
}


@pytest.mark.parametrize("name", _NAMES)
def test_a_name_is_there_with_all_its_members(name: str) -> None:
    theirs, ours = getattr(pycrdt, name), getattr(officina.crdt, name)
    assert name in officina.crdt.__all__
    assert callable(ours) == callable(theirs)
    if inspect.isclass(theirs):
        wanted = {member for member in dir(theirs) if not member.startswith("_")}
        wanted |= _OPERATORS & set(dir(theirs))
        assert wanted - set(dir(ours)) == set()
    else:
        _takes_what_pycrdt_takes(theirs, ours)


def _takes_what_pycrdt_takes(theirs: object, ours: object) -> None:
    try:
        wanted, found = inspect.signature(theirs), inspect.signature(ours)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    assert len(found.parameters) >= len(wanted.parameters)
