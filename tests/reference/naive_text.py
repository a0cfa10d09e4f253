"""A text that is a plain list of characters: slow, obvious, and right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Offsets = Literal["codepoint", "utf8", "utf16"]

_WIDTH: dict[str, Callable[[str], int]] = {
    "codepoint": lambda _: 1,
    "utf8": lambda character: len(character.encode("utf-8")),
    "utf16": lambda character: len(character.encode("utf-16-le")) // 2,
}


class NaiveText:
    """Characters in a list, edited by offsets of one unit.

    Args:
        offsets: the unit: code points, UTF-8 bytes or UTF-16 units.
    """

    def __init__(self, offsets: Offsets = "codepoint") -> None:
        self._width = _WIDTH[offsets]
        self._characters: list[str] = []

    def __len__(self) -> int:
        return sum(map(self._width, self._characters))

    def __str__(self) -> str:
        return "".join(self._characters)

    def insert(self, at: int, text: str) -> None:
        """Puts `text` before the character that begins at offset `at`."""
        index = self._index(at)
        self._characters[index:index] = text

    def delete(self, start: int, stop: int) -> None:
        """Removes the characters between two offsets."""
        del self._characters[self._index(start) : self._index(stop)]

    def boundaries(self) -> list[int]:
        """Every offset at which a character begins, and the end."""
        offsets = [0]
        for character in self._characters:
            offsets.append(offsets[-1] + self._width(character))
        return offsets

    def _index(self, offset: int) -> int:
        return self.boundaries().index(offset)
