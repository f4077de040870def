"""Autocast and functions that choose their own precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def full_precision(device: str) -> AbstractContextManager[Any]:
    """Products in the types of their arguments, whatever autocast would make of them.

    Args:
        device: type of device; the meta device has no autocast to switch off.
    """
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()
