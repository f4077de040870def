"""Sensors on simulated surfaces: the noise and the gaps that were asked for, the truth beside them, training on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from pdgn.cli.generate import generate
from pdgn.cli.main import main
from pdgn.cli.recipe import EquationRecipe, InitialRecipe, MeshRecipe, Recipe, SensorRecipe, TrajectoryRecipe
from pdgn.cli.sensor_network import draw_gaps, field_deviation
from pdgn.data import MeshDynamicsDataset, check_file, open_file

ROOT = Path(__file__).resolve().parents[2]
TINY = str(ROOT / "datasets" / "tiny.yaml")
SPHERE = MeshRecipe("ball", "icosphere", options={"subdivisions": 3})
SENSORS = SensorRecipe(80, noise=0.1, gaps=0.2, gap_length=4.0, keep_surface=True)


def recipe(**more: object) -> Recipe:
    counts = TrajectoryRecipe(train=2, valid=1, test=1, frames=25, dt=0.02)
    made = Recipe(
        "sensed", meshes=[SPHERE], equation=EquationRecipe("heat", diffusivity=0.05, unit="K"),
        initial=InitialRecipe(modes=16), trajectories=counts, sensors=SENSORS,
    )  # fmt: skip
    return replace(made, **more)


@pytest.fixture(scope="module")
def sensed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(recipe(), tmp_path_factory.mktemp("sensed") / "x.h5")


def test_the_truth_at_the_sensors_is_that_of_the_surface(sensed: Path) -> None:
    assert check_file(sensed) == []
    with h5py.File(sensed) as file:
        vertex = file["meshes/ball_sensors/node/vertex"][()]
        network, surface = file["trajectories/ball_sensors"], file["trajectories/ball"]
        assert "face" not in file["meshes/ball_sensors"] and list(surface["fields"]) == ["u"]
        np.testing.assert_array_equal(file["meshes/ball_sensors/pos"][()], file["meshes/ball/pos"][()][vertex])
        np.testing.assert_array_equal(network["fields/u"][()], surface["fields/u"][()][:, :, vertex])
        np.testing.assert_array_equal(network["split"][()], surface["split"][()])


def test_noise_and_gaps_are_those_that_were_asked_for(sensed: Path) -> None:
    with h5py.File(sensed) as file:
        group = file["trajectories/ball_sensors"]
        truth, reported = group["fields/u"][..., 0], group["fields/u_observed"][..., 0]
        mask, size = group["mask/u_observed"][()], group["parameters/u_noise"][()]
        assert group["fields/u_observed"].attrs["unit"] == group["parameters/u_noise"].attrs["unit"] == "K"
        np.testing.assert_allclose(size, 0.1 * field_deviation(file["trajectories/ball/fields/u"][()]), rtol=1e-6)
    assert np.isnan(reported[~mask]).all()
    noise = (reported - truth) / size[:, None, None]
    count = mask.sum()
    # Of a sample of white noise: mean within 5/√n, standard deviation within 5/√(2n), neighbours in time uncorrelated.
    assert abs(noise[mask].mean()) < 5 / np.sqrt(count)
    assert abs(noise[mask].std() - 1) < 5 / np.sqrt(2 * count)
    both = mask[:, 1:] & mask[:, :-1]
    assert abs((noise[:, 1:] * noise[:, :-1])[both].mean()) < 5 / np.sqrt(both.sum())
    # A chain of mean gap L has the correlation (1 − 1/L − 1/L') in time; the fraction missing scatters by its root.
    fraction = 1 - mask.mean()
    assert abs(fraction - 0.2) < 5 * np.sqrt(0.2 * 0.8 * 2 * 4 / mask.size)


def test_gaps_have_the_fraction_and_the_length_that_were_asked_for() -> None:
    wanted = SensorRecipe(2, gaps=0.3, gap_length=5.0)
    missing = draw_gaps((40, 500, 50), wanted, np.random.default_rng(0))
    begun = missing[:, 1:] & ~missing[:, :-1]
    ended = missing[:, :-1] & ~missing[:, 1:]
    # A million frames: means of about 10^5 gaps, to five standard deviations of a geometric law.
    assert abs(missing.mean() - 0.3) < 0.005
    assert abs(missing[:, :-1].sum() / ended.sum() - 5.0) < 5 * np.sqrt(5 * 4 / ended.sum()) * 1.5
    assert abs((~missing[:, :-1]).sum() / begun.sum() - 5.0 * 0.7 / 0.3) < 0.2
    assert abs(missing[:, 0].mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 2000)  # from the first frame on
    assert not draw_gaps((2, 9, 3), SensorRecipe(3), np.random.default_rng(0)).any()


def test_windows_show_reports_and_want_the_truth(sensed: Path) -> None:
    windows = MeshDynamicsDataset(sensed, "train", history=5, horizon=4)
    assert windows.meshes == ("ball_sensors",) and windows.fields == ("u",)
    data = windows[3]
    key, start = windows.window(3)
    with open_file(sensed) as file:
        reported, mask = file.frames(key.mesh, key.row, start, start + 5, ["u_observed"])
        truth, _ = file.frames(key.mesh, key.row, start + 5, start + 9, ["u"])
    assert mask is not None and not mask.all()
    np.testing.assert_array_equal(data.x_mask.numpy().T, mask)
    np.testing.assert_array_equal(data.x.numpy().swapaxes(0, 1), np.where(mask[..., None], reported, 0))
    np.testing.assert_array_equal(data.y.numpy().swapaxes(0, 1), truth)
    assert data.y_mask.all()
    whole = MeshDynamicsDataset(sensed, "test", history=5, horizon=4, meshes=["ball"])
    assert whole[0].y.shape == (642, 4, 1)  # the full field can be read beside it
    plain = MeshDynamicsDataset(sensed, "train", history=5, horizon=4, fields=["u_observed"])
    assert not plain[3].y_mask.all()


def test_another_seed_of_the_sensors_observes_the_same_trajectories(sensed: Path, tmp_path: Path) -> None:
    other = generate(recipe(sensors=replace(SENSORS, seed=1)), tmp_path / "x.h5")
    with h5py.File(sensed) as first, h5py.File(other) as second:
        one, two = (file["trajectories/ball/fields/u"][()] for file in (first, second))
        np.testing.assert_array_equal(one, two)
        places = [set(file["meshes/ball_sensors/node/vertex"][()]) for file in (first, second)]
        assert len(places[0] & places[1]) < 40  # 80 of 642 twice: 10 in common are expected


def test_a_graph_along_the_surface_has_lengths_along_it(tmp_path: Path) -> None:
    path = generate(recipe(sensors=replace(SENSORS, graph="geodesic_knn", k=5)), tmp_path / "x.h5")
    assert check_file(path) == []
    with h5py.File(path) as file:
        network = file["meshes/ball_sensors"]
        along, straight = network["edge/geodesic_length"][()], network["edge/length"][()]
    # On the unit sphere an arc is 2 asin(chord/2); the polyhedron of 642 vertices lies up to 0.6 % inside it.
    np.testing.assert_allclose(along, 2 * np.arcsin(straight / 2), rtol=0.01)


def test_sensors_of_a_number_observe_any_recipe_and_a_model_trains_on_them(tmp_path: Path) -> None:
    path = tmp_path / "tiny.h5"
    assert main(["--config", TINY, "--output", str(path), "--workers", "1", "--sensors", "20"], command="generate") == 0
    assert check_file(path) == []
    with h5py.File(path) as file:
        assert sorted(file["meshes"]) == sorted(
            f"{name}{tail}" for name in ("bumpy_0", "bumpy_1", "sphere") for tail in ("", "_sensors")
        )
        assert not file["trajectories/sphere_sensors/mask/u_observed"][()].all()
    config = yaml.safe_load((ROOT / "configs" / "tiny.yaml").read_text())
    config["data"] |= {"file": str(path)}
    config["training"] |= {"epochs": 1}
    config |= {"output": str(tmp_path / "runs"), "evaluation": {"baselines": ["persistence"], "figures": False}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    assert main(["train", "--config", str(tmp_path / "c.yaml")]) == 0
    checkpoint = next((tmp_path / "runs").glob("**/best.ckpt"))
    assert main(["evaluate", "--checkpoint", str(checkpoint)]) == 0


@pytest.mark.parametrize(
    "sensors, message",
    [
        ("{count: 20, gaps: 1.0}", "sensors.gaps: wanted a fraction of at least 0 and below 1, given 1.0"),
        ("{count: 20, gaps: 0.9}", "sensors.gap_length: wanted at least gaps/(1 - gaps) = 9 frames"),
        ("{count: 20, noise: -1.0}", "sensors.noise: wanted a finite number of at least 0, given -1.0"),
        ("1", "sensors.count: wanted a finite number of at least 2, given 1"),
        ("43", "mesh 'bumpy_0_sensors': sensors.count: wanted at most the 42 vertices to choose from, given 43"),
    ],
)
def test_mistakes_are_one_line(sensors: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--sensors", sensors]
    assert main(words, command="generate") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("pdgn: error: ") and message in lines[-1]
    assert not list(tmp_path.iterdir())
