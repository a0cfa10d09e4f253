"""What a stored document holds, in forms that a person or a program can read."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson

from officina.crdt import Doc, Text
from officina.errors import DecodeError, DocumentDamaged, StorageError
from officina.store import StoredDocument


def document_text(stored: StoredDocument, name: str | None) -> str:
    """One shared text of a document.

    Args:
        stored: the document as it was read.
        name: the text's name; may be None where the document has a single shared type.

    Raises:
        StorageError: it is not clear which text is meant, or it is no text.
    """
    doc = _load(stored)
    name = _only_root(doc, stored.name) if name is None else name
    if name not in doc:
        raise StorageError(f"document {stored.name!r} has no shared type {name!r}; {_roots(doc)}")
    try:
        return str(doc.get(name, type=Text))
    except TypeError as error:
        raise StorageError(f"{name!r} is no text: {error}; use --format json") from error


def document_json(stored: StoredDocument) -> str:
    """All shared types of a document as one JSON object; bytes become base64."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(_load(stored).to_py(), default=_plain, option=options).decode()


def document_file(stored: StoredDocument) -> bytes:
    """A document as a file of its own, for `Doc.from_bytes`."""
    return _load(stored).to_bytes()


def document_update(stored: StoredDocument) -> bytes:
    """A document as one V1 update, for any client of Yjs."""
    return _load(stored).get_update()


def describe(stored: StoredDocument) -> Iterator[tuple[str, str]]:
    """Yield what is worth knowing about a document, as names and values for people."""
    doc = _load(stored)
    statistics = doc.statistics()
    if stored.snapshot is None:
        yield "snapshot", "none yet"
    else:
        yield "snapshot", f"{stored.snapshot_bytes:,} bytes, up to {stored.snapshot_sequence:,}"
    yield "log", f"{len(stored.updates):,} updates, {stored.log_bytes:,} bytes"
    if stored.torn_sequence is not None:
        yield "torn", f"record {stored.torn_sequence:,} was never written whole and is left out"
    yield "as one update", f"{len(doc.get_update()):,} bytes"
    yield "in memory", f"{statistics.heap_bytes:,} bytes in {statistics.blocks:,} blocks"
    yield "clients", f"{statistics.clients:,}"
    yield "history", f"{statistics.history:,} units inserted, {statistics.deleted:,} deleted since"
    yield "pending", _pending(doc, statistics.pending_blocks)
    yield "shared types", ", ".join(doc.keys()) or "none"


def _load(stored: StoredDocument) -> Doc:
    doc = Doc()
    try:
        doc.apply_updates(stored.records)
    except DecodeError as error:
        raise DocumentDamaged(stored.name, f"a record is no update: {error}") from error
    return doc


def _only_root(doc: Doc, document: str) -> str:
    names = doc.keys()
    if len(names) != 1:
        raise StorageError(
            f"document {document!r} has not one shared type but {len(names)}; "
            f"{_roots(doc)}: choose one with --text, or all with --format json"
        )
    return names[0]


def _roots(doc: Doc) -> str:
    return f"there are {', '.join(map(repr, doc.keys())) or 'none'}"


def _pending(doc: Doc, blocks: int) -> str:
    if not doc.pending:
        return "nothing is missing"
    missing = ", ".join(f"client {client} from {clock}" for client, clock in doc.pending.items())
    return f"{blocks:,} blocks wait for updates that have not arrived: {missing}"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Doc):
        return {"guid": value.guid}
    raise TypeError(f"{type(value).__name__} has no JSON form")
