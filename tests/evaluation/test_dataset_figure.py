"""The figure of a data card: one row per mesh, one scale with its unit, moving meshes where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock, open_file
from pdgn.evaluation.dataset_figure import dataset_figure
from pdgn.mesh import grid, icosphere

ATTRIBUTES = {name: {"unit": unit, "equation": "", "boundary": ""} for name, unit in (("u", "kg/m^2"), ("pos", "m"))}
TIME = 0.5 * np.arange(9)


def write(path: Path, field: str) -> Path:
    """Two meshes; u grows from 0 to 8 (9 at one vertex), the sphere shrinks to a half."""
    with DatasetWriter(
        path, config="a: 1", name="x", seed=0, field_attributes={field: ATTRIBUTES[field]}, time_unit="s"
    ) as writer:
        for name, mesh in {"ball": icosphere(1), "square": grid(4, 5, (3.0, 2.0))}.items():
            writer.write_mesh(name, MeshRecord.from_mesh(mesh, unit="m"))
            scale = 1 - np.arange(9) / 16
            values = scale[:, None, None] * mesh.pos if field == "pos" else np.arange(9.0)[:, None, None]
            values = np.broadcast_to(values, (9, mesh.num_vertices, 3 if field == "pos" else 1)).copy()
            values[-1, 0] += 0 if field == "pos" else 1
            # Training trajectories are not shown.
            both = np.stack([values + 100 * (field == "u"), values]).astype(np.float32)
            writer.write_block(TrajectoryBlock(name, 0, TIME, {field: both}, split=("train", "test")))
        return writer.finish()


def test_rows_are_meshes_columns_are_times_and_the_scale_is_that_of_the_test_trajectory(tmp_path: Path) -> None:
    with open_file(write(tmp_path / "x.h5", "u")) as file:
        figure = dataset_figure(file)
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == ["t = 0 s", "t = 1.5 s", "t = 2.5 s", "t = 4 s"] * 2
    assert bar.get_ylabel() == "u [kg/m²]" and bar.get_ylim() == (0.0, 9.0)
    assert panels[4].get_xlabel() == "3 × 2 m" and panels[0].get_xlabel() == ""


def test_a_moving_mesh_is_drawn_where_it_is_and_coloured_by_its_displacement(tmp_path: Path) -> None:
    with open_file(write(tmp_path / "x.h5", "pos")) as file:
        figure = dataset_figure(file, meshes=["ball"])
    *panels, bar = figure.axes
    assert bar.get_ylabel() == "displacement [m]"
    np.testing.assert_allclose(bar.get_ylim(), (0.0, 0.5), atol=1e-6)  # float32
    assert len({axes.get_xlim() for axes in panels}) == 1
    widths = [np.ptp(np.concatenate([p.vertices for p in axes.collections[0].get_paths()])[:, 0]) for axes in panels]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 1 - 3 / 16, 1 - 5 / 16, 0.5], rtol=1e-5)


def test_what_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    with open_file(write(tmp_path / "x.h5", "u")) as file:
        with pytest.raises(ValueError, match="field 'w': mesh 'ball' has u"):
            dataset_figure(file, field="w")
        with pytest.raises(ValueError, match="wanted one of the meshes ball, square, got 'cube'"):
            dataset_figure(file, meshes=["cube"])
