"""Mixing of the kernels of an operator into one increment per channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class KernelMixing(nn.Module):
    r"""Learned mixing of K kernels, per channel.

    .. math::
        y_c = \sum_k m_{kc} \, d_{kc}, \qquad \text{at first } \sum_k m_{kc} = 0

    Kernels of an anchored layer start equal, so a mixing that sums to zero starts as no increment at all, while the
    random m_k give every kernel a gradient of its own. A single kernel starts at m = 0 and learns m first.

    Args:
        num_kernels: K. channels: C.

    Shapes:
        differences [M, K, C]; output [M, C].
    """

    spread = 0.1

    def __init__(self, num_kernels: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_kernels, channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws m from a normal of standard deviation 0.1, less its mean over the kernels."""
        with torch.no_grad():
            self.weight.normal_(0, self.spread)
            self.weight.sub_(self.weight.mean(dim=0))

    def forward(self, differences: Tensor) -> Tensor:
        """The mixture y, [M, C]."""
        return (differences * self.weight).sum(dim=1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.weight.size(0)}, {self.weight.size(1)})"
