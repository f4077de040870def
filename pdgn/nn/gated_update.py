"""A gated recurrent update whose input terms are computed elsewhere."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from pdgn.nn.autocast import full_precision


class GatedUpdate(nn.Module):
    r"""The hidden half of a gated recurrent unit: takes W x + b of its three gates, updates h.

    .. math::
        r = \sigma(a_r + U_r h), \quad z = \sigma(a_z + U_z h), \quad n = \tanh(a_n + r \odot (U_n h + b_n)), \quad
        h' = n + z \odot (h - n)

    with :math:`[a_r, a_z, a_n] = W x + b`. The caller forms that sum, per node where it can. For the backward pass
    h, r, z and n are kept and nothing else: 4 H numbers a row.

    Args:
        hidden_channels: H.

    Shapes:
        gates [M, 3H], h [M, H]; output [M, H].

    Reference:
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, as in torch.nn.GRUCell.
    """

    def __init__(self, hidden_channels: int) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.weight = nn.Parameter(torch.empty(3 * hidden_channels, hidden_channels))
        self.bias = nn.Parameter(torch.empty(hidden_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws U and b from U(±1/√H)."""
        bound = 1 / math.sqrt(self.hidden_channels)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, gates: Tensor, hidden: Tensor) -> Tensor:
        """The updated hidden state h'."""
        return _GatedUpdate.apply(gates, hidden, self.weight, self.bias)[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hidden_channels})"


class _GatedUpdate(torch.autograd.Function):
    """h' from gates and h; returns (h', [r, z], n), of which r, z, n are outputs so that they can be derived again."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        width = 2 * hidden.size(1)
        # Under autocast the gates come in half precision: so do the products; the state keeps its own.
        state, matrix = hidden.to(gates.dtype), weight.to(gates.dtype).t()
        with full_precision(hidden.device.type):
            both = torch.addmm(gates[:, :width], state, matrix[:, :width]).to(hidden.dtype).sigmoid_()
            memory = _memory(state, matrix[:, width:], bias).to(hidden.dtype)
            reset, update = both.chunk(2, dim=1)
            new = _tanh_(torch.addcmul(gates[:, width:].to(hidden.dtype), reset, memory))
            ctx.save_for_backward(hidden, weight, bias, both, new)
            ctx.gates_type = gates.dtype
            ctx.set_materialize_grads(False)
            return torch.lerp(new, hidden, update), both, new

    @staticmethod
    def backward(
        ctx: Any, grad: Tensor | None, grad_both: Tensor | None, grad_new: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        hidden, weight, bias, both, new = ctx.saved_tensors
        width, dtype = 2 * hidden.size(1), ctx.gates_type
        state, matrix = hidden.to(dtype), weight.to(dtype)
        reset, update = both.chunk(2, dim=1)
        memory = _memory(state, matrix[width:].t(), bias).to(hidden.dtype)
        grad = torch.zeros_like(hidden) if grad is None else grad
        if torch.is_grad_enabled() or grad_both is not None or grad_new is not None:
            gates, through = _derive(grad, grad_both, grad_new, hidden, reset, update, new, memory)
        else:
            gates, through = _derive_in_place(grad, hidden, reset, update, new, memory)
        gates, through = gates.to(dtype), through.to(dtype)
        by_weight = torch.cat([gates[:, :width].t() @ state, through.t() @ state])
        by_hidden = torch.addmm(through @ matrix[width:], gates[:, :width], matrix[:width])
        by_hidden = torch.addcmul(by_hidden.to(hidden.dtype), grad, update)
        return gates, by_hidden, by_weight.to(weight.dtype), through.sum(dim=0).to(bias.dtype)


def _memory(state: Tensor, matrix: Tensor, bias: Tensor) -> Tensor:
    """U_n h + b_n: one product more in the backward pass and one tensor less to keep."""
    return torch.addmm(bias.to(state.dtype), state, matrix)


def _derive(
    grad: Tensor,
    grad_both: Tensor | None,
    grad_new: Tensor | None,
    hidden: Tensor,
    reset: Tensor,
    update: Tensor,
    new: Tensor,
    memory: Tensor,
) -> tuple[Tensor, Tensor]:
    """Derivatives by the gates [M, 3H] and by U_n h + b_n [M, H], such that they can be derived again."""
    by_new = grad * (1 - update)
    by_update = grad * (hidden - new)
    by_new = by_new if grad_new is None else by_new + grad_new
    candidate = by_new * (1 - new * new)
    by_reset = candidate * memory
    if grad_both is not None:
        by_reset, by_update = (a + b for a, b in zip((by_reset, by_update), grad_both.chunk(2, dim=1)))
    gates = [by_reset * reset * (1 - reset), by_update * update * (1 - update), candidate]
    return torch.cat(gates, dim=1), candidate * reset


def _derive_in_place(
    grad: Tensor, hidden: Tensor, reset: Tensor, update: Tensor, new: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """The same with the fewest passes over memory; overwrites `memory`."""
    aten, gates = torch.ops.aten, hidden.new_empty(hidden.size(0), 3 * hidden.size(1))
    by_reset, by_update, candidate = gates.chunk(3, dim=1)
    torch.sub(hidden, new, out=by_update).mul_(grad)
    aten.sigmoid_backward.grad_input(by_update, update, grad_input=by_update)
    torch.addcmul(grad, grad, update, value=-1, out=candidate)
    aten.tanh_backward.grad_input(candidate, new, grad_input=candidate)
    aten.sigmoid_backward.grad_input(memory.mul_(candidate), reset, grad_input=by_reset)
    return gates, torch.mul(candidate, reset, out=memory)


def _tanh_(x: Tensor) -> Tensor:
    """tanh in place. In float32 on a CPU by 2 σ(2x) − 1, twice as fast there; its error is of the round-off of 1."""
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return x.tanh_()
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)
