"""What the interoperability tests share: one Node process with the official Yjs packages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from yjs_host import NodeMissing, YjsHost


@pytest.fixture(scope="session")
def yjs() -> Iterator[YjsHost]:
    """The official Yjs packages; the tests are skipped, and say so, where Node is missing."""
    try:
        host = YjsHost()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    with host:
        yield host
