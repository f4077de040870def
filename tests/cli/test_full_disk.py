"""A disk that fills up, at a block or when blocks are joined: one line, and what was finished is kept."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pdgn.cli import generate as command
from pdgn.cli.main import main
from tests.cli.generated import RECIPES, assert_same

TINY = ["--config", str(RECIPES / "tiny.yaml")]
MESHES, BLOCKS = 3, 9


def limit_disk(patch: pytest.MonkeyPatch, shards: int) -> None:
    """A disk that takes so many shards, and no whole file."""
    write, seen = os.write, set()

    def limited(descriptor: int, payload: Any) -> int:
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        if ".h5" in Path(target).name:
            seen.add(target)
            if len(seen) > shards:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, payload)

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr(os, "write", limited)
    patch.setattr(os, "posix_fallocate", full)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks /proc which file is written")
@pytest.mark.parametrize("blocks, workers", [pytest.param(4, 2, marks=pytest.mark.slow), (4, 1), (BLOCKS, 1)])
def test_a_full_disk_is_one_line_and_what_was_finished_is_kept(
    blocks: int, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, whole = tmp_path / "x.h5", tmp_path / "whole.h5"
    words = [*TINY, "--output", str(path), "--workers", str(workers)]
    with monkeypatch.context() as patch:
        limit_disk(patch, MESHES + blocks)
        assert main(words, command="generate") == 2
    error = capsys.readouterr().err
    assert error.startswith("pdgn: error: cannot write ") and error.count("\n") == 1
    assert "no space left on the disk; finished shards are kept in" in error and not path.exists()
    # With two workers a block may be finished before the last mesh.
    kept = [shard.name for shard in (tmp_path / "x.h5.partial").glob("*=*.h5")]
    assert len(kept) == MESHES + blocks
    assert workers > 1 or sum(name.startswith("block=") for name in kept) == blocks

    seen: list[int] = []
    real = command.computed
    monkeypatch.setattr(command, "computed", lambda *given: (seen.append(len(given[1])), real(*given))[1])
    assert main([*words, "--workers", "1"], command="generate") == 0
    assert seen == [BLOCKS - blocks]
    assert main([*TINY, "--output", str(whole), "--workers", "1"], command="generate") == 0
    assert_same(whole, path)
