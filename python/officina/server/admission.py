"""Decides who may open which document, from the upgrade request alone.

A request is refused with an HTTP status and one sentence for the person who reads it:

| request | answer |
|---|---|
| a path other than `/yjs/<document>` | 404 |
| a name that is empty, too long, not UTF-8 or has control characters | 400 |
| a page of a foreign origin | 403 |
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from officina.server.settings import Settings, is_loopback

PATH_PREFIX: Final = "/yjs/"
MAX_NAME_BYTES: Final = 255


class Refused(Exception):  # noqa: N818 - an answer to the peer, not an error of ours
    """The upgrade is answered with `status` and `sentence` instead."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Target:
    """What a peer asks for.

    Attributes:
        document: the document's name.
        wants_saved: tell the peer by SyncStatus messages when its updates are on disk.
    """

    document: str
    wants_saved: bool = False


def parse_target(request_target: str) -> Target:
    """Read the document and the options from a request line's target, as in `/yjs/notes?saved=1`.

    Slashes belong to the name, since y-websocket puts room names into the path as they are. Unknown
    options are left to proxies and to what comes later.

    Raises:
        Refused: 404 for another path, 400 for a name or an option that cannot be.
    """
    path, _, query = request_target.partition("?")
    if not path.startswith(PATH_PREFIX):
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"Documents are at {PATH_PREFIX}<document>; there is nothing here.",
        )
    name = _decode_name(path.removeprefix(PATH_PREFIX))
    saved = dict(parse_qsl(query)).get("saved", "0")
    if saved not in ("0", "1"):
        raise Refused(HTTPStatus.BAD_REQUEST, "The option saved is 0 or 1.")
    return Target(name, wants_saved=saved == "1")


def _decode_name(encoded: str) -> str:
    raw = unquote_to_bytes(encoded)
    if not 1 <= len(raw) <= MAX_NAME_BYTES:
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            f"A document name has 1 to {MAX_NAME_BYTES} bytes of UTF-8; this one has {len(raw)}.",
        )
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "A document name must be valid UTF-8.") from None
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise Refused(HTTPStatus.BAD_REQUEST, "A document name has no control characters.")
    return name


def check_origin(origin: str | None, host: str | None, settings: Settings) -> None:
    """Keep pages of other sites from using a visitor's reach (cross-site WebSocket hijacking).

    Programs that are no browsers send no origin and pass. A server on loopback believes only
    loopback origins: the Host header proves nothing there, since a name that an attacker owns may
    resolve to 127.0.0.1 (DNS rebinding).

    Args:
        origin: the Origin header.
        host: the Host header.
        settings: where the server listens and which origins its operator allows.

    Raises:
        Refused: 403, with the setting that would allow it.
    """
    if origin is None or origin.lower() in settings.allow_origins:
        return
    parts = urlsplit(origin)
    if settings.is_loopback:
        allowed = is_loopback(parts.hostname or "")
    else:
        allowed = host is not None and parts.netloc.lower() == host.lower()
    if not allowed:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"Pages of {origin[:200]} may not connect; start the server with --allow-origin.",
        )
