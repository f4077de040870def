"""Memory that is lent again: never while something refers to it, and only where nothing is recorded."""

from __future__ import annotations

import gc
import os
import resource
import signal
import weakref

import pytest
import torch

from pdgn.models import PADGN, Channels
from pdgn.nn import memory_pool
from pdgn.nn.memory_pool import LEAST, MemoryPool, cat, empty, empty_again, linear, pooled
from pdgn.rollout import rollout_frames
from tests.models.samples import PLAIN, sample

ROWS = LEAST // 4 // 100 + 1
SHAPE, LIKE = (ROWS, 100), torch.zeros(1)


def test_memory_is_lent_again_once_nothing_refers_to_it():
    with torch.no_grad(), pooled(MemoryPool()):
        first = empty(SHAPE, LIKE)
        where, view = first.data_ptr(), first[3:5]
        del first
        second = empty(SHAPE, LIKE).zero_()
        assert second.data_ptr() != where  # the view is still there
        view.fill_(7)
        assert not bool((second[3:5] == 7).all())
        del view
        assert empty(SHAPE, LIKE).data_ptr() == where


def test_a_tensor_outlives_its_pool():
    with torch.no_grad(), pooled(MemoryPool()):
        kept = empty(SHAPE, LIKE).fill_(3)
        for _ in range(5):
            empty(SHAPE, LIKE).fill_(4)
    assert bool((kept == 3).all())


def test_memory_goes_with_its_pool_and_its_last_tensor():
    gc.disable()
    try:
        pool = MemoryPool()
        with torch.no_grad(), pooled(pool):
            kept = empty(SHAPE, LIKE).fill_(3)
            empty(SHAPE, LIKE)
        ((used, free),) = pool._buffers.values()
        used, free = weakref.ref(used.memory), weakref.ref(free.memory)
        del pool
        assert free() is None and used() is not None and bool((kept == 3).all())
        del kept
        assert used() is None
    finally:
        gc.enable()


@pytest.mark.skipif(memory_pool._of_process is None, reason="no memory that the system may take back")
def test_large_results_lie_where_earlier_ones_lay(monkeypatch):
    monkeypatch.setattr(memory_pool, "_of_process", MemoryPool(reclaimable=True))
    shape = (memory_pool.RETURNED // 400 + 1, 100)
    first = empty_again(shape, LIKE).fill_(1)
    second = empty_again(shape, LIKE).fill_(2)
    assert bool((first == 1).all()) and bool((second == 2).all())
    where = second.data_ptr()
    del second
    assert empty_again(shape, LIKE).data_ptr() == where
    assert bool((first == 1).all())
    empty_again(SHAPE, LIKE)  # the C library keeps it
    assert len(memory_pool._of_process._buffers) == 1


@pytest.mark.skipif(memory_pool._of_process is None, reason="no memory that the system may take back")
def test_a_pool_of_the_process_holds_no_more_than_was_lent_at_one_time():
    pool = MemoryPool(reclaimable=True)
    for pages in range(1, 40):
        pool.take(4096 * pages)  # free at once
    assert list(pool._buffers) == [4096 * 39]
    one, two = pool.take(4096), pool.take(4096 * 2)
    assert sorted(pool._buffers) == [4096, 4096 * 2]  # 39 pages do not fit beside them
    big = pool.take(4096 * 80)
    del big, two
    assert sorted(pool._buffers) == [4096, 4096 * 2, 4096 * 80] and len(one) == 4096
    pool.take(4096 * 80)
    assert sorted(pool._buffers) == [4096, 4096 * 2, 4096 * 80]


@pytest.mark.skipif(memory_pool._of_process is None, reason="no memory that the system may take back")
def test_memory_that_the_system_refuses_to_mark_is_lent_again(monkeypatch):
    class Locked(memory_pool.mmap.mmap):
        def madvise(self, *arguments):
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(memory_pool.mmap, "mmap", Locked)
    pool = MemoryPool(reclaimable=True)
    for _ in range(3):
        pool.take(4096)
    assert len(pool._buffers[4096]) == 1


def test_where_the_system_has_no_memory_free_buffers_go_and_then_the_pool_stands_back(monkeypatch):
    pool, count = MemoryPool(), ROWS * 400
    pool.take(2 * count)
    made = memory_pool.mmap.mmap

    def full(*arguments, **options):
        if pool._buffers.get(2 * count):
            raise OSError(12, "Cannot allocate memory")
        return made(*arguments, **options)

    monkeypatch.setattr(memory_pool.mmap, "mmap", full)
    with torch.no_grad(), pooled(pool):
        kept = empty(SHAPE, LIKE)
        assert list(pool._buffers) == [count]
        pool._buffers[2 * count] = pool._buffers[count]  # lent: nothing to give up
        assert empty(SHAPE, LIKE).data_ptr() != kept.data_ptr()
        assert len(pool._buffers[count]) == 1


@pytest.mark.skipif(memory_pool._of_process is None, reason="no memory that the system may take back")
def test_memory_is_the_systems_before_it_is_free(monkeypatch):
    """Else another thread could write into what is then given away."""
    seen = []

    class Memory(memory_pool.mmap.mmap):
        def madvise(self, *arguments):
            seen.append(pool._buffers[4096][0].free())

    monkeypatch.setattr(memory_pool.mmap, "mmap", Memory)
    pool = MemoryPool(reclaimable=True)
    pool.take(4096)
    assert seen == [False] and pool._buffers[4096][0].free()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    with torch.no_grad(), pooled(MemoryPool()):
        given = empty(SHAPE, LIKE.to(dtype))
    assert given.dtype == dtype and given.shape == SHAPE and given.is_contiguous()


def test_no_pool_where_gradients_are_recorded_or_none_is_in_use():
    pool = MemoryPool()
    with pooled(pool):
        empty(SHAPE, LIKE)
    with torch.no_grad():
        empty(SHAPE, LIKE)
        with pooled(pool):
            empty((2, 3), LIKE)  # too small
            empty(SHAPE, LIKE.to("meta"))
    assert not pool._buffers


def test_sums_and_products_are_those_of_torch():
    x, weight, bias = torch.randn(ROWS, 100), torch.randn(100, 100), torch.randn(100)
    expected = torch.cat([x, x], dim=1), torch.nn.functional.linear(x, weight, bias)
    with torch.no_grad(), pooled(MemoryPool()):
        for _ in range(3):
            given = cat([x, x]), linear(x, weight, bias)
            for one, other in zip(given, expected):
                assert torch.equal(one, other)


@pytest.mark.parametrize("variant", ["recurrent", "sum"])
def test_a_roll_out_keeps_apart_what_its_reader_keeps(monkeypatch, variant):
    """Frames and states that are held on to do not change, with every tensor from the pool."""
    data = sample(channels=PLAIN).apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
    torch.manual_seed(0)
    model = PADGN(PLAIN, variant=variant, hidden_channels=16, num_kernels=2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    frames = [frame.clone() for frame in rollout_frames(model, data, 6)]
    monkeypatch.setattr("pdgn.nn.memory_pool.LEAST", 1)
    with torch.no_grad():
        kept = list(rollout_frames(model, data, 6))
        kept += list(rollout_frames(model, data, 6))
    for place, frame in enumerate(kept):
        torch.testing.assert_close(frame, frames[place % 6], rtol=0, atol=1e-6)


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="no count of page faults")
def test_a_step_on_a_large_mesh_asks_the_system_for_little():
    """Pages of 4 kB: without the pool 0.7 a node and more, as the states of edges alone are 1.5 kB."""
    nodes, width = 40_000, 64
    offsets = torch.tensor([1, 2, 3, -1, -2, -3])
    target = torch.arange(nodes).repeat_interleave(6)
    source = (target + offsets.repeat(nodes)) % nodes
    data = type(sample())(
        x=torch.randn(nodes, 1, 1), edge_index=torch.stack([source, target]), node_context=torch.randn(nodes, 1),
        edge_context=torch.randn(6 * nodes, 1), reference_gradient=torch.ones(6 * nodes),
        reference_laplacian=torch.ones(6 * nodes),
    )  # fmt: skip
    model, faults = PADGN(Channels(1, 1, 1), hidden_channels=width), []
    with torch.no_grad():
        for _ in rollout_frames(model, data, 6):
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    assert min(after - before for before, after in zip(faults[2:], faults[3:])) < 0.35 * nodes


@pytest.mark.skipif(memory_pool._of_process is None, reason="the system has no MADV_FREE")
def test_a_fork_does_not_inherit_a_lock_that_is_held():
    with memory_pool._of_process._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(5)  # ends it where it waits for ever
            memory_pool._of_process.take(LEAST)
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
