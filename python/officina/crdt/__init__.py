"""Shared documents that merge without conflicts, compatible with Yjs.

```python
from officina.crdt import Doc, Text

ours, theirs = Doc(), Doc()
ours["text"] = Text("hello")
theirs.apply_update(ours.get_update())
print(theirs.get("text", type=Text))  # hello
```

The names are pycrdt's. Any thread may use any object; calls whose cost grows with their input
release the GIL; indices into texts count Unicode code points unless `Doc(offsets=...)` says
otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from officina import __version__
from officina._native.crdt import (
    Array,
    ArrayEvent,
    AttrRange,
    BaseType,
    ContentAttribute,
    Doc,
    IdMap,
    IdSet,
    Map,
    MapEvent,
    NewTransaction,
    ReadTransaction,
    Snapshot,
    StackItem,
    Statistics,
    StickyIndex,
    SubdocsEvent,
    Subscription,
    Text,
    TextEvent,
    Transaction,
    TransactionEvent,
    UndoManager,
    XmlAttributesView,
    XmlChildrenView,
    XmlElement,
    XmlEvent,
    XmlFragment,
    XmlText,
    convert_update,
    get_state,
    get_update,
    merge_updates,
)
from officina.crdt.awareness import Awareness, is_awareness_disconnect_message
from officina.crdt.protocol import (
    Decoder,
    Encoder,
    YMessageType,
    YSyncMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    read_message,
    write_message,
    write_var_uint,
)
from officina.crdt.sticky_index import Assoc
from officina.crdt.typed import TypedArray, TypedDoc, TypedMap

if TYPE_CHECKING:
    from officina.crdt.provider import Channel, Provider
    from officina.crdt.streams import UnsubscribableStream

__all__ = [
    "Array",
    "ArrayEvent",
    "Assoc",
    "AttrRange",
    "Awareness",
    "BaseType",
    "Channel",
    "ContentAttribute",
    "Decoder",
    "Doc",
    "Encoder",
    "IdMap",
    "IdSet",
    "Map",
    "MapEvent",
    "NewTransaction",
    "Provider",
    "ReadTransaction",
    "Snapshot",
    "StackItem",
    "Statistics",
    "StickyIndex",
    "SubdocsEvent",
    "Subscription",
    "Text",
    "TextEvent",
    "Transaction",
    "TransactionEvent",
    "TypedArray",
    "TypedDoc",
    "TypedMap",
    "UndoManager",
    "UnsubscribableStream",
    "XmlAttributesView",
    "XmlChildrenView",
    "XmlElement",
    "XmlEvent",
    "XmlFragment",
    "XmlText",
    "YMessageType",
    "YSyncMessageType",
    "__version__",
    "convert_update",
    "create_awareness_message",
    "create_sync_message",
    "create_update_message",
    "get_state",
    "get_update",
    "handle_sync_message",
    "is_awareness_disconnect_message",
    "merge_updates",
    "read_message",
    "write_message",
    "write_var_uint",
]

# Where to find what needs anyio, which is imported only by programs that use it.
_LATE = {
    "Channel": "officina.crdt.provider",
    "Provider": "officina.crdt.provider",
    "UnsubscribableStream": "officina.crdt.streams",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    found = getattr(import_module(_LATE[name]), name)
    globals()[name] = found
    return found
