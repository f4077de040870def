"""What keeps little for the backward pass: messages and the ReLU by its mask, against the plain formulas."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn.message import message
from pdgn.nn.relu_mask import masked_relu
from tests.nn.graphs import normal


def inputs():
    """a, b [E, K, C] as views of one tensor; source, target [E, C]."""
    out = normal(6, 3, 2, 4, seed=1)
    return out, normal(6, 4, seed=2), normal(6, 4, seed=3)


def by_edge(out, source, target):
    rows = [[a * (i - b * j) for a, b in kernels] for kernels, j, i in zip(out, source, target)]
    return torch.stack([torch.stack(row) for row in rows])


def test_messages_are_differences_with_their_derivatives():
    tensors = [tensor.requires_grad_() for tensor in inputs()]
    out, source, target = tensors
    given, expected = message(*out.unbind(2), source, target), by_edge(out, source, target)
    assert torch.allclose(given, expected, atol=1e-14)
    factor = normal(*given.shape, seed=4)
    pairs = zip(*(torch.autograd.grad((factor * y).sum(), tensors) for y in (given, expected)))
    assert all(torch.allclose(one, other, atol=1e-13) for one, other in pairs)


def test_messages_have_second_derivatives():
    def run(out, source, target):
        return message(*out.unbind(2), source, target)

    assert torch.autograd.gradgradcheck(run, tuple(tensor.requires_grad_() for tensor in inputs()))


def kept_bytes(function):
    """Of all storages that autograd keeps."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        function()
    return sum(kept.values())


def test_a_message_keeps_its_coefficients_and_the_signal():
    out, source, target = inputs()
    a, b = out.requires_grad_().unbind(2)
    assert kept_bytes(lambda: message(a, b, source, target)) == sum(t.nbytes for t in (out, source, target))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_relu_by_its_mask(dtype):
    x = normal(7, 5, seed=1).to(dtype)
    x[3] = 0
    x[4, 1] = torch.nan
    one, other = (x.clone().requires_grad_() for _ in range(2))
    given, expected = masked_relu(one * 1), torch.relu(other)
    assert torch.equal(given, expected) or torch.equal(given.isnan(), expected.isnan())
    assert torch.equal(given.nan_to_num(), expected.nan_to_num())
    factor = normal(7, 5, seed=2).to(dtype)
    (by_one,), (by_other,) = (
        torch.autograd.grad((factor * y).sum(), leaf) for y, leaf in ((given, one), (expected, other))
    )
    finite = ~x.isnan()
    assert torch.equal(by_one[finite], by_other[finite])
    assert kept_bytes(lambda: masked_relu(one * 1)) == x.numel()


def test_relu_by_its_mask_has_second_derivatives():
    x = normal(4, 3).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: masked_relu(x * x * x), (x,))
