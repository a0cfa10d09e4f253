"""How the search benches read words: folded, and CJK as overlapping pairs."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_WORD = re.compile(r"[^\W_]+")
_CJK_OR_NOT = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)")


def fold(text: str) -> str:
    """Lower case without accents: NFKD, combining marks dropped."""
    text = text.lower()
    if text.isascii():
        return text
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The folded words of `text` in order."""
    return _WORD.findall(fold(text))


def terms(text: str) -> list[str]:
    """The same, with each run of CJK letters as its overlapping pairs, for it has no spaces."""
    found = words(text)
    if text.isascii():
        return found
    return [term for word in found for term in _pairs(word)]


def _pairs(word: str) -> list[str]:
    pieces = _CJK_OR_NOT.split(word)
    made = []
    for at, piece in enumerate(pieces):
        if at % 2 and len(piece) > 1:
            made += [first + second for first, second in pairwise(piece)]
        elif piece:
            made.append(piece)
    return made
