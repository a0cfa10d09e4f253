"""How many bytes a document takes, next to what Yjs writes for the same one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benches.python.traces import Trace
from officina.crdt import Doc, Text, merge_updates

_YJS = Path(__file__).parents[1] / "peers" / "yjs_sizes.mjs"
_CLIENT = 2_718_281_828
"""A client id of Yjs's kind: random, 32 bits."""

Sizes = dict[str, dict[str, dict[str, int]]]
"""Bytes by trace, library and version of the encoding."""


def bytes_written(traces: list[Trace]) -> Sizes:
    """The whole document of each trace, from officina and from Yjs in Node.

    In V1 and V2, and from officina also its single updates merged.
    """
    sessions = [json.dumps({"client": _CLIENT, "edits": trace.edits}) for trace in traces]
    done = subprocess.run(
        ["node", str(_YJS)], input="\n".join(sessions), capture_output=True, text=True, check=True
    )
    sizes: Sizes = {}
    for trace, line in zip(traces, done.stdout.splitlines(), strict=True):
        yjs = json.loads(line)
        assert yjs.pop("text") == trace.end
        sizes[trace.name] = {"officina": _ours(trace), "yjs": yjs}
    return sizes


def _ours(trace: Trace) -> dict[str, int]:
    document: Doc = Doc(client_id=_CLIENT)
    text = document.get("text", type=Text)
    updates: list[bytes] = []
    subscription = document.observe(lambda event: updates.append(event.update))
    for position, deleted, inserted in trace.edits:
        with document.transaction():
            del text[position : position + deleted]
            text.insert(position, inserted)
    document.unobserve(subscription)
    return {
        "v1": len(document.get_update()),
        "v2": len(document.get_update(version=2)),
        "merged": len(merge_updates(*updates)),
    }
