"""What the interoperability tests share: the official Yjs packages, and a real server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from officina_server import OfficinaServer
from yjs_host import NodeMissing, YjsHost


@pytest.fixture(scope="session")
def yjs() -> Iterator[YjsHost]:
    """The official Yjs packages; the tests are skipped, and say why, where Node is missing."""
    try:
        host = YjsHost()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    with host:
        yield host


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficinaServer]:
    """A server that many tests share; each uses a document of its own."""
    with OfficinaServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficinaServer]:
    """A server for one test, which may kill it."""
    with OfficinaServer(tmp_path_factory.mktemp("own-server")) as running:
        yield running


_documents = itertools.count(1)


@pytest.fixture
def room() -> str:
    """The name of a document that no other test uses."""
    return f"room-{next(_documents)}"
