"""Splits by mesh and by resolution: the same functions on coarser, finer and re-triangulated surfaces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.carried import carried_flow
from pdgn.cli.generate import generate
from pdgn.cli.jobs import plan
from pdgn.cli.recipe import EquationRecipe, InitialRecipe, MeshRecipe, Recipe, SensorRecipe, TrajectoryRecipe
from pdgn.data import MeshDynamicsDataset, check_file
from pdgn.mesh import TriMesh, bumpy_sphere, icosphere, refine, transfer, variant, write_mesh
from pdgn.operators import gradient
from pdgn.simulate import random_face_velocity

KINDS = ["coarser", "finer", "retriangulated"]
BALL = MeshRecipe("ball", "icosphere", options={"subdivisions": 3}, area=5.0, variants=KINDS)  # type: ignore[arg-type]
OTHER = MeshRecipe("other", "torus", options={"major": 1.0, "minor": 0.4, "n_major": 24, "n_minor": 12}, role="test")


def recipe(**more: object) -> Recipe:
    counts = TrajectoryRecipe(train=2, valid=1, test=3, frames=6, dt=0.02, block=2)
    made = Recipe(
        "variants", meshes=[BALL, OTHER], equation=EquationRecipe("heat", diffusivity=0.1, contrast=3.0),
        initial=InitialRecipe(modes=9), trajectories=counts,
    )  # fmt: skip
    return replace(made, **more)


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(recipe(), tmp_path_factory.mktemp("varied") / "x.h5")


def read(path: Path, mesh: str) -> tuple[TriMesh, np.ndarray, np.ndarray, dict[str, list[str]]]:
    """Mesh, field [n, T, V], diffusivity [n, V] and the splits of a file."""
    with h5py.File(path) as file:
        surface, group = file[f"meshes/{mesh}"], file[f"trajectories/{mesh}"]
        splits = {"split": group["split"][()].astype(str).tolist()}
        splits |= {k: v.astype(str).tolist() for k, v in group["split"].attrs.items() if k != "attribute_hash"}
        made = TriMesh(surface["pos"][()], surface["face"][()])
        return made, group["fields/u"][..., 0], group["parameters/diffusivity"][..., 0], splits


def test_variants_run_the_test_trajectories_of_their_surface_again(varied: Path) -> None:
    assert check_file(varied) == []
    ball, truth, kappa, _ = read(varied, "ball")
    for kind, vertices in zip(KINDS, (162, 2562, 642)):
        mesh, states, diffusivity, _ = read(varied, f"ball_{kind}")
        assert mesh.num_vertices == vertices and len(states) == 3
        # On one sphere, to what chords leave out of it; another triangulation of 642 vertices is off by 1.0 % at most.
        radius = np.linalg.norm(mesh.pos, axis=1)
        np.testing.assert_allclose(radius, np.linalg.norm(ball.pos, axis=1).mean(), rtol=1e-6)
        for row in range(3):  # rows 3, 4, 5 of the surface: the second half of a block, and a whole one
            np.testing.assert_allclose(states[row, 0], transfer(ball, truth[3 + row, 0], mesh), atol=1e-5)
            np.testing.assert_allclose(diffusivity[row], transfer(ball, kappa[3 + row], mesh), rtol=1e-6)
            # The same solution a tenth of a time unit later, to the error of the coarsest mesh (edges of 0.3).
            last = transfer(mesh, states[row, -1], ball)
            assert np.linalg.norm(last - truth[3 + row, -1]) < 0.05 * np.linalg.norm(truth[3 + row, -1])
        assert not np.array_equal(states[0], states[1])


def test_splits_by_mesh_and_by_resolution(varied: Path) -> None:
    train = ["train", "train", "valid"]
    none, test = ["none"] * 3, ["test"] * 3
    _, _, _, ball = read(varied, "ball")
    assert ball == {"split": train + test, "by_mesh": train + none, "by_resolution": train + none}
    assert read(varied, "ball_finer")[3] == {"split": test, "by_mesh": none, "by_resolution": test}
    assert read(varied, "other")[3] == {"split": test, "by_mesh": test, "by_resolution": none}
    by_mesh = MeshDynamicsDataset(varied, "test", history=1, horizon=2, scheme="by_mesh")
    assert by_mesh.meshes == ("other",)
    by_resolution = MeshDynamicsDataset(varied, "test", history=1, horizon=2, scheme="by_resolution")
    assert by_resolution.meshes == tuple(f"ball_{kind}" for kind in KINDS)
    assert len(MeshDynamicsDataset(varied, "train", history=1, horizon=2, scheme="by_resolution").trajectories()) == 2
    with pytest.raises(ValueError, match="wanted the scheme 'by_size', got by_mesh, by_resolution"):
        MeshDynamicsDataset(varied, "test", history=1, horizon=2, scheme="by_size")


def test_no_variants_no_scheme(tmp_path: Path) -> None:
    path = generate(recipe(meshes=[replace(BALL, variants=[])]), tmp_path / "x.h5")
    assert set(read(path, "ball")[3]) == {"split"}


def test_a_mesh_file_has_variants_and_sensors_on_each(tmp_path: Path) -> None:
    write_mesh(bumpy_sphere(np.random.default_rng(0), 3), tmp_path / "mine.obj")
    entry = MeshRecipe("mine", "file", str(tmp_path / "mine.obj"), area=5.0, variants=["coarser"])
    sensed = recipe(meshes=[entry], sensors=SensorRecipe(30, noise=0.1, keep_surface=True))
    assert check_file(generate(sensed, tmp_path / "x.h5")) == []
    with h5py.File(tmp_path / "x.h5") as file:
        assert sorted(file["meshes"]) == ["mine", "mine_coarser", "mine_coarser_sensors", "mine_sensors"]
        assert np.isclose(file["meshes/mine/node/mass"][()].sum(), 5.0)
        assert np.isclose(file["meshes/mine_coarser/node/mass"][()].sum(), 5.0, rtol=0.03)
        assert file["trajectories/mine_coarser_sensors/fields/u_observed"].shape == (3, 6, 30, 1)


def test_a_flow_stays_free_of_divergence_and_is_the_same_flow() -> None:
    generator = np.random.default_rng(0)
    mesh = bumpy_sphere(generator, 3)
    flow = random_face_velocity(mesh, generator, num_modes=6)
    finer = refine(mesh)
    moved = carried_flow(flow, mesh, finer)
    # The refined polyhedron is the same one: every child has its parent's velocity. Solves are good to 1e-9.
    np.testing.assert_allclose(moved, np.repeat(flow, 4, axis=0), atol=1e-8)
    coarser = variant(mesh, "coarser", generator)
    on_coarse = carried_flow(flow, mesh, coarser)
    flux = gradient(coarser).T @ (coarser.face_area[:, None] * on_coarse).ravel()
    assert np.abs(flux).max() < 1e-8 * np.abs(on_coarse).max()


def test_a_potential_flow_is_carried_too() -> None:
    mesh = icosphere(3)
    flow = (gradient(mesh) @ mesh.pos[:, 2]).reshape(-1, 3)
    np.testing.assert_allclose(carried_flow(flow, mesh, refine(mesh)), np.repeat(flow, 4, axis=0), atol=1e-8)


def test_jobs_of_a_variant_share_the_draws_of_their_surface() -> None:
    jobs = [job for job in plan(recipe()) if job.mesh == "ball_finer"]
    assert [(job.block, job.first, job.last, job.draw, job.drawn) for job in jobs] == [(0, 0, 1, 1, 2), (1, 1, 3, 2, 2)]
