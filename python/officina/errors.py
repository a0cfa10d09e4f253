"""The one exception tree; catch by what you can do about it.

```text
OfficinaError
├── DecodeError            bytes are not a valid update, state vector or message (also ValueError)
├── LocalProtocolError     our caller broke the contract (also RuntimeError)
├── RemoteProtocolError    a peer did; carries close_code
├── ConfigurationError     what was asked for is unsafe or impossible
└── StorageError           a document or its database cannot be read or written
    └── DocumentDamaged    the stored records of one document fail their checksums; carries document
```
"""

from __future__ import annotations


class OfficinaError(Exception):
    """Base of every error that officina raises on purpose."""


class DecodeError(OfficinaError, ValueError):
    """Bytes are not a valid update, state vector or message; nothing was changed."""


class LocalProtocolError(OfficinaError, RuntimeError):
    """Our caller broke the contract of a call."""


class RemoteProtocolError(OfficinaError):
    """A peer broke the protocol.

    Attributes:
        close_code: the WebSocket close code (RFC 6455, section 7.4) to answer with.
    """

    def __init__(self, message: str, close_code: int = 1002) -> None:
        super().__init__(message)
        self.close_code = close_code


class ConfigurationError(OfficinaError):
    """What was asked for is unsafe or impossible; the message says what to change."""


class StorageError(OfficinaError):
    """A document or its database cannot be read or written."""


class DocumentDamaged(StorageError):  # noqa: N818 - names the state, as users will read it
    """The stored records of one document fail their checksums.

    Attributes:
        document: the name of the damaged document.
    """

    def __init__(self, document: str, message: str) -> None:
        super().__init__(f"document {document!r}: {message}")
        self.document = document
