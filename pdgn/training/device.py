"""Which device a model runs on."""

from __future__ import annotations

import torch


def choose_device(name: str) -> torch.device:
    """The device for a name: "auto" takes a GPU where there is one.

    Raises:
        ValueError: an unknown device, or one that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"--device: wanted auto, cpu or cuda, given {name!r}") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device: wanted a device of this machine, given {name!r} without a CUDA GPU")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device: wanted auto, cpu or cuda, given {name!r}")
    return device
