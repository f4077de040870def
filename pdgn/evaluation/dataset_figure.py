"""The figure of a data card: some meshes of a file, each with one trajectory at several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pdgn.data import DatasetFile, MeshRecord
from pdgn.evaluation.labels import plain_unit, time_label, with_unit
from pdgn.evaluation.palette import SIGNAL_MAP, STYLE
from pdgn.evaluation.surface_drawing import Stage

PANEL_WIDTH = 2.1  # inches
COLUMNS = 4


class Strip(NamedTuple):
    """One row of the figure.

    Args:
        title: name of the mesh.
        stages: what is drawn in each panel; the same one where the mesh does not move.
        values: [columns, V], NaN where nothing was observed.
        captions: one per panel.
    """

    title: str
    stages: list[Stage]
    values: np.ndarray
    captions: list[str]


def dataset_figure(file: DatasetFile, *, field: str | None = None, meshes: Sequence[str] | None = None) -> Figure:
    """One row per mesh, one column per time: the first test trajectory (or, with one frame each, several of them).

    A mesh that moves is drawn where it is, coloured by how far every vertex has come from where it started.

    Args:
        file: an open dataset file.
        field: which field; by default the first one that is no report of sensors.
        meshes: which meshes; by default up to three, the last one in the file among them.

    Returns:
        The figure; one colour scale for all panels, with the unit of the field.

    Raises:
        ValueError: a mesh or field that the file does not have.
    """
    names = list(meshes) if meshes is not None else _chosen(file)
    strips, unit, name = [], "1", ""
    for mesh in names:
        strip, name, unit = _strip(file, mesh, field)
        strips.append(strip)
    known = np.concatenate([strip.values.ravel() for strip in strips])
    known = known[np.isfinite(known)]
    colours = ScalarMappable(Normalize(float(known.min()), float(known.max())), SIGNAL_MAP)
    with rc_context(STYLE):
        columns = max(len(strip.stages) for strip in strips)
        heights = [PANEL_WIDTH * _aspect(strip.stages[0]) for strip in strips]
        size = (PANEL_WIDTH * columns + 1.2, sum(heights) + 0.35 * len(strips) + 0.1)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(strips), columns, squeeze=False, height_ratios=heights)
        for row, strip in enumerate(strips):
            _draw(panels[row], strip, colours, file.record(names[row]))
        bar = figure.colorbar(colours, ax=list(panels.flat), aspect=30, pad=0.02)
        bar.set_label(with_unit(name, unit), fontsize=9)
        figure.axes[-1].grid(False)
    return figure


def _chosen(file: DatasetFile) -> list[str]:
    """Up to three meshes of different kinds: names that differ in a number alone are of one kind."""
    kinds: dict[str, str] = {}
    for mesh in file.mesh_names:
        if file.trajectories(mesh) is not None:
            kinds.setdefault(mesh.rstrip("0123456789"), mesh)
    found = list(kinds.values())
    return found if len(found) <= 3 else [found[0], found[len(found) // 2], found[-1]]


def _strip(file: DatasetFile, mesh: str, field: str | None) -> tuple[Strip, str, str]:
    table = file.trajectories(mesh)
    if table is None:
        raise ValueError(f"{file.path}: mesh {mesh!r}: wanted trajectories, got none")
    fields = [name for name in table.fields if not name.endswith("_observed")]
    name = field or fields[0]
    if name not in table.fields:
        raise ValueError(f"{file.path}: field {name!r}: mesh {mesh!r} has {', '.join(table.fields)}")
    unit = table.fields[name][1]["unit"]
    tests = np.flatnonzero(table.split == "test")
    rows = tests if len(tests) else np.arange(len(table.split))
    if len(table.time) == 1:
        shown = [(int(row), 0) for row in rows[:COLUMNS]]
        captions = [f"example {number}" for number, _ in enumerate(shown)]
    else:
        last = int(table.num_frames[rows[0]]) - 1
        steps = sorted({int(step) for step in np.round(np.linspace(0, last, COLUMNS))})
        shown = [(int(rows[0]), step) for step in steps]
        captions = [time_label(float(table.time[step]), table.axis.unit) for step in steps]
    frames = [file.frames(mesh, row, step, step + 1, [name]) for row, step in shown]
    values = [np.where(True if mask is None else mask[0][:, None], found[0], np.nan) for found, mask in frames]
    stages, scalars = _stages(file.record(mesh), name, values)
    return Strip(mesh, stages, scalars, captions), "displacement" if name == "pos" else name, unit


def _stages(record: MeshRecord, name: str, values: list[np.ndarray]) -> tuple[list[Stage], np.ndarray]:
    """The stage of each panel, and the scalars [columns, V] that it shows."""
    if name != "pos":
        stage = Stage.of(record.pos, record.face, record.edge_index, record.edge["vector"], record.period)
        return [stage] * len(values), np.stack([found[:, 0] for found in values])
    stages = [Stage.of(found, record.face, record.edge_index) for found in values]
    stages = [replace(stage, view=stages[0].view) for stage in stages]
    return stages, np.stack([np.linalg.norm(found - values[0], axis=1) for found in values])


def _aspect(stage: Stage) -> float:
    """Height over width of a panel."""
    points, _ = stage.view.project(stage.pos)
    width, height = np.maximum(np.ptp(points, axis=0), 1e-300)
    return float(np.clip(height / width, 0.5, 1.4))


def _draw(panels: np.ndarray, strip: Strip, colours: ScalarMappable, record: MeshRecord) -> None:
    for axes, stage, values, caption in zip(panels, strip.stages, strip.values, strip.captions):
        stage.draw(axes, values, colours)
        axes.set_title(caption, fontsize=9, fontweight="normal")
    for axes in panels[len(strip.stages) :]:
        axes.set_axis_off()
    first = strip.stages[0]
    for axes in panels[1 : len(strip.stages)]:  # a mesh that shrinks is seen to do so
        axes.set_xlim(panels[0].get_xlim())
        axes.set_ylim(panels[0].get_ylim())
    panels[0].annotate(
        strip.title.replace("_", " "), (0, 0.5), xytext=(-8, 0), xycoords="axes fraction", textcoords="offset points",
        rotation=90, ha="right", va="center", fontsize=9, fontweight="bold", annotation_clip=False,
    )  # fmt: skip
    if first.flat:
        _label_map(panels[: len(strip.stages)], first, record.unit)


def _label_map(panels: np.ndarray, stage: Stage, unit: str) -> None:
    """A frame round each map, and its size with its unit under the first."""
    axes: Axes
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
            spine.set_color("#c3c8cf")
    points = stage.pos if stage.corners is None else stage.corners.reshape(-1, 3)
    width, height = np.ptp(points[:, :2], axis=0)
    panels[0].set_xlabel(f"{width:.3g} × {height:.3g} {plain_unit(unit)}".rstrip(), fontsize=9)
