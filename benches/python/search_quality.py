"""How good the answers are: recall and reciprocal rank among the first ten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from benches.python.search_inputs import Query

NOTHING = "z"
"""The class whose right answer is nothing; means over the classes leave it out."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the queries of a class, from 0 to 1.

    `recall`: which part of the right listings (of ten at most) is among the first ten. `rank`: one
    by the place of the first right one. Where nothing is right, both are 1 for an empty answer.
    """

    recall: float
    rank: float


def quality(queries: Iterable[Query], found: Mapping[int, list[int]]) -> dict[str, Quality]:
    """The quality by class, of those queries that were answered."""
    scores: dict[str, list[Quality]] = {}
    for query in queries:
        if query.id in found:
            score = _score(query.right, found[query.id][:10])
            scores.setdefault(query.kind, []).append(score)
    return {kind: _mean(each) for kind, each in scores.items()}


def overall(by_class: Mapping[str, Quality]) -> Quality:
    """The mean over the classes that have something to find."""
    return _mean([score for kind, score in by_class.items() if kind != NOTHING])


def _score(right: frozenset[int], found: list[int]) -> Quality:
    if not right:
        empty = float(not found)
        return Quality(empty, empty)
    places = [place for place, listing in enumerate(found, start=1) if listing in right]
    return Quality(len(places) / min(10, len(right)), 1 / places[0] if places else 0.0)


def _mean(scores: list[Quality]) -> Quality:
    return Quality(fmean(each.recall for each in scores), fmean(each.rank for each in scores))
