"""A recipe of distances: (mesh, sources) → distance, beside geodesic fields and curves, as the command makes it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.generate import generate
from pdgn.cli.recipe import GeodesicsRecipe, MeshRecipe, Recipe, SensorRecipe
from pdgn.data import check_file
from pdgn.geodesics import geodesic_distance
from pdgn.mesh import TriMesh

BALL = MeshRecipe("ball", "icosphere", options={"subdivisions": 2}, variants=["coarser"])
OTHER = MeshRecipe("other", "icosphere", options={"subdivisions": 1}, role="test")
WANTED = GeodesicsRecipe(train=3, valid=1, test=2, most_sources=3, block=4)


def test_samples_splits_fields_and_curves_of_a_recipe(tmp_path: Path) -> None:
    recipe = Recipe("distances", meshes=[BALL, OTHER], geodesics=WANTED, geodesic_sources=[0, 5], curves=1, unit="m")
    assert check_file(generate(recipe, tmp_path / "x.h5")) == []
    with h5py.File(tmp_path / "x.h5") as file:
        meshes, groups = file["meshes"], file["trajectories"]
        assert sorted(groups) == ["ball", "ball_coarser", "other"]
        assert groups["ball/split"][()].astype(str).tolist() == ["train"] * 3 + ["valid"] + ["test"] * 2
        assert groups["ball_coarser/split"].attrs["by_resolution"].astype(str).tolist() == ["test"] * 2
        assert groups["ball/fields/distance"].attrs["unit"] == "m"
        np.testing.assert_array_equal(meshes["ball/geodesic/sources"][()], [0, 5])
        assert list(meshes["ball/curves"]) == ["curve_0"]
        for name in groups:
            mesh = TriMesh(meshes[name]["pos"][()], meshes[name]["face"][()])
            source, distance = (groups[name][f"fields/{field}"][:, 0, :, 0] for field in ("source", "distance"))
            assert len({tuple(row) for row in source}) == len(source)  # another draw for every sample
            for row, wanted in zip(source, distance):
                np.testing.assert_allclose(geodesic_distance(mesh, np.flatnonzero(row)).min(axis=0), wanted, atol=1e-12)


def test_distances_are_not_observed_by_sensors() -> None:
    with pytest.raises(ValueError, match="sensors: wanted null, as 'geodesics' simulates nothing"):
        Recipe("distances", meshes=[OTHER], geodesics=WANTED, sensors=SensorRecipe(5))
