"""What a document of ours holds, as Python reads it, to be compared with what Yjs reads.

Both sides become the same structure: a shared type is a dictionary with its kind as a key, text is
its delta, a subdocument is its guid.
"""

from __future__ import annotations

from typing import Any

from json_values import canonical, from_json
from officina.crdt import (
    Array,
    BaseType,
    Doc,
    IdSet,
    Map,
    Snapshot,
    Text,
    XmlElement,
    XmlFragment,
    XmlText,
)
from our_edits import ROOTS
from yjs_host import encode


def read_by_python(doc: Doc[Any]) -> dict[str, Any]:
    """Everything at the roots of the experiments: part by part, and as text."""
    roots: dict[str, Any] = {name: doc.get(name, type=kind) for name, kind in ROOTS.items()}
    plain = {name: roots[name].to_py() for name in ("text", "array", "map")}
    return {
        "roots": {name: canonical(_portrait(root)) for name, root in roots.items()},
        "text": str(roots["text"]),
        "xml": str(roots["xml"]),
        "plain": canonical(plain),
    }


def read_by_yjs(content: dict[str, Any]) -> dict[str, Any]:
    """The same of what `node/documents.mjs` says of a document, as far as Python can see it."""
    return {
        "roots": {name: canonical(_translated(root)) for name, root in content["roots"].items()},
        "text": content["text"],
        "xml": content["xml"],
        "plain": canonical(from_json(content["plain"])),
    }


def extent(doc: Doc[Any]) -> dict[str, Any]:
    """What has been inserted and what is deleted, as `node/documents.mjs` says it."""
    state = doc.get_state()
    version = Snapshot.from_doc(doc).encode()
    deleted: dict[int, list[list[int]]] = {}
    for client, start, end in IdSet.decode(version[: len(version) - len(state)]).ranges():
        deleted.setdefault(client, []).append([start, end])
    return {
        "state": encode(state),
        "deleted": [[client, ranges] for client, ranges in sorted(deleted.items())],
        "pending": bool(doc.pending),
    }


def _portrait(value: Any) -> Any:
    if isinstance(value, BaseType):
        return {"type": _shared(value)}
    return {"document": value.guid} if isinstance(value, Doc) else value


def _shared(value: BaseType) -> dict[str, Any]:
    if isinstance(value, Text):
        return {"text": _delta(value)}
    if isinstance(value, XmlText):
        return {"xmlText": _delta(value), "attributes": dict(value.attributes)}
    if isinstance(value, Array):
        return {"array": [_portrait(item) for item in value]}
    if isinstance(value, Map):
        return {"map": {key: _portrait(item) for key, item in value.items()}}
    assert isinstance(value, XmlElement | XmlFragment)
    children = [_portrait(child) for child in value.children]
    if isinstance(value, XmlFragment):
        return {"fragment": children}
    return {"element": value.tag, "attributes": dict(value.attributes), "children": children}


def _delta(text: Text | XmlText) -> list[dict[str, Any]]:
    return [{**piece, "insert": _portrait(piece["insert"])} for piece in text.to_delta()]


def _translated(value: Any) -> Any:
    if isinstance(value, list):
        return [_translated(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$") == "document":
        return {"document": value["value"]}
    if "$" in value:
        return from_json(value)
    translated = {key: _translated(item) for key, item in value.items()}
    return {"type": _accessible(translated["type"])} if value.keys() == {"type"} else translated


def _accessible(shared: dict[str, Any]) -> dict[str, Any]:
    """In Python a text outside of XML shows no attributes, and an XML hook is a map."""
    if "text" in shared:
        return {"text": shared["text"]}
    return {"map": shared["map"]} if "hook" in shared else shared
