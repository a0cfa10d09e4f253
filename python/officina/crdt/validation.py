"""What `Doc(Model=...)` does: looks at what an update would make of the document before it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from officina._native.crdt import Doc


class Model(Protocol):
    """What can check a document, such as a pydantic model class.

    Attributes:
        model_fields: the names of the root types that it is called with.
    """

    model_fields: Iterable[str]

    def __call__(self, **roots: Any) -> object:
        """Raise if the root types, as plain values, are not what they should be."""


class Validator:
    """Tries updates on a twin of a document and asks a model what it thinks of the result."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._twin: Doc | None = None

    def check(self, document: Doc, update: bytes) -> None:
        """Raise what the model raises about the document with the update applied.

        Args:
            document: the document, which is not changed.
            update: what is about to be applied to it.
        """
        twin, self._twin = self._twin or Doc(), None
        twin.apply_update(document.get_update(twin.get_state()))
        for name, root in document.items():
            twin.get(name, type=type(root))
        twin.apply_update(update)
        self._model(
            **{name: twin[name].to_py() for name in self._model.model_fields if name in twin}
        )
        self._twin = twin
