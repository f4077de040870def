"""Small seeded graphs for the tests of layers."""

from __future__ import annotations

import torch
from torch import Tensor


def random_graph(seed: int = 0, num_nodes: int = 7, num_pairs: int = 10, isolated: bool = True) -> Tensor:
    """Symmetric edges [2, 2·num_pairs] without loops or repeats, in random order; the last node is isolated."""
    generator = torch.Generator().manual_seed(seed)
    linked = num_nodes - int(isolated)
    pairs = torch.combinations(torch.arange(linked))
    pairs = pairs[torch.randperm(len(pairs), generator=generator)[:num_pairs]].t()
    edges = torch.cat([pairs, pairs.flip(0)], dim=1)
    return edges[:, torch.randperm(edges.size(1), generator=generator)]


def path_graph(num_nodes: int) -> Tensor:
    """0 – 1 – 2 – …, both directions."""
    forward = torch.stack([torch.arange(num_nodes - 1), torch.arange(1, num_nodes)])
    return torch.cat([forward, forward.flip(0)], dim=1)


def normal(*shape: int, seed: int = 1) -> Tensor:
    """Seeded standard normal numbers, float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def randomise(module: torch.nn.Module, seed: int = 2, scale: float = 0.4) -> torch.nn.Module:
    """Fills every parameter with seeded normal numbers, so that nothing stays at zero; the module in float64."""
    generator = torch.Generator().manual_seed(seed)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, scale, generator=generator)
    return module
