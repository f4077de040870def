"""Which edge runs the other way."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def reverse_edges(edge_index: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """The edge i → j of each edge j → i; found once for each tensor and kept as long as the tensor lives.

    Args:
        edge_index: [2, E] int64, without repeated edges.
        num_nodes: N.

    Returns:
        position [E] int64 of the reverse edge, its own where there is none; found [E] bool. Nothing waits for a GPU.
    """
    if edge_index.is_inference():
        return _search(edge_index, num_nodes)
    version, known = edge_index._version, _known.get(edge_index)
    if known is None or known[:2] != (version, num_nodes):
        with torch.inference_mode(False):
            known = (version, num_nodes, _search(edge_index, num_nodes))
        _known[edge_index] = known
    return known[2]


def _search(edge_index: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    source, target = edge_index.detach()
    keys, order = torch.sort(target * num_nodes + source)
    wanted = source * num_nodes + target
    place = torch.searchsorted(keys, wanted).clamp(max=max(len(keys) - 1, 0))
    found = keys.index_select(0, place) == wanted
    own = torch.arange(len(keys), device=keys.device)
    return torch.where(found, order.index_select(0, place), own), found
