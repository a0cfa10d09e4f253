"""Who may open which document, decided from the request alone."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from officina.errors import ConfigurationError
from officina.server import Settings
from officina.server.admission import Refused, Target, check_origin, parse_target
from officina.server.settings import is_loopback

ON_LOOPBACK = Settings()
IN_PUBLIC = Settings(host="0.0.0.0", allow_anonymous=True)  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(
    ("request_target", "expected"),
    [
        ("/yjs/notes", Target("notes")),
        ("/yjs/notes?saved=1", Target("notes", wants_saved=True)),
        ("/yjs/notes?saved=0", Target("notes")),
        ("/yjs/notes?token=x&saved=1", Target("notes", wants_saved=True)),
        ("/yjs/team/notes/", Target("team/notes/")),
        ("/yjs/a%2Fb%20c", Target("a/b c")),
        ("/yjs/%E6%BC%A2", Target("漢")),
        ("/yjs/100%25", Target("100%")),
        ("/yjs/" + "%E6%BC%A2" * 85, Target("漢" * 85)),
    ],
)
def test_a_path_names_a_document(request_target: str, expected: Target) -> None:
    assert parse_target(request_target) == expected


@pytest.mark.parametrize(
    ("request_target", "status"),
    [
        ("", HTTPStatus.NOT_FOUND),
        ("/YJS/notes", HTTPStatus.NOT_FOUND),
        ("/yjs", HTTPStatus.NOT_FOUND),
        ("/yjs/", HTTPStatus.BAD_REQUEST),
        ("/yjs/?saved=1", HTTPStatus.BAD_REQUEST),
        ("/yjs/" + "%E6%BC%A2" * 86, HTTPStatus.BAD_REQUEST),
        ("/yjs/%C3", HTTPStatus.BAD_REQUEST),
        ("/yjs/%ED%A0%80", HTTPStatus.BAD_REQUEST),
        ("/yjs/%7F", HTTPStatus.BAD_REQUEST),
        ("/yjs/%C2%85", HTTPStatus.BAD_REQUEST),
        ("/yjs/a%0D%0Ab", HTTPStatus.BAD_REQUEST),
        ("/yjs/a?saved=yes", HTTPStatus.BAD_REQUEST),
    ],
)
def test_a_path_that_names_none_is_refused(request_target: str, status: HTTPStatus) -> None:
    with pytest.raises(Refused) as refused:
        parse_target(request_target)

    assert refused.value.status == status
    assert refused.value.sentence.endswith(".")


@pytest.mark.parametrize(
    ("settings", "origin", "host"),
    [
        (ON_LOOPBACK, None, "127.0.0.1:8800"),
        (ON_LOOPBACK, "http://localhost:5173", "127.0.0.1:8800"),
        (ON_LOOPBACK, "http://127.0.0.9", "127.0.0.1:8800"),
        (ON_LOOPBACK, "http://[::1]:3000", "localhost:8800"),
        (IN_PUBLIC, None, "editor.example"),
        (IN_PUBLIC, "https://editor.example", "editor.example"),
        (IN_PUBLIC, "https://Editor.Example:8800", "editor.example:8800"),
    ],
)
def test_pages_of_the_server_itself_may_connect(
    settings: Settings, origin: str | None, host: str
) -> None:
    check_origin(origin, host, settings)


@pytest.mark.parametrize(
    ("settings", "origin", "host"),
    [
        (ON_LOOPBACK, "https://evil.example", "127.0.0.1:8800"),
        (ON_LOOPBACK, "null", "127.0.0.1:8800"),
        (ON_LOOPBACK, "", "127.0.0.1:8800"),
        (ON_LOOPBACK, "http://localhost.evil.example", "127.0.0.1:8800"),
        (IN_PUBLIC, "https://evil.example", "editor.example"),
        (IN_PUBLIC, "https://editor.example.evil.example", "editor.example"),
        (IN_PUBLIC, "http://localhost:5173", "editor.example"),
        (IN_PUBLIC, "null", "editor.example"),
        (IN_PUBLIC, "https://editor.example", None),
    ],
)
def test_pages_of_other_sites_are_refused(
    settings: Settings, origin: str, host: str | None
) -> None:
    with pytest.raises(Refused, match="--allow-origin") as refused:
        check_origin(origin, host, settings)

    assert refused.value.status == HTTPStatus.FORBIDDEN


def test_a_name_that_an_attacker_lets_resolve_to_loopback_gains_nothing() -> None:
    """DNS rebinding: origin and Host agree, and still it is not a page of this machine."""
    with pytest.raises(Refused):
        check_origin("http://rebound.example:8800", "rebound.example:8800", ON_LOOPBACK)


def test_an_allowed_origin_may_connect_from_anywhere() -> None:
    settings = Settings(allow_origins=frozenset({"https://editor.example"}))

    check_origin("https://EDITOR.example", "127.0.0.1:8800", settings)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST"]
)
def test_loopback_is_recognized(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "example"])  # noqa: S104
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_a_server_without_authentication_refuses_to_leave_loopback_and_says_why() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no authentication is configured.*--allow-anonymous"
    ):
        Settings(host="0.0.0.0").check()  # noqa: S104


def test_an_operator_may_allow_everyone() -> None:
    Settings(host="0.0.0.0", data=Path("data"), allow_anonymous=True).check()  # noqa: S104
