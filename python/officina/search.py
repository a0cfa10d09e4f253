"""A search index that finds what was meant: typo-tolerant, live, without a server.

```python
from officina.search import Index

index = Index(text={"title": 3, "description": 1}, facets=["category"], numbers=["price"])
index.add({"id": 7, "title": "Blue sofa set", "category": "template", "price": 4900})
results = index.search("bleu sofaa", filters={"price": (0, 5000)})
assert list(results.ids) == [7]
```

`Index` holds the documents, `Results` what a search found, `Hit` one document of it.
"""

from __future__ import annotations

from officina._native.search import Hit, Index, Results

__all__ = ["Hit", "Index", "Results"]
