"""The authors' own program, where a copy of it is at hand: named by PDGN_PUBLISHED, called and not changed."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.utils import scatter

FOLDER = "PDGN_PUBLISHED"


def published_folder() -> Path | None:
    """The checkout that PDGN_PUBLISHED names (github.com/USC-Melady/ICLR2020-PADGN), or None."""
    name = os.environ.get(FOLDER)
    return Path(name) if name and (Path(name) / "models" / "GraphPDE.py").is_file() else None


class _Names(list[str]):
    """Names of the tensors of a graph, read as an attribute then and called as a method now."""

    def __call__(self) -> list[str]:
        return self


def _stand_in_for_old_libraries() -> None:
    """What it expects of libraries of its time, in this process alone."""
    scatters = types.ModuleType("torch_scatter")
    for name, reduce in (("add", "sum"), ("mean", "mean"), ("max", "max"), ("min", "min"), ("mul", "mul")):

        def scattered(
            source: Tensor, index: Tensor, dim: int = -1, dim_size: int | None = None, reduce: str = reduce
        ) -> Tensor:
            return scatter(source, index, dim=dim, dim_size=dim_size, reduce=reduce)

        setattr(scatters, f"scatter_{name}", scattered)
    sparse = types.ModuleType("torch_sparse")
    sparse.coalesce = None  # type: ignore[attr-defined]
    sys.modules.update({"torch_scatter": scatters, "torch_sparse": sparse})
    names = property(lambda data: _Names(key for store in data.stores for key in store))
    Data.keys = names  # type: ignore[method-assign, assignment]
    Batch.keys = names  # type: ignore[method-assign, assignment]


class Published(nn.Module):
    """The published model with the sizes of its experiments.

    Args:
        folder: the checkout. variant: "recurrent" or "sum".
    """

    def __init__(self, folder: Path, variant: str) -> None:
        super().__init__()
        _stand_in_for_old_libraries()
        sys.path.insert(0, str(folder))
        from models.GraphPDE import GraphPDE  # type: ignore[import-not-found]

        own: dict[str, Any] = {"coef_set_num_per_order": 1, "agg_mode": "sum", "batchnorm": "BatchNorm"}
        if variant == "recurrent":
            own = {"coef_set_num_per_order": 16, "agg_mode": "RGN"}
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = GraphPDE(
                input_dim=1, output_dim=1, input_frame_num=2, skip_first_frames_num=5, node_meta_dim=2, order=2,
                coef_net_layer_num=2, coef_mode="abc", coef_sharing=False, **own,
            )  # fmt: skip

    def forward(self, data: Data) -> Tensor:
        """Eighteen steps, each from the truth, [N, 18, 1]."""
        given = Data(
            x=data.frames,
            target=data.frames,
            edge_index=data.edge_index,
            node_meta=data.node_context,
            batch=data.batch,
            tlens=torch.full((data.num_graphs,), data.frames.size(1)),
        )
        return self.model(given, train_sample_prob=1.0)[:, 2:]
