"""Documents, maps and arrays whose content has declared types.

```python
from officina.crdt import Array, Text, TypedArray, TypedDoc, TypedMap

class Task(TypedMap):
    title: str
    done: bool

class Tasks(TypedArray[Task]):
    type: Task

class Project(TypedDoc):
    tasks: Tasks
    notes: Text

project = Project()
task = Task()
project.tasks.append(task)
task.title = "write it down"
project.notes += "first of all"
print(project._.to_py())  # {'tasks': [{'title': 'write it down'}], 'notes': 'first of all'}
```

The annotations are the schema, for type checkers and when a value is set. What a typed container
holds is reached by its attribute `_`.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from officina._native.crdt import Array, Doc, Map

_T = TypeVar("_T")


class Typed:
    """Attributes for the entries of a document or a map, checked against the annotations."""

    _: Any

    def __init__(self) -> None:
        hints = get_type_hints(type(self))
        hints.pop("_", None)
        self.__dict__["_annotations"] = hints

    if not TYPE_CHECKING:

        def __getattr__(self, key: str) -> Any:
            return _wrapped(self._declared(key), self._[key])

        def __setattr__(self, key: str, value: Any) -> None:
            if key == "_":
                self.__dict__["_"] = value
                return
            declared = self._declared(key)
            if type(value) not in _classes(declared):
                message = (
                    f'Incompatible types in assignment (expression has type "{declared}", '
                    f'variable has type "{type(value)}")'
                )
                raise TypeError(message)
            self._[key] = _unwrapped(value)

    def _declared(self, key: str) -> Any:
        try:
            return self.__dict__["_annotations"][key]
        except KeyError:
            message = f'"{type(self)}" has no attribute "{key}"'
            raise AttributeError(message) from None


def _classes(declared: Any) -> tuple[Any, ...]:
    """The classes that a value of a declared type may have."""
    origin = get_origin(declared)
    if origin in (Union, UnionType):
        return tuple(found for option in get_args(declared) for found in _classes(option))
    return (origin or declared,)


def _wrapped(declared: Any, value: Any) -> Any:
    return declared(value) if _is_typed(declared) else value


def _is_typed(declared: Any) -> bool:
    return isinstance(declared, type) and issubclass(declared, Typed)


def _unwrapped(value: Any) -> Any:
    return value._ if isinstance(value, Typed) else value


class TypedDoc(Typed):
    """A document whose root types are declared as annotations; they are created with it.

    Args:
        doc: the document, or another typed one around it; a new one by default.
    """

    _: Doc

    def __init__(self, doc: TypedDoc | Doc | None = None) -> None:
        super().__init__()
        self._ = Doc() if doc is None else _unwrapped(doc)
        for name, declared in self.__dict__["_annotations"].items():
            self._[name] = _unwrapped(declared())


class TypedMap(Typed):
    """A map whose entries are declared as annotations.

    Args:
        map: the map, or another typed one around it; a new one by default.
    """

    _: Map

    def __init__(self, map: TypedMap | Map | None = None) -> None:  # noqa: A002 - pycrdt's name
        super().__init__()
        self._ = Map() if map is None else _unwrapped(map)


class TypedArray(Typed, Generic[_T]):
    """An array whose elements have one type, which an annotation named `type` declares.

    Args:
        array: the array, or another typed one around it; a new one by default.
    """

    type: _T
    _: Array

    def __init__(self, array: TypedArray[_T] | Array | None = None) -> None:
        super().__init__()
        self._ = Array() if array is None else _unwrapped(array)
        self.__dict__["type"] = self._declared("type")

    def __getitem__(self, key: int) -> _T:
        found: _T = self.__dict__["type"](self._[key])
        return found

    def __setitem__(self, key: int, value: _T) -> None:
        self._[key] = _unwrapped(value)

    def append(self, value: _T) -> None:
        """Add an element at the end."""
        self._.append(_unwrapped(value))

    def extend(self, value: Iterable[_T]) -> None:
        """Add elements at the end."""
        self._.extend([_unwrapped(item) for item in value])

    def __len__(self) -> int:
        return len(self._)
