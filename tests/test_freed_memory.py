"""Whether freed memory is used again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from pdgn.freed_memory import keep_freed_memory

PAGES = """
import resource, sys
import torch
from pdgn.freed_memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(80_000_000)
before = faults()
for _ in range(3):
    torch.ones(20_000_000)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_pages_of_a_freed_tensor_are_used_again():
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", PAGES, how], capture_output=True, text=True, check=True).stdout)
        for how in ("keep", "give back")
    )
    assert kept < 20
    assert given_back > 3 * 20_000_000 * 4 / 2**21 / 2  # half of all pages, were they huge ones


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr("pdgn.freed_memory.ctypes.CDLL", lambda _: object())
    assert keep_freed_memory() is False
