"""What the documents show is run: Python, the JavaScript snippet, the commands, the links."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[1]
_OFFICINA = str(Path(sys.executable).with_name("officina"))
_INTEROP = _REPOSITORY / "tests" / "interop"
_PAGES = sorted([*_REPOSITORY.glob("*.md"), *_REPOSITORY.glob("docs/**/*.md")])
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
_START_LIMIT_S = 60.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    place: str
    language: str
    code: str


def _blocks(*languages: str) -> list[Block]:
    return [
        Block(
            f"{page.relative_to(_REPOSITORY)}:{text.count(chr(10), 0, match.start()) + 2}",
            *match.groups(),
        )
        for page in _PAGES
        for text in [page.read_text(encoding="utf-8")]
        for match in _FENCE.finditer(text)
        if match[1] in languages
    ]


@pytest.mark.parametrize("block", _blocks("python"), ids=lambda block: block.place)
def test_python_block_runs(block: Block, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", _blocks("sh", "console"), ids=lambda block: block.place)
def test_shell_block_names_commands_that_exist(block: Block) -> None:
    """`make` verbs are in the Makefile; `officina` commands know the options that are shown."""
    verbs = set(
        re.findall(r"^([a-z-]+):.*## ", (_REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    )
    for line in block.code.splitlines():
        words = line.removeprefix("$ ").split("#")[0].split()
        if words[:1] == ["make"]:
            assert words[1] in verbs, line
        elif words[:1] == ["officina"]:
            assert {word for word in words if word.startswith("--")} <= _options(words[1]), line


def _options(command: str) -> set[str]:
    shown = subprocess.run(
        [_OFFICINA, command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    return set(re.findall(r"--[a-z][a-z-]*", shown.stdout))


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server as `make run` starts it, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path_factory.mktemp("data")
    command = [_OFFICINA, "serve", "--port", str(port), "--data", str(data)]
    with (data / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(process, f"http://127.0.0.1:{port}/", data / "server.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _START_LIMIT_S
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is missing")
@pytest.mark.parametrize("block", _blocks("js"), ids=lambda block: block.place)
def test_javascript_block_syncs_with_a_running_server(block: Block, server_url: str) -> None:
    """The snippet is run as it stands; then a second client reads what it wrote."""
    script = (
        'import WebSocket from "ws"\nglobalThis.WebSocket = WebSocket\n'
        + block.code.replace("127.0.0.1:8800", server_url)
        + _READ_BACK
    )
    done = subprocess.run(
        ["node", "--input-type=module"],
        input=script,
        cwd=_INTEROP,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "both agree"


_READ_BACK = """
const other = new Y.Doc()
const { serverUrl, roomname } = provider
const reader = new WebsocketProvider(serverUrl, roomname, other, { disableBc: true })
const read = () => JSON.stringify(other.getText("text"))
while (read() === '""' || read() !== JSON.stringify(doc.getText("text"))) {
  await new Promise((resolve) => setTimeout(resolve, 20))
}
console.log("both agree")
process.exit(0)
"""


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_REPOSITORY)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
