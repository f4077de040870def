"""Blocks in memory and in a file: the same values, and room used again."""

from __future__ import annotations

import os

import pytest
import torch

from pdgn.training.halo_store import BlockStore

VALUES = [
    torch.randn(5, 3, generator=torch.Generator().manual_seed(0)),
    torch.randn(4, 2, 2, dtype=torch.float64).transpose(0, 2),
    torch.randn(7).bfloat16(),
    torch.tensor([True, False, True]),
    torch.arange(6).view(2, 3),
    torch.empty(0, 4),
    torch.ones(()).expand(3, 2),
]


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_comes_back_is_what_was_put(on_disk, tmp_path):
    store = BlockStore(tmp_path if on_disk else None)
    originals = [values.clone() for values in VALUES]
    given = [values.clone() for values in VALUES]
    blocks = [store.put(values) for values in given]
    for values in given:
        values.zero_()  # a block is a copy
    for block, original in zip(blocks, originals):
        for _ in range(2):
            assert block.get().dtype == original.dtype and torch.equal(block.get(), original)


def test_places_in_the_file_are_used_again(tmp_path):
    store = BlockStore(tmp_path)
    kept = store.put(torch.zeros(100))
    for round in range(20):
        block = store.put(torch.full((100,), float(round)))
        assert (block.get() == round).all()
        del block
    assert os.fstat(store._file.fileno()).st_size == 800
    assert (kept.get() == 0).all()


def test_nothing_stays_in_the_folder(tmp_path):
    store = BlockStore(tmp_path)
    store.put(torch.zeros(10))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"^training\.scratch: wanted an existing folder, given '.*none'$"):
        BlockStore(tmp_path / "none")


def test_a_full_disk_names_the_folder(tmp_path):
    store = BlockStore(tmp_path)

    class Full:
        seek = staticmethod(lambda place: None)

        def write(self, values):
            raise OSError(28, "No space left on device")

    store._file = Full()
    with pytest.raises(OSError, match=r"^training\.scratch: .*: No space left on device at 0 bytes$"):
        store.put(torch.zeros(3))
