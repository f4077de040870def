"""Adam on all parameters as one vector: for small networks a step costs its arithmetic alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FlatAdam:
    """The same steps as `torch.optim.Adam`.

    Parameters of the module and their gradients become views of one vector each.

    Args:
        module: its parameters are of one type. rate: the learning rate. decay: times a parameter, is added to its
            gradient.
    """

    def __init__(self, module: nn.Module, rate: float, decay: float = 0.0) -> None:
        parameters = list(module.parameters())
        values = torch.cat([parameter.detach().flatten() for parameter in parameters])
        grads = torch.zeros_like(values)
        start = 0
        for parameter in parameters:
            stop = start + parameter.numel()
            parameter.data = values[start:stop].view_as(parameter)
            parameter.grad = grads[start:stop].view_as(parameter)
            start = stop
        self.values, self.grads, self.rate, self.count = values.numpy(), grads.numpy(), rate, 0
        self.decay = decay
        self.mean, self.square, self.spare = (np.zeros_like(self.values) for _ in range(3))

    def zero_grad(self) -> None:
        """Sets the gradients to 0 and keeps them where they are."""
        self.grads[:] = 0

    def step(self) -> None:
        """One step."""
        self.count += 1
        if self.decay:
            self.grads += self.decay * self.values
        first, second = BETAS
        for moment, beta, power in ((self.mean, first, self.grads), (self.square, second, self.grads * self.grads)):
            moment *= beta
            np.multiply(power, 1 - beta, out=self.spare)
            moment += self.spare
        np.sqrt(self.square, out=self.spare)
        self.spare /= np.sqrt(1 - second**self.count)
        self.spare += EPSILON
        np.divide(self.mean, self.spare, out=self.spare)
        self.spare *= self.rate / (1 - first**self.count)
        self.values -= self.spare
