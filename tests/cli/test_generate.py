"""`pdgn generate`: recipes to files, whatever the number of workers, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from pdgn.cli import generate as command
from pdgn.cli.main import main
from pdgn.data import check_file, open_file
from pdgn.geodesics import geodesic_distance
from pdgn.mesh import TriMesh, icosphere, write_mesh
from pdgn.simulate import ConvectionDiffusion, Heat, simulate
from tests.cli.generated import RECIPES, assert_same

TINY = str(RECIPES / "tiny.yaml")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "tiny.h5"
    assert main(["--config", TINY, "--output", str(path), "--workers", "1"], command="generate") == 0
    return path


def test_the_stored_config_regenerates_the_file(tiny: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "again.yaml"
    with open_file(tiny) as file:
        recipe.write_text(str(file.attributes["config"]))
    words = ["--config", str(recipe), "--output", str(tmp_path / "again.h5"), "--workers", "1"]
    assert main(words, command="generate") == 0
    assert_same(tiny, tmp_path / "again.h5")


def test_trajectories_are_those_of_the_simulator(tiny: Path) -> None:
    with h5py.File(tiny) as file:
        sphere, group = file["meshes/sphere"], file["trajectories/sphere"]
        mesh = TriMesh(sphere["pos"][()], sphere["face"][()])
        stored, time = group["fields/u"][()], group["time"][()]
        assert [entry.decode() for entry in group["split"][()]] == ["test", "test"]
    assert np.array_equal(mesh.pos, icosphere(1).pos)
    again = simulate(Heat(0.1), mesh, stored[:, 0, :, 0].T, dt=0.05, steps=10)
    # Float32 frames: the initial state is rounded once, the result once more, values up to 3.
    np.testing.assert_allclose(np.moveaxis(again.fields["u"], 2, 0)[..., None], stored, atol=1e-6)
    np.testing.assert_allclose(time, again.time)


def test_the_velocity_on_faces_makes_the_trajectories_again(tmp_path: Path) -> None:
    recipe = {
        "name": "flow", "description": "A flow.", "seed": 1, "unit": "m",
        "meshes": [{"name": "sphere", "shape": "icosphere", "options": {"subdivisions": 2}}],
        "equation": {"name": "convection_diffusion", "diffusivity": 0.02, "speed": 1.0, "velocity_modes": 6},
        "initial": {"name": "eigenfunctions", "modes": 9, "decay": 1.0},
        "trajectories": {"train": 2, "valid": 1, "test": 1, "frames": 5, "dt": 0.05, "block": 2},
    }  # fmt: skip
    config, path = tmp_path / "flow.yaml", tmp_path / "flow.h5"
    config.write_text(yaml.safe_dump(recipe))
    assert main(["--config", str(config), "--output", str(path), "--workers", "1"], command="generate") == 0
    with h5py.File(path) as file:
        sphere, group = file["meshes/sphere"], file["trajectories/sphere"]
        mesh = TriMesh(sphere["pos"][()], sphere["face"][()])
        stored = group["fields/u"][0, :, :, 0]
        flows = {name: group[f"parameters/{name}"] for name in ("velocity", "velocity_faces")}
        assert flows["velocity_faces"].shape == (4, 320, 3)
        assert flows["velocity_faces"].attrs["unit"] == flows["velocity"].attrs["unit"]
        again = {
            name: simulate(ConvectionDiffusion(flow[0], 0.02), mesh, stored[0], dt=0.05, steps=4).fields["u"]
            for name, flow in flows.items()
        }
    errors = {name: np.abs(values.reshape(stored.shape) - stored).max() for name, values in again.items()}
    assert errors["velocity_faces"] < 1e-6  # float32 frames
    assert errors["velocity"] > 1e-3  # means at vertices are another flow
    assert not list(check_file(path))


def test_an_interrupted_run_is_continued(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "tiny.h5", command.computed
    seen: list[int] = []

    def killed(recipe, tasks, *where):  # type: ignore[no-untyped-def]
        seen.append(len(tasks))
        for count, result in enumerate(real(recipe, tasks, *where)):
            if count == 6:
                raise KeyboardInterrupt
            yield result

    words = ["--config", TINY, "--output", str(path), "--workers", "1"]
    monkeypatch.setattr(command, "computed", killed)
    assert main(words, command="generate") == 130
    assert not path.exists()
    assert main([*words, "--seed", "1"], command="generate") == 2  # another recipe does not continue this one
    monkeypatch.setattr(command, "computed", lambda *given: (seen.append(len(given[1])), real(*given))[1])
    assert main(words, command="generate") == 0
    assert seen == [3 + 9, 6]  # three surfaces and nine blocks
    assert_same(path, tiny)


def test_sensors_on_the_periodic_square(tmp_path: Path) -> None:
    path = tmp_path / "plane.h5"
    words = ["--config", str(RECIPES / "plane.yaml"), "--output", str(path), "--workers", "1"]
    small = ["--trajectories.train", "2", "--trajectories.valid", "0", "--trajectories.test", "1"]
    options = f"{{nx: 40, ny: 40, size: [{2 * np.pi}, {2 * np.pi}], periodic: true}}"
    mesh = f"[{{name: plane, shape: grid, options: {options}}}]"
    sensors = "{count: 60, graph: knn, k: 4, stride: 2}"
    assert main([*words, *small, "--meshes", mesh, "--sensors", sensors], command="generate") == 0
    assert check_file(path) == []
    with h5py.File(path) as file:
        record, fields = file["meshes/plane"], file["trajectories/plane/fields/f"]
        assert "face" not in record and fields.shape == (3, 20, 60, 1)
        spacing = 2 * np.pi / 20
        steps = record["pos"][:, :2] / spacing
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)  # only every second vertex is a candidate
        assert len(np.unique(np.round(steps), axis=0)) == 60


def test_geodesic_distances_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "tiny.h5"
    words = ["--config", TINY, "--output", str(path), "--workers", "1", "--geodesic_sources", "2"]
    assert main(words, command="generate") == 0
    with h5py.File(path) as file:
        group = file["meshes/sphere/geodesic"]
        wanted = geodesic_distance(icosphere(1), group["sources"][()].tolist(), method="exact")
        np.testing.assert_array_equal(group["exact"][()], wanted)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_is_valid(recipe: Path) -> None:
    args = command.build_parser().parse_args(["--config", str(recipe), "--output", "x.h5"])
    assert command.recipe_of(args).name == recipe.stem
    assert yaml.safe_load(recipe.read_text())["name"] == recipe.stem


TWO = TriMesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize(
    "more, message",
    [
        (["--meshes", "[{name: a, shap: torus}]"], r"meshes[0].shap: unknown key"),
        (["--meshes", "[{name: a, shape: torrus}]"], r"meshes[0].shape: wanted one of bumpy_sphere"),
        (["--meshes", "[{name: a, shape: torus, options: {majr: 1}}]"], "did you mean 'major'"),
        (["--meshes", "[{name: a, shape: file, file: nowhere.obj}]"], "no file nowhere.obj"),
        (["--meshes", "[]"], "wanted meshes or stations"),
        (["--equation.diffusivity", "-1"], "diffusivity"),
        (["--equation.diffusivty", "1"], "did you mean 'equation.diffusivity'"),
        (["--trajectories.dt", "0"], "dt"),
        (["--trajectories.frames", "1"], "trajectories.frames: wanted a finite number of at least 2, given 1"),
        (["--seed", "-1"], "seed: wanted an integer of at least 0, given -1"),
        (["--equation.speed", "2"], "equation.speed: wanted 0, as 'heat' takes no velocity, given 2.0"),
        (
            ["--equation.name", "plane", "--equation.contrast", "2"],
            "equation.contrast: wanted 1, as 'plane' has its own",
        ),
        (["--equation.unit", ""], "equation.unit: wanted text that is not empty"),
        (["--equation.field", "pos"], "equation.field: wanted another name"),
        (["--meshes", "[{name: a, shape: bumpy_sphere, count: 0}]"], "mesh 'a'.count: wanted"),
        (["--meshes", "[{name: a, shape: icosphere, area: -1}]"], "mesh 'a'.area: wanted a finite number above 0"),
        (["--meshes", "[{name: a, shape: torus, options: {major: x}}]"], "option 'major': wanted a number, given 'x'"),
        (["--sensors", "{count: 5, stride: 0}"], "sensors.stride: wanted"),
        (["--output", ""], "output: wanted the path of a file"),
        (["--workers", "0"], "workers: wanted at least 1"),
        (["--initial.modes", "5000"], "num_modes: wanted at most"),
        (["--config", "tyni"], "did you mean 'tiny'"),
    ],
)
def test_a_users_mistake_is_one_line(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", *more]
    assert main(words, command="generate") == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert lines[-1].startswith("pdgn: error: ") and message in lines[-1]
    assert not list(tmp_path.iterdir()) and "Traceback" not in captured.err


def test_a_mesh_of_two_triangles_has_no_interior(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(TWO, tmp_path / "two.obj")
    mesh = f"[{{name: two, shape: file, file: {tmp_path / 'two.obj'}}}]"
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--meshes", mesh]
    assert main([*words, "--equation.boundary", "dirichlet", "--initial.modes", "2"], command="generate") == 2
    assert "interior" in capsys.readouterr().err
    assert main([*words, "--initial.modes", "4"], command="generate") == 0  # corrected in place: no .partial is left
    assert check_file(tmp_path / "x.h5") == []


def test_a_finished_file_is_kept_unless_told_otherwise(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tiny.read_bytes()
    words = ["--config", TINY, "--output", str(tiny), "--workers", "1"]
    assert main(words, command="generate") == 2
    assert "--overwrite" in capsys.readouterr().err and tiny.read_bytes() == before


def test_the_help_lists_the_keys_of_what_holds_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    shown = capsys.readouterr().out
    assert "%%" not in shown
    entry = shown.partition("keys of an entry of --meshes:\n")[2]
    text = " ".join(entry.split())
    assert "count how many members of a seeded family (bumpy_sphere). (an integer, default: 1)" in text
    assert "repair further repairs" in text and "orientation values, default: []" in text
    assert "name name in the file; members of a family get _0, _1, ... appended. (text, required)" in text
    for key in ("--sensors.gap_length", "--geodesics.most_sources", "--stations.readings"):
        assert f"\n  {key}\n" in shown
