"""Calls of the kernel of sums of edges at nodes."""

from __future__ import annotations

from torch import Tensor

from pdgn.nn.kernels.arguments import run, structure
from pdgn.nn.memory_pool import empty

_FORM = structure("Segments", "nodes columns", "rows order ptr out")


def segment_sum(rows: Tensor, order: Tensor, ptr: Tensor) -> Tensor:
    """Sums [N, C] of rows [E, C] in an order [E] whose segments begin at ptr [N + 1]."""
    rows, nodes, columns = rows.contiguous(), ptr.size(0) - 1, rows.size(1)
    out = empty((nodes, columns), rows)
    given = {"rows": rows, "order": order.contiguous(), "ptr": ptr.contiguous(), "out": out}
    run("pdgn_segment_sum", _FORM, nodes=nodes, columns=columns, **given)
    return out
