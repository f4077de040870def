"""A trained model on one's own mesh and observations, without truth."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch_geometric.data import Data
from tqdm import tqdm

from pdgn.data import Context, MeshRecord, TimeAxis, build_sample
from pdgn.data.context import VECTOR_PREFIXES, parameter_names
from pdgn.mesh import TriMesh, read_mesh
from pdgn.rollout import rollout_frames
from pdgn.training.checkpoint import load_forecaster
from pdgn.training.device import choose_device
from pdgn.training.forecaster import Forecaster

OTHER_SCALE = 4.0  # ratio of edge lengths from which meshes are not of one scale; resolutions differ by less

Mesh = TriMesh | MeshRecord | str | os.PathLike[str]


class Predictor:
    """A trained model in physical units; made by :func:`load`.

    Args:
        forecaster: model, normalisation and description.
        device: where it runs.

    Attributes:
        history: observed frames in training. dt: time between frames, in time_unit.
        channel_names, channel_units: of the last axis of observations and predictions.
        context: features that the model needs besides the signal.
    """

    def __init__(self, forecaster: Forecaster, device: torch.device | str = "cpu") -> None:
        self.forecaster = forecaster.to(device).eval()
        description = forecaster.description
        self.history, self.dt, self.time_unit = description.history, description.dt, description.time_unit
        self.context: Context = description.context
        sizes = [(field, channel) for field in description.fields for channel in range(field.channels)]
        self.channel_names = tuple(f.name if f.channels == 1 else f"{f.name}[{channel}]" for f, channel in sizes)
        self.channel_units = tuple(field.unit for field, _ in sizes)

    def predict(
        self,
        mesh: Mesh,
        observed: ArrayLike,
        steps: int,
        *,
        parameters: Mapping[str, ArrayLike] | None = None,
        mask: ArrayLike | None = None,
        time: float | str | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Predicts the frames after the observed ones.

        Args:
            mesh: a TriMesh, the path of a mesh file, or a MeshRecord (sensors; stored geodesic distances); V nodes.
            observed: [T0, V, C], or [T0, V] for one channel, in physical units, ``dt`` apart; NaN where a node did
                not report. At least one frame; fewer than ``history`` give a warning.
            steps: frames to predict.
            parameters: what the model was told of each trajectory: name → [V, ...], or one value or [D] for all.
            mask: [T0, V] bool, true where a node reports; NaN counts as false in any case.
            time: time of the first frame: a number in ``time_unit`` since a midnight UTC, or an ISO date. Needed only
                by models with a forcing such as hour_of_day.
            progress: show a bar on stderr, if that is a terminal.

        Returns:
            [steps, V, C] float32 in physical units; frame k is (k + 1) ``dt`` after the last observed one.

        Raises:
            ValueError: shapes do not fit the mesh or the model, an observation is infinite or all are missing, or a
                parameter that the model needs is missing; all of them are named.
            FileNotFoundError: no such mesh file.
        """
        sample = self._sample(mesh, observed, steps, parameters, mask, time)
        result = np.empty((int(steps), sample.num_nodes, len(self.channel_names)), dtype=np.float32)
        with tqdm(total=len(result), desc="predict", unit="frame", disable=None if progress else True) as bar:
            for number, frame in enumerate(self._frames(sample, len(result))):
                result[number] = frame
                bar.update()
        return result

    def frames(
        self,
        mesh: Mesh,
        observed: ArrayLike,
        steps: int,
        *,
        parameters: Mapping[str, ArrayLike] | None = None,
        mask: ArrayLike | None = None,
        time: float | str | None = None,
    ) -> Iterator[np.ndarray]:
        """The frames of :meth:`predict` one by one, as they are computed: memory does not grow with their number.

        Args:
            mesh, observed, steps, parameters, mask, time: as there.

        Returns:
            ``steps`` frames [V, C], float32 in physical units.

        Raises:
            ValueError, FileNotFoundError: as there, at once and not with the first frame.
        """
        return self._frames(self._sample(mesh, observed, steps, parameters, mask, time), int(steps))

    def _sample(
        self,
        mesh: Mesh,
        observed: ArrayLike,
        steps: int,
        parameters: Mapping[str, ArrayLike] | None,
        mask: ArrayLike | None,
        time: float | str | None,
    ) -> Data:
        """The observed frames on their mesh, checked, in physical units; without frames to predict."""
        record = _record(mesh)
        frames, reported = self._observations(observed, mask, record.num_nodes)
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
            raise ValueError(f"steps: wanted an integer of at least 1, given {steps!r}")
        given = _finite(parameters or {})
        self._require_context(record, given, time)
        self._compare_scales(record)
        start, axis = _clock(time, self.time_unit)
        times = start + self.dt * np.arange(len(frames) + steps)
        sample = build_sample(record, frames, reported, None, None, times, self.context, given, axis=axis)
        for kind, wanted in self.forecaster.description.channels._asdict().items():
            found = getattr(sample, kind, None)
            if kind in ("node_context", "edge_context") and found is not None and found.size(1) != wanted:
                names = ", ".join(self.context.node if kind == "node_context" else self.context.edge)
                raise ValueError(
                    f"parameters: wanted arrays that make {wanted} columns of {kind} ({names}), "
                    f"given {found.size(1)}: one of them is [D] or [V, D] with another D"
                )
        del sample.y, sample.y_mask  # zeros, as large as the prediction
        return sample

    def _compare_scales(self, record: MeshRecord) -> None:
        """Warns of a mesh whose edges are much longer or shorter than those of training."""
        known = self.forecaster.description.edge_length
        if known is None or "length" not in record.edge:
            return
        length, (least, most) = float(record.edge["length"].mean()), known
        if not least / OTHER_SCALE <= length <= most * OTHER_SCALE:
            warnings.warn(
                f"mesh: edges of {length:.3g} on average, while the model was trained with {least:.3g} to {most:.3g}: "
                "scale the mesh to the lengths of training, in whose unit the equation was learned",
                stacklevel=4,
            )

    @torch.no_grad()  # and not inference_mode: what is kept with a mesh may be trained on later
    def _frames(self, sample: Data, steps: int) -> Iterator[np.ndarray]:
        normalizer, finite = self.forecaster.normalizer, True
        data = normalizer.transform(sample.to(next(iter(normalizer.buffers())).device))
        del sample
        for number, frame in enumerate(rollout_frames(self.forecaster.model, data, steps), 1):
            result = normalizer.inverse(frame).cpu().numpy()
            if finite and not np.isfinite(result).all():
                finite = False
                warnings.warn(f"the prediction is not finite from step {number} on: it has diverged", stacklevel=3)
            yield result

    def _observations(
        self, observed: ArrayLike, mask: ArrayLike | None, num_nodes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Frames [T0, V, C] and where they were reported [T0, V]."""
        frames, channels = np.asarray(observed), len(self.channel_names)
        if frames.dtype.kind not in "fiu":
            raise TypeError(f"observed: wanted numbers, given an array of {frames.dtype}")
        if frames.ndim == 2 and channels == 1:
            frames = frames[:, :, None]
        if frames.ndim != 3 or frames.shape[1:] != (num_nodes, channels) or len(frames) == 0:
            names = ", ".join(self.channel_names)
            raise ValueError(
                f"observed: wanted [T0, {num_nodes}, {channels}] (frames, nodes of the mesh, channels {names}) with at "
                f"least one frame, given {list(np.shape(observed))}"
            )
        if np.isinf(frames).any():
            count = int(np.isinf(frames).sum())
            raise ValueError(f"observed: wanted finite values, or NaN where not reported, given {count} infinite")
        reported = np.isfinite(frames).all(-1)
        if mask is not None:
            given = np.asarray(mask)
            if given.shape != reported.shape or given.dtype != bool:
                raise ValueError(f"mask: wanted bool {list(reported.shape)}, given {given.dtype} {list(given.shape)}")
            reported &= given
        if not reported.any():
            raise ValueError("observed: wanted at least one reported value, given none (all NaN or masked)")
        if len(frames) < self.history:
            text = f"observed: {len(frames)} frames, fewer than the {self.history} of training: expect larger errors"
            warnings.warn(text, stacklevel=4)
        return frames.astype(np.float64), reported

    def _require_context(self, record: MeshRecord, given: Mapping[str, np.ndarray], time: float | str | None) -> None:
        """Names everything that the model needs and was not given, at once."""
        missing: dict[str, str] = {}
        for kind, features in (("node", self.context.node), ("edge", self.context.edge)):
            for name in features:
                try:
                    parameter_names(Context(**{kind: [name]}), record, given)
                except ValueError as error:
                    wanted = name.partition(":")[2] if name.startswith(VECTOR_PREFIXES) else name
                    missing["geodesic_sources" if name == "geodesic_difference" else wanted] = str(error)
        if missing:
            raise ValueError(
                f"parameters: wanted {', '.join(missing)}, which the model was trained with, given "
                f"{', '.join(given) or 'none'} ({next(iter(missing.values()))})"
            )
        if self.context.forcing and time is None:
            names = ", ".join(self.context.forcing)
            raise ValueError(f"time: wanted that of the first frame, for the model's forcing ({names}), given none")

    def __repr__(self) -> str:
        channels = zip(self.channel_names, self.channel_units, strict=True)
        signal = ", ".join(f"{name} [{unit}]" for name, unit in channels)
        model = self.forecaster.description.model["name"]
        return f"{type(self).__name__}({model}, {signal}, dt={self.dt:g} {self.time_unit})"


def load(checkpoint: str | os.PathLike[str], device: str = "cpu") -> Predictor:
    """Loads a trained model for prediction.

    Args:
        checkpoint: best.ckpt or last.ckpt of a run.
        device: "cpu", "cuda" or "auto".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint of this package.
    """
    return Predictor(load_forecaster(Path(checkpoint)), choose_device(device))


def _record(mesh: Mesh) -> MeshRecord:
    if isinstance(mesh, MeshRecord):
        return mesh
    if isinstance(mesh, TriMesh):
        return MeshRecord.from_mesh(mesh)
    if isinstance(mesh, str | os.PathLike):
        return MeshRecord.from_mesh(read_mesh(mesh))
    raise TypeError(f"mesh: wanted a TriMesh, a MeshRecord or the path of a mesh file, given {type(mesh).__name__}")


def _finite(parameters: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """The parameters as arrays."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters: wanted names and values, given {type(parameters).__name__}")
    given = {name: np.asarray(values) for name, values in parameters.items()}
    for name, values in given.items():
        if values.dtype.kind not in "fiub":
            raise TypeError(f"parameters: {name}: wanted numbers, given an array of {values.dtype}")
        if not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            raise ValueError(f"parameters: {name}: wanted finite values, given {count} NaN or infinite")
    return given


def _clock(time: float | str | None, unit: str) -> tuple[float, TimeAxis]:
    """The time of the first frame and the axis that it counts on."""
    if time is None:
        return 0.0, TimeAxis(unit)
    if isinstance(time, str):
        try:
            moment = datetime.fromisoformat(time)
        except ValueError:
            raise ValueError(f"time: wanted a number or an ISO date such as 2014-01-20T06:00, given {time!r}") from None
        clock = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        return 0.0, TimeAxis(unit, clock.isoformat(timespec="seconds"))
    if not isinstance(time, int | float | np.number) or not np.isfinite(time):
        raise ValueError(f"time: wanted a finite number or an ISO date, given {time!r}")
    return float(time), TimeAxis(unit)
