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

from officina._native.crdt import (
    Array,
    ArrayEvent,
    BaseType,
    Doc,
    Map,
    MapEvent,
    Opaque,
    Statistics,
    Subscription,
    Text,
    TextEvent,
    Transaction,
    TransactionEvent,
    XmlAttributesView,
    XmlChildrenView,
    XmlElement,
    XmlEvent,
    XmlFragment,
    XmlText,
    get_state,
    get_update,
    merge_updates,
)

__all__ = [
    "Array",
    "ArrayEvent",
    "BaseType",
    "Doc",
    "Map",
    "MapEvent",
    "Opaque",
    "Statistics",
    "Subscription",
    "Text",
    "TextEvent",
    "Transaction",
    "TransactionEvent",
    "XmlAttributesView",
    "XmlChildrenView",
    "XmlElement",
    "XmlEvent",
    "XmlFragment",
    "XmlText",
    "get_state",
    "get_update",
    "merge_updates",
]
