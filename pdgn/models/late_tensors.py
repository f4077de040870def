"""Tensors whose shapes the data decide."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LateTensors(nn.Module):
    """A module with tensors that are empty until it is fitted, and take their shapes from a state_dict.

    Plain modules refuse a state_dict with other shapes; here `fault` says what does not fit.
    """

    def __init__(self) -> None:
        super().__init__()
        self._late: tuple[str, ...] = ()

    def add_late(self, name: str, dimensions: int, dtype: torch.dtype | None = None, *, weights: bool = False) -> None:
        """Adds an empty tensor.

        Args:
            name: of the attribute. dimensions: of the tensor. dtype: by default torch's own.
            weights: whether it is a parameter (without gradient) or a buffer.
        """
        empty = torch.zeros((0,) * dimensions, dtype=dtype)
        if weights:
            self.register_parameter(name, nn.Parameter(empty, requires_grad=False))
        else:
            self.register_buffer(name, empty)
        self._late = (*self._late, name)

    def set_late(self, name: str, value: Tensor) -> None:
        """Sets such a tensor, in the dtype and on the device that it had; the value's own where it is not a float.

        Args:
            name: of the attribute. value: of as many dimensions.
        """
        old = getattr(self, name)
        value = value.detach().to(old.device, old.dtype).clone()
        setattr(self, name, nn.Parameter(value, requires_grad=False) if name in self._parameters else value)

    def fault(self) -> str | None:
        """What is wrong with the shapes, in one line; None where nothing is."""
        return None

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for name in self._late:
            own, given = getattr(self, name), state_dict.get(prefix + name)
            if given is not None and given.shape != own.shape and given.dim() == own.dim():
                self.set_late(name, own.new_zeros(given.shape))
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        fault = self.fault()
        if fault is not None:
            error_msgs.append(fault)
