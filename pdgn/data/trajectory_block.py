"""Some consecutive trajectories on one mesh, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pdgn.data.schema import SPLITS, require_name


@dataclass(frozen=True, eq=False)
class TrajectoryBlock:
    """Some consecutive trajectories on one mesh; block ``index`` follows block ``index − 1`` in the file.

    Args:
        mesh: name of the mesh.
        index: position of the block, from 0.
        time: [T] float64, strictly increasing; the same for all blocks of a mesh. Any such axis can be stored, but
            :class:`MeshDynamicsDataset`, and so training, wants equal steps.
        fields: name → [n, T, V, C] float32 or float64.
        mask: name of a field → [n, T, V] bool, true where observed; a field without mask is observed everywhere.
        parameters: name → [n, ...], what varies between trajectories. Two names have a meaning to the reader:
            ``num_frames`` [n] (trajectory k ends after that many frames; the rest is padding, masked out) and
            ``time_offset`` [n] (trajectory k runs at time + time_offset[k]). Trajectories of different length or start
            share one mesh this way.
        split: for each trajectory "train", "valid" or "test".

    Raises:
        ValueError, TypeError: a shape, dtype, name or split is wrong, or a value is not finite where it is observed.
    """

    mesh: str
    index: int
    time: np.ndarray
    fields: dict[str, np.ndarray]
    mask: dict[str, np.ndarray] = field(default_factory=dict)
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    split: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_name(self.mesh, "mesh")
        object.__setattr__(self, "time", np.ascontiguousarray(self.time, dtype=np.float64))
        object.__setattr__(self, "split", tuple(str(entry) for entry in self.split))
        for name in ("fields", "mask", "parameters"):
            object.__setattr__(self, name, {key: np.asarray(value) for key, value in getattr(self, name).items()})
        _check_block(self)

    @property
    def count(self) -> int:
        """n, the number of trajectories in the block."""
        return len(self.split)


def _check_block(block: TrajectoryBlock) -> None:
    where = f"block {block.index} of mesh {block.mesh!r}"
    if block.index < 0 or not block.split or not block.fields:
        raise ValueError(f"{where}: wanted index ≥ 0, a split for each trajectory and at least one field")
    wrong = sorted(set(block.split) - set(SPLITS))
    if wrong:
        raise ValueError(f"{where}: split: wanted one of {', '.join(SPLITS)}, got {wrong[0]!r}")
    if (
        block.time.ndim != 1
        or not block.time.size
        or not np.isfinite(block.time).all()
        or (np.diff(block.time) <= 0).any()
    ):
        raise ValueError(
            f"{where}: time: wanted [T] finite and strictly increasing, got shape {list(block.time.shape)}"
        )
    for name, values in block.fields.items():
        _check_field(block, name, values, f"{where}: field {name!r}")
    for name in block.mask:
        if name not in block.fields:
            raise ValueError(
                f"{where}: mask {name!r}: wanted the name of a field, available: {', '.join(block.fields)}"
            )
    for name, values in block.parameters.items():
        require_name(name, f"{where}: parameter")
        if values.dtype.kind not in "fiub" or values.ndim == 0 or len(values) != block.count:
            raise ValueError(
                f"{where}: parameter {name!r}: wanted numbers [{block.count}, ...], got {values.dtype} "
                f"{list(values.shape)}"
            )
        if not np.isfinite(values).all():
            raise ValueError(f"{where}: parameter {name!r}: wanted finite values, got NaN or infinity")


def _check_field(block: TrajectoryBlock, name: str, values: np.ndarray, where: str) -> None:
    require_name(name, where)
    if values.dtype not in (np.float32, np.float64):
        raise TypeError(f"{where}: wanted float32 or float64, got {values.dtype}")
    if values.ndim != 4 or values.shape[:2] != (block.count, block.time.size):
        wanted = f"[{block.count}, {block.time.size}, V, C]"
        raise ValueError(f"{where}: wanted shape {wanted}, got {list(values.shape)}")
    mask = block.mask.get(name)
    if mask is not None and (mask.dtype != np.bool_ or mask.shape != values.shape[:3]):
        raise ValueError(f"{where}: mask: wanted bool {list(values.shape[:3])}, got {mask.dtype} {list(mask.shape)}")
    wrong = ~np.isfinite(values).all(-1)
    if mask is not None:  # NaN may stand where nothing was observed, infinity nowhere
        wrong &= mask | np.isinf(values).any(-1)
    if wrong.any():
        raise ValueError(
            f"{where}: wanted finite values where observed, got {int(wrong.sum())} node frames with NaN or infinity"
        )
