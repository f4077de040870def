"""KernelMixing: its start and its sum."""

from __future__ import annotations

import torch

from pdgn.models.mixing import KernelMixing
from tests.nn.graphs import normal, randomise


def test_a_fresh_mixture_of_equal_kernels_is_zero_and_its_kernels_differ():
    torch.manual_seed(0)
    mixing = KernelMixing(5, 2).double()
    assert mixing(torch.ones(3, 5, 2, dtype=torch.float64)).abs().max() < 1e-7  # weights were drawn in float32
    assert torch.pdist(mixing.weight.detach()).min() > 1e-3


def test_a_single_kernel_starts_at_zero_and_has_a_gradient():
    mixing = KernelMixing(1, 2).double()
    out = mixing(normal(3, 1, 2))
    assert torch.equal(out, torch.zeros(3, 2, dtype=torch.float64))
    out.sum().backward()
    assert mixing.weight.grad.abs().min() > 0


def test_sum_over_kernels():
    mixing, differences = randomise(KernelMixing(3, 2)), normal(4, 3, 2)
    assert torch.allclose(mixing(differences), torch.einsum("mkc,kc->mc", differences, mixing.weight), atol=1e-12)


def test_repr():
    assert repr(KernelMixing(3, 2)) == "KernelMixing(3, 2)"
