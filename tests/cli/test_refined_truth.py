"""Truth that is simulated on a finer mesh than the one in the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.generate import generate
from pdgn.cli.geodesics_recipe import GeodesicsRecipe
from pdgn.cli.main import main
from pdgn.cli.recipe import EquationRecipe, InitialRecipe, MeshRecipe, Recipe, SensorRecipe, TrajectoryRecipe
from pdgn.data import check_file
from pdgn.mesh import bumpy_sphere, refine, write_mesh

HEAT = EquationRecipe("heat", diffusivity=0.1, contrast=3.0)
FLOW = EquationRecipe("convection_diffusion", diffusivity=0.1, contrast=3.0, velocity_modes=9)


def made(path: Path, levels: int, equation: EquationRecipe, mesh: MeshRecipe, **more: object) -> Path:
    counts = TrajectoryRecipe(train=2, valid=0, test=1, frames=6, dt=0.05, block=2, refine=levels)
    recipe = Recipe("fine", meshes=[mesh], equation=equation, initial=InitialRecipe(modes=9), trajectories=counts)
    return generate(replace(recipe, **more), path)


def contents(path: Path, mesh: str = "a") -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Field [n, T, V] and parameters of a mesh."""
    with h5py.File(path) as file:
        group = file[f"trajectories/{mesh}"]
        return group["fields/u"][..., 0], {name: values[()] for name, values in group["parameters"].items()}


@pytest.mark.parametrize("equation", [HEAT, FLOW])
def test_it_is_what_happens_on_the_finer_mesh(tmp_path: Path, equation: EquationRecipe) -> None:
    coarse = bumpy_sphere(np.random.default_rng(0), 1, amplitude=0.3)
    fine = refine(refine(coarse))
    write_mesh(coarse, tmp_path / "coarse.obj")
    write_mesh(fine, tmp_path / "fine.obj")
    files = [
        made(tmp_path / f"{name}.h5", levels, equation, MeshRecipe("a", "file", file=str(tmp_path / f"{name}.obj")))
        for name, levels in (("coarse", 2), ("fine", 0))
    ]
    (states, parameters), (expected, others) = map(contents, files)
    assert check_file(files[0]) == [] and states.shape == (3, 6, 42)
    np.testing.assert_allclose(states, expected[:, :, :42], atol=1e-6)
    np.testing.assert_allclose(parameters["diffusivity"], others["diffusivity"][:, :42], rtol=1e-6)
    if equation is FLOW:
        means = others["velocity_faces"].reshape(3, 80, 16, 3).mean(axis=2)
        np.testing.assert_allclose(parameters["velocity_faces"], means, atol=1e-6)
        assert parameters["velocity"].shape == (3, 42, 3)
        middle = fine.pos[fine.face].mean(axis=1).reshape(80, 16, 3).mean(axis=1)
        np.testing.assert_allclose(middle, coarse.pos[coarse.face].mean(axis=1), atol=1e-12)
    plain = made(tmp_path / "plain.h5", 0, equation, MeshRecipe("a", "file", file=str(tmp_path / "coarse.obj")))
    assert np.abs(contents(plain)[0] - states).max() > 0.01


def test_variants_are_refined_too(tmp_path: Path) -> None:
    ball = MeshRecipe("a", "icosphere", options={"subdivisions": 1}, variants=["finer"])
    path = made(tmp_path / "x.h5", 1, FLOW, ball)
    (states, parameters), (finer, others) = contents(path), contents(path, "a_finer")
    assert finer.shape == (1, 6, 162) and others["velocity_faces"].shape == (1, 320, 3)
    # The last trajectory, at the vertices that both have; they differ by the geometry alone.
    size = states[-1].std()
    assert 0 < np.abs(finer[0, :, :42] - states[-1]).max() < 0.35 * size
    assert np.abs(others["diffusivity"][0, :42] / parameters["diffusivity"][-1] - 1).max() < 0.05


def test_truth_on_a_periodic_plane_converges_at_second_order(tmp_path: Path) -> None:
    """There what is drawn depends on positions alone."""
    side = 2 * np.pi
    square = MeshRecipe("a", "grid", options={"nx": 12, "ny": 12, "size": [side, side], "periodic": True})
    equation, initial = EquationRecipe("plane", diffusivity=None), InitialRecipe("fourier", modes=1)
    runs = [contents(made(tmp_path / f"{k}.h5", k, equation, square, initial=initial))[0] for k in range(4)]
    assert runs[0].shape == (3, 6, 144) and np.allclose(runs[0][:, 0], runs[3][:, 0], atol=1e-6)
    changes = [np.sqrt(np.square(fine - coarse).mean()) for coarse, fine in zip(runs, runs[1:])]
    assert 3.5 < changes[0] / changes[1] < 4.2 and 3.8 < changes[1] / changes[2] < 4.2
    watched = {"initial": initial, "sensors": SensorRecipe(count=20, keep_surface=True)}
    states = made(tmp_path / "sensors.h5", 1, equation, square, **watched)
    with h5py.File(states) as file:
        vertex = file["meshes/a_sensors/node/vertex"][()]
    np.testing.assert_array_equal(contents(states, "a_sensors")[0], runs[1][:, :, vertex])


def test_a_negative_level_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = str(Path(__file__).resolve().parents[2] / "datasets" / "tiny.yaml")
    words = ["--config", tiny, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--trajectories.refine", "-1"]
    assert main(words, command="generate") == 2
    assert "refine: wanted" in capsys.readouterr().err


def test_nothing_is_refined_where_nothing_is_simulated() -> None:
    with pytest.raises(ValueError, match="trajectories.refine: wanted 0, as 'geodesics' simulates nothing, given 2"):
        Recipe("far", meshes=[], geodesics=GeodesicsRecipe(), trajectories=TrajectoryRecipe(refine=2))
