"""Sans-I/O endpoints of the wire protocols: bytes and the time in, bytes out.

```text
server ──▶ Hub, Effects, Stats   every document and peer of a server, native
client ──▶ YjsEndpoint           one document of a client
```
"""

from __future__ import annotations

from officina._native.sync import Effects, Hub, Stats
from officina.sync.yjs import YjsEndpoint

__all__ = ["Effects", "Hub", "Stats", "YjsEndpoint"]
