"""The same questions for pytest-benchmark: `pytest benches/python --benchmark-enable`.

For histories and comparisons of single cases; the table with ratios comes from `engine`, which
interleaves the engines.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.peers.loro_engine import LoroEngine
from benches.peers.pycrdt_engine import PycrdtEngine
from benches.python.officina_engine import OfficinaEngine
from benches.python.questions import QUESTIONS, Engine, prepare
from benches.python.traces import Trace, load_traces


@pytest.mark.parametrize("trace", load_traces(), ids=lambda trace: trace.name)
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "engine", [OfficinaEngine(), PycrdtEngine(), LoroEngine()], ids=lambda e: e.name
)
def test_engine_answers_with_the_recorded_text(
    benchmark: BenchmarkFixture, engine: Engine, question: str, trace: Trace
) -> None:
    """The time is the benchmark's; the text is the test's."""
    asked = prepare(engine, trace)[question]
    benchmark.group = f"{trace.name}: {QUESTIONS[question]}"
    result = benchmark.pedantic(asked.work, rounds=3)
    assert asked.answer(result) == trace.end
