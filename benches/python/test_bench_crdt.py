"""The same questions for pytest-benchmark: `pytest benches/python --benchmark-enable`.

For histories and comparisons of single cases; the table with ratios comes from `engine`, which
interleaves the engines.
"""

from __future__ import annotations

from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.python import inputs
from benches.python.engines import ENGINES, engine_named
from benches.python.questions import QUESTIONS, Input, Question
from benches.python.traces import generate_trace, load_session

_TRACE = generate_trace(edits=5_000, seed=1)
_INPUTS = [
    inputs.trace_input(_TRACE),
    inputs.watched_input(_TRACE),
    inputs.merge_input(_TRACE, "merge"),
    inputs.session_input(load_session()),
    inputs.array_input(),
    inputs.exchange_input(),
    inputs.map_input(),
    inputs.random_input([10_000]),
]


@cache
def _prepared(name: str, about: Input) -> dict[str, Question]:
    return about.prepare(engine_named(name))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("about", "question"), [(about, key) for about in _INPUTS for key in about.questions]
)
def test_engine_answers_rightly(
    benchmark: BenchmarkFixture, engine: str, about: Input, question: str
) -> None:
    """The time is the benchmark's; the answer is the test's."""
    if question in engine_named(engine).lacks:
        pytest.skip(f"{engine} is not asked this")
    asked = _prepared(engine, about)[question]
    benchmark.group = f"{about.name}: {QUESTIONS[question]}"
    result = benchmark.pedantic(asked.work, setup=lambda: ((asked.ready(),), {}), rounds=3)
    assert asked.answer(result) == asked.expected
