"""Listens on TCP and owns the clock; builds the other rooms and connects them.

```text
uvicorn ──▶ http     GET /, /healthz, /metrics
        └─▶ peer     one upgraded connection
              ├──▶ admission   who may open what
              ├──▶ documents   load once, log, compact, unload
              └──▶ relay       bytes to and from the native hub, one tick a loop turn
```

Start it with `officina.server.run.serve`, which imports the whole HTTP stack; the settings alone
import nothing.
"""

from __future__ import annotations

from officina.server.settings import DEFAULT_PORT, Limits, Settings

__all__ = ["DEFAULT_PORT", "Limits", "Settings"]
