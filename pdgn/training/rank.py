"""What one process needs to know to train with others, and how it joins them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from pdgn.training.config import TrainingConfig

# A process that says nothing for so long is given up; the dead are noticed at once.
TIMEOUT = timedelta(minutes=10)


@dataclass(frozen=True)
class Rank:
    """A process among those that train together.

    Args:
        local: its number on its machine.
        processes: processes per machine.
        machine: number of its machine; the processes of machine 0 come first.
        machines: number of machines.
        address: of machine 0.
        port: on which its first process is met.
    """

    local: int
    processes: int
    machine: int
    machines: int
    address: str
    port: int

    @property
    def number(self) -> int:
        """Its number among all."""
        return self.machine * self.processes + self.local

    @property
    def of(self) -> int:
        """How many there are."""
        return self.machines * self.processes

    def environment(self) -> dict[str, str]:
        """The variables by which torch and Lightning know a process.

        Returns:
            RANK, WORLD_SIZE, LOCAL_RANK, NODE_RANK, MASTER_ADDR and MASTER_PORT.
        """
        values = {
            "RANK": self.number,
            "WORLD_SIZE": self.of,
            "LOCAL_RANK": self.local,
            "NODE_RANK": self.machine,
            "MASTER_ADDR": self.address,
            "MASTER_PORT": self.port,
        }
        return {name: str(value) for name, value in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which the same rank is made."""
        return asdict(self)

    @contextmanager
    def joined(self, settings: TrainingConfig) -> Iterator[None]:
        """Waits for the others, by gloo on CPUs and by NCCL on GPUs, and leaves them at the end.

        Args:
            settings: which device.

        Yields:
            Nothing; Lightning finds the group of processes made.
        """
        gpu = uses_gpu(settings)
        if gpu:
            torch.cuda.set_device(self.local)
        os.environ.update(self.environment())
        distributed.init_process_group("nccl" if gpu else "gloo", timeout=TIMEOUT)
        try:
            yield
        finally:
            distributed.destroy_process_group()


def uses_gpu(settings: TrainingConfig) -> bool:
    """Whether the accelerator of a config is a GPU on this machine.

    Args:
        settings: of the config.
    """
    return settings.accelerator != "cpu" and torch.cuda.is_available()


def require_devices(settings: TrainingConfig) -> None:
    """Refuses a config that asks for more GPUs than this machine has.

    Args:
        settings: of the config.

    Raises:
        ValueError: it has none, or fewer than processes.
    """
    if settings.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("training.accelerator: wanted a device of this machine (auto, cpu), given 'gpu', it has none")
    if uses_gpu(settings) and settings.processes > torch.cuda.device_count():
        raise ValueError(
            f"training.processes: wanted at most {torch.cuda.device_count()}, one for each GPU of this machine "
            f"(or training.accelerator cpu), given {settings.processes}"
        )
