"""The hand-written types of the native module against the module that was built."""

from __future__ import annotations

import subprocess
import sys


def test_stubs_agree_with_the_built_native_module() -> None:
    check = [sys.executable, "-m", "mypy.stubtest", "officina._native"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
