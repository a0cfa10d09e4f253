"""The recorded vectors are what the pinned Yjs packages write today, byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

from yjs_host import YjsHost

_HERE = Path(__file__).parent
_RECORDED = _HERE.parent / "vectors" / "yjs-13.6-updates.json"


def test_making_the_vectors_again_gives_the_recorded_file(yjs: YjsHost) -> None:
    """`yjs` is asked for only so that the test is skipped where Node is missing."""
    made = subprocess.run(
        ["node", str(_HERE / "node" / "make_vectors.mjs")], capture_output=True, check=True
    )

    assert made.stdout == _RECORDED.read_bytes()
