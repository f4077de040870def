"""A hidden layer with SiLU in NumPy and its derivative, on the memory of a block's parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pdgn.nn import EdgeBlock

Array = NDArray[np.floating]


class HiddenLayer(NamedTuple):
    """A hidden layer: its inputs [n, F], its values before the activation [n, H], σ of them, and after [n, H]."""

    inputs: Array
    before: Array
    gate: Array
    after: Array

    @classmethod
    def of(cls, inputs: Array, weight: Array, bias: Array) -> HiddenLayer:
        """SiLU(inputs W^T + b)."""
        before = inputs @ weight.T
        before += bias
        gate = np.exp(-before)
        gate += 1
        np.reciprocal(gate, out=gate)
        return cls(inputs, before, gate, before * gate)

    def back(self, grad: Array) -> Array:
        """The derivative by `before`, of that by `after`: σ (1 + h (1 − σ))."""
        slope = 1 - self.gate
        slope *= self.before
        slope += 1
        slope *= self.gate
        slope *= grad
        return slope


def array(parameter: Tensor) -> Array:
    """The memory of a parameter."""
    return parameter.detach().numpy()


def parts(block: EdgeBlock) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices of target, source and edge."""
    return block.hidden.target, block.hidden.source, block.hidden.edge


def weight_of(block: EdgeBlock) -> Array:
    """The matrix of (target, source, edge), [H, 2D + R]."""
    return np.concatenate([array(part) for part in parts(block)], axis=1)


def put(linear: nn.Linear, grad: Array, inputs: Array) -> None:
    """Derivatives of a linear layer by its weight and bias."""
    np.matmul(grad.T, inputs, out=linear.weight.grad.numpy())
    np.matmul(np.ones(len(grad), grad.dtype), grad, out=linear.bias.grad.numpy())


def put_parts(block: EdgeBlock, grad: Array, inputs: Array) -> None:
    """Derivatives of a layer of (target, source, edge)."""
    whole, start = grad.T @ inputs, 0
    for part in parts(block):
        part.grad.numpy()[:] = whole[:, start : start + part.size(1)]
        start += part.size(1)
    np.sum(grad, axis=0, out=block.hidden.bias.grad.numpy())
