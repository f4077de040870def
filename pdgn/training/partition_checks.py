"""Whether a run can train on parts of its meshes, looked at before it begins."""

from __future__ import annotations

from pdgn.models import ForecastModel
from pdgn.training.batch_plan import window_nodes
from pdgn.training.config import RunConfig
from pdgn.training.halo_reach import reach_of
from pdgn.training.halo_store import BlockStore
from pdgn.training.partition import require_pymetis
from pdgn.training.windows import Windows


def require_parts(model: ForecastModel, windows: Windows, config: RunConfig) -> None:
    """Refuses what training.parts cannot do; nothing is looked at where there is one part.

    Args:
        model: that is trained. windows: on which. config: its config.

    Raises:
        ValueError: the steps of the model see too far, a mesh has fewer nodes than parts, training.scratch is no
            folder, or pymetis is not installed.
    """
    settings = config.training
    if settings.parts == 1:
        return
    require_pymetis()
    reach_of(model)
    BlockStore(settings.scratch)
    nodes = min(min(window_nodes(part)) for part in windows)
    if settings.parts > nodes:
        raise ValueError(
            f"training.parts: wanted at most {nodes}, the nodes of the smallest mesh of {config.data.file}, "
            f"given {settings.parts}"
        )
